"""The demonstration: two simulated Sentinel-2 tiles, and a configuration of iota2's syntax."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

from blocks.cfg import render_cfg
from sitsflow.errors import OutputError
from sitsflow.io.record import write_whole
from sitsflow.simulate import simulate

TILES = ("T31TCJ", "T31TDJ")
FIRST, LAST = date(2018, 1, 1), date(2018, 12, 31)
FUNCTIONS = ("get_cumulative_productivity", "get_minimum_productivity", "get_seasonal_variation")


def prepare(out: Path, size: int, progress: Callable[[int, int], None]) -> Path:
    """Simulate the demo's products in `out`, and return the path of its configuration.

    Products of an earlier demo are taken as they are.

    Raises
    ------
    OutputError
        If somebody changed the configuration that an earlier demo wrote.
    """
    out = out.absolute()
    config = out / "features_map.cfg"
    products = out / f"sensor_data_{size}"
    _refuse_edited(config, {*out.glob("sensor_data_*"), products})
    simulated = products / "simulated"
    if not simulated.exists():
        simulate(
            products,
            "Sentinel_2",
            TILES,
            FIRST,
            LAST,
            every=15,
            size=size,
            seed=0,
            progress=progress,
        )
        write_whole(simulated, "all products are there\n")
    write_whole(config, render_cfg(_configuration(out / "output", products)))
    return config


def _refuse_edited(config: Path, all_products: Iterable[Path]) -> None:
    """Refuse to overwrite a configuration that differs from what a demo of any size writes."""
    output = config.parent / "output"
    written = {render_cfg(_configuration(output, products)) for products in all_products}
    if config.exists() and config.read_text(errors="replace") not in written:
        raise OutputError(
            f"{config} was changed since the demo wrote it, and is left as it is: "
            f"`sitsflow run {config}` runs it; remove it to get the demo's own"
        )


def _configuration(output: Path, products: Path) -> dict[str, dict[str, Any]]:
    """Return what the demo asks for, as a file holds it; the rest is iota2's defaults."""
    return {
        "chain": {
            "output_path": str(output),
            "list_tile": " ".join(TILES),
            "s2_path": str(products),
            "spatial_resolution": 10,
            "proj": "EPSG:2154",
        },
        "sensors_data_interpolation": {"auto_date": False},
        "Sentinel_2": {"start_date": f"{FIRST:%Y%m%d}", "end_date": f"{LAST:%Y%m%d}"},
        "external_features": {
            "functions": " ".join(FUNCTIONS),
            "number_of_chunks": 5,
            "concat_mode": False,
        },
    }
