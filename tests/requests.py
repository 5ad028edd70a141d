"""Requests for tests: the tutorial's, on simulated products."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sitsflow.plan import Plan, TilePlan
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, FunctionCall, Request, SensorRequest
from sitsflow.steps.chunk import compute_chunk

TILES = ("T31TCJ", "T31TDJ")
DHI = ("get_cumulative_productivity", "get_minimum_productivity", "get_seasonal_variation")


def calls(*names: str) -> tuple[FunctionCall, ...]:
    return tuple(FunctionCall(name=name) for name in names)


def sentinel2(root: Path, **changes: Any) -> SensorRequest:
    keys: dict[str, Any] = {
        "sensor": "Sentinel_2",
        "root": root,
        "temporal_resolution": 10,
        "start": date(2018, 1, 1),
        "end": date(2018, 12, 31),
    }
    return SensorRequest(**keys | changes)


def tutorial(root: Path, output: Path, **changes: Any) -> Request:
    """The tutorial's run on simulated Sentinel-2 products, in their own UTM zone."""
    keys: dict[str, Any] = {
        "output_path": output,
        "tiles": TILES[:1],
        "sensors": (sentinel2(root),),
        "auto_date": False,
        "resolution": (10.0, 10.0),
        "concat_mode": False,
        "functions": calls(*DHI),
        "chunking": Chunking(mode="split_number", number=3),
    }
    return Request(**keys | changes)


def tile_values(plan: Plan, tile: TilePlan) -> NDArray[np.float32]:
    """The whole of a tile, computed chunk by chunk: (band, row, col)."""
    out = np.full((len(plan.labels), *tile.grid.shape), np.nan, np.float32)
    for index, window in enumerate(tile.chunks):
        rows, cols = window.slices
        out[:, rows, cols] = compute_chunk(plan, tile, index).values
    return out


def computed(request: Request) -> dict[str, NDArray[np.float32]]:
    """All tiles of a request."""
    plan, tiles = make_plan(request)
    return {name: tile_values(plan, tile) for name, tile in tiles.items()}
