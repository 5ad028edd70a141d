"""The demonstrations: two simulated tiles, and a configuration of iota2's syntax."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from blocks.cfg import render_cfg
from sitsflow.errors import OutputError
from sitsflow.io.record import write_whole
from sitsflow.simulate import RadarOptions, simulate

TILES = ("T31TCJ", "T31TDJ")
FIRST, LAST = date(2018, 1, 1), date(2018, 12, 31)
FUNCTIONS = ("get_cumulative_productivity", "get_minimum_productivity", "get_seasonal_variation")
RADAR_DAYS = 36
Sections = dict[str, dict[str, Any]]


class Demo(NamedTuple):
    """One demonstration.

    Products are `every` days apart until `last`; `seed` is that of their world, `size` the default
    one of a tile, `options` are more of the simulation. `sections` is what the demo asks for of
    products in a folder, and `module` a file of functions that it gets a copy of.
    """

    sensor: str
    last: date
    every: int
    seed: int
    size: int
    options: dict[str, Any]
    sections: Callable[[Path], Sections]
    module: Path | None = None


def _of_sentinel2(products: Path) -> Sections:
    return {
        "chain": {"s2_path": str(products)},
        "sensors_data_interpolation": {"auto_date": False},
        "Sentinel_2": {"start_date": f"{FIRST:%Y%m%d}", "end_date": f"{LAST:%Y%m%d}"},
        "external_features": {
            "functions": " ".join(FUNCTIONS),
            "number_of_chunks": 5,
            "concat_mode": False,
        },
    }


def _of_sentinel1(products: Path) -> Sections:
    return {
        "chain": {"s1_path": str(products)},
        "Sentinel_1": {
            "dem": [str(products / "elevation.tif")],
            "ellipsoidal_heights": True,
            "references": str(products / "references"),
            "temporal_resolution": RADAR_DAYS,
        },
        "external_features": {
            "functions": "vv vh ratio",
            "number_of_chunks": 2,
            "concat_mode": False,
        },
    }


SENTINEL_2 = Demo("Sentinel_2", LAST, 15, 0, 500, {}, _of_sentinel2)
SENTINEL_1 = Demo(
    "Sentinel_1",
    date(2018, 12, 1),
    RADAR_DAYS,
    38,  # with a little of all covers
    300,
    {"radar": RadarOptions(relief="ridge", slices=2)},
    _of_sentinel1,
    Path(__file__).with_name("backscatter.py"),
)


def prepare(
    out: Path, size: int, progress: Callable[[int, int], None], demo: Demo = SENTINEL_2
) -> Path:
    """Simulate the demo's products in `out`, and return the path of its configuration.

    Products and functions of an earlier demo are taken as they are.

    Raises
    ------
    OutputError
        If somebody changed the configuration that an earlier demo wrote.
    """
    out = out.absolute()
    config = out / "features_map.cfg"
    products = out / f"sensor_data_{size}"
    _refuse_edited(config, demo, {*out.glob("sensor_data_*"), products})
    simulated = products / "simulated"
    if not simulated.exists():
        simulate(
            products, demo.sensor, TILES, FIRST, demo.last, demo.every, size, demo.seed,
            progress=progress, **demo.options,
        )  # fmt: skip
        write_whole(simulated, "all products are there\n")
    if demo.module is not None and not (out / demo.module.name).exists():
        write_whole(out / demo.module.name, demo.module.read_text(encoding="utf-8"))
    write_whole(config, _configuration(demo, products))
    return config


def _refuse_edited(config: Path, demo: Demo, all_products: Iterable[Path]) -> None:
    """Refuse to overwrite a configuration that differs from what a demo of any size writes."""
    written = {_configuration(demo, products) for products in all_products}
    if config.exists() and config.read_text(errors="replace") not in written:
        raise OutputError(
            f"{config} was changed since the demo wrote it, or is another demo's, and is left as "
            f"it is: `sitsflow run {config}` runs it; remove it to get the demo's own"
        )


def _configuration(demo: Demo, products: Path) -> str:
    """Return what a demo asks for, as a file holds it; the rest is iota2's defaults."""
    out = products.parent
    chain = {
        "output_path": str(out / "output"),
        "list_tile": " ".join(TILES),
        "spatial_resolution": 10,
        "proj": "EPSG:2154",
    }
    sections = demo.sections(products)
    if demo.module is not None:
        sections["external_features"]["module"] = str(out / demo.module.name)
    return render_cfg({**sections, "chain": chain | sections["chain"]})
