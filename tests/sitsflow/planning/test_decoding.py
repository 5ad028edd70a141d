"""How often blocks are decoded, counted from the windows that chunks read."""

from __future__ import annotations

from datetime import date

import pytest

from sitsflow.geo.grid import Window
from sitsflow.planning.decoding import times_decoded, touched
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, Request, SensorRequest
from sitsflow.run.description import as_text
from sitsflow.simulate import raster, simulate


def test_blocks_under_a_window_are_counted():
    assert touched((10, 10), Window(row=0, col=0, height=10, width=10)) == 1
    assert touched((10, 10), Window(row=9, col=0, height=2, width=11)) == 4
    assert touched((4, 100), Window(row=3, col=5, height=6, width=1)) == 3


@pytest.mark.parametrize(
    ("chunking", "times"),
    [
        (Chunking(mode="user_fixed", size_x=128, size_y=128), 1.0),
        # Two strips: B04 has each of 2 x 2 blocks once; B05 and SCL, of one block, are read twice.
        (Chunking(mode="split_number", number=2), (4 + 2 + 2) / 6),
        # Four strips: B04 twice each.
        (Chunking(mode="split_number", number=4), (8 + 4 + 4) / 6),
    ],
)
def test_a_plan_tells_how_often_blocks_are_decoded(tmp_path, monkeypatch, chunking, times):
    monkeypatch.setattr(raster, "_JPEG2000_TILE", 64)
    period = ["T31TCJ"], date(2018, 5, 1), date(2018, 5, 11), 10, 128, 3
    simulate(tmp_path / "root", "Sentinel_2_S2C", *period)
    wanted = SensorRequest(
        sensor="Sentinel_2_S2C", root=tmp_path / "root", temporal_resolution=10,
        keep_bands=("B04", "B05"),
    )  # fmt: skip
    request = Request(
        output_path=tmp_path / "out", tiles=("T31TCJ",), sensors=(wanted,), indices=False,
        chunking=chunking,
    )  # fmt: skip
    plan, tiles = make_plan(request)
    assert plan.times_decoded == pytest.approx(times, abs=0.006)
    assert f"Decodes each block of the products {times:.1f} times" in as_text(plan, tiles)
    assert times_decoded([], {}, "bicubic") == 1.0
