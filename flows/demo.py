"""The demonstration: two simulated Sentinel-2 tiles, and a configuration like the tutorial's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from sitsflow.io.record import write_whole
from sitsflow.simulate import simulate

TILES = ("T31TCJ", "T31TDJ")
_CONFIG = """\
chain :
{{
  output_path : '{output}'
  remove_output_path : True
  list_tile : '{tiles}'
  s2_path : '{products}'
  first_step : 'init'
  last_step : 'mosaic'
  spatial_resolution : 10
  proj : 'EPSG:2154'
}}
sensors_data_interpolation : {{ auto_date : False }}
Sentinel_2 : {{ start_date : '20180101'  end_date : '20181231' }}
external_features :
{{
  functions : 'get_cumulative_productivity get_minimum_productivity get_seasonal_variation'
  number_of_chunks : 5
  concat_mode : False
  no_data_value : -10000
}}
builders : {{ builders_class_name : ['i2_features_map'] }}
task_retry_limits : {{ allowed_retry : 0  maximum_ram : 180  maximum_cpu : 40 }}
"""


def prepare(out: Path, size: int, progress: Callable[[int, int], None]) -> Path:
    """Simulate the demo's products in `out`, and return the path of its configuration.

    Products of an earlier demo are taken as they are.
    """
    out = out.absolute()
    config = out / "features_map.cfg"
    products = out / f"sensor_data_{size}"
    simulated = products / "simulated"
    if not simulated.exists():
        simulate(
            products,
            "Sentinel_2",
            TILES,
            date(2018, 1, 1),
            date(2018, 12, 31),
            every=15,
            size=size,
            seed=0,
            progress=progress,
        )
        write_whole(simulated, "all products are there\n")
    text = _CONFIG.format(output=out / "output", tiles=" ".join(TILES), products=products)
    write_whole(config, text)
    return config
