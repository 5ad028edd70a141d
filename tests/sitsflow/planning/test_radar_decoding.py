"""How often blocks of radar images are decoded, against what is read of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from sitsflow.geo.grid import Window
from sitsflow.planning.decoding import times_decoded, touched
from sitsflow.planning.planner import make_plan
from sitsflow.planning.radar_decoding import radar_decoded
from sitsflow.products.scenes import Layer
from sitsflow.radar import channel
from sitsflow.request import Chunking
from sitsflow.run.description import as_text
from sitsflow.simulate import RadarOptions, simulate
from sitsflow.steps.chunk import compute_chunk
from tests.radar.requests import radar_run

TILE, DAY = "T31TCJ", date(2018, 1, 4)
BLOCK = 16


def simulated(root: Path, slices: int) -> Path:
    options = RadarOptions(orbits=("DES",), slices=slices)
    simulate(root, "Sentinel_1", [TILE], DAY, date(2018, 1, 16), 12, 128, 3, radar=options)
    return root


@pytest.fixture(scope="module")
def strips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("strips"), slices=2)


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products whose measurements have square blocks, as Cloud Optimized ones do."""
    root = simulated(tmp_path_factory.mktemp("tiled"), slices=1)
    for path in root.rglob("*.tiff"):
        plain = path.rename(path.with_suffix(".strips"))
        copy(plain, path, driver="GTiff", tiled=True, blockxsize=BLOCK, blockysize=BLOCK)
        plain.unlink()
    return root


@pytest.mark.parametrize("layout", ["strips", "tiled"])
@pytest.mark.parametrize(
    ("resolution", "chunking"),
    [
        (10.0, Chunking(mode="split_number", number=1)),
        (10.0, Chunking(mode="user_fixed", size_x=50, size_y=40)),
        (40.0, Chunking(mode="user_fixed", size_x=20, size_y=16)),
    ],
)
def test_a_plan_counts_the_blocks_that_are_read(
    layout: str, resolution: float, chunking: Chunking, request: pytest.FixtureRequest,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    root: Path = request.getfixturevalue(layout)
    # The plan takes the ground to be level.
    settings = {
        "references": root / "references", "dem": (), "constant_height": 180.0,
        "speckle_filter": "lee",
    }  # fmt: skip
    plan, tiles = make_plan(
        radar_run(root, tmp_path / "out", settings, chunking=chunking,
                  resolution=(resolution, resolution))
    )  # fmt: skip
    tile = tiles[TILE]
    (series,) = tile.series
    counted = radar_decoded(series, tile.grid, tile.read_at_once)
    done, whole = [], {}
    real = channel.read_layer

    def recorded(layer: Layer, window: Window) -> np.ndarray:
        with rasterio.open(layer.path) as file:
            block, shape = file.block_shapes[0], file.shape
        assert block == ((BLOCK, BLOCK) if layout == "tiled" else (1, shape[1]))
        done.append(touched(block, window) * block[0] * block[1])
        blocks = whole.setdefault((layer.path, block), set())
        rows, cols = (
            range(first // size, (first + length - 1) // size + 1)
            for first, length, size in zip(
                (window.row, window.col), window.shape, block, strict=True
            )
        )
        blocks.update((row, col) for row in rows for col in cols)
        return real(layer, window)

    monkeypatch.setattr(channel, "read_layer", recorded)
    for number in range(len(tile.chunks)):
        compute_chunk(plan, tile, number)
    assert counted.done == pytest.approx(sum(done), rel=0.06)
    # What border and filter look at around the tile is needed too, but not counted.
    read_once = sum(len(blocks) * size[0] * size[1] for (_, size), blocks in whole.items())
    assert 0.5 * read_once < counted.needed <= read_once
    times = counted.done / counted.needed
    assert times_decoded([tile], {}, "bicubic") == plan.times_decoded == round(times, 2)
    assert f"Decodes each block of the products {times:.1f} times" in as_text(plan, tiles)
    assert (times > 1.8) == (len(tile.read_at_once) > 1)
