"""Several sensors at once, each with its own dates, system and resolution, against NumPy."""

import shutil

import numpy as np
import pytest

from sitsflow.errors import MissingInputError
from sitsflow.planning.planner import make_plan
from tests.requests import computed, tile_values
from tests.several_sensors import MODULE, NODATA, TILE, expected_map, make_products, request_for


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    return make_products(tmp_path_factory.mktemp("several"))


@pytest.fixture
def request_of(roots, tmp_path):
    def ask(**changes):
        module = tmp_path / "mine.py"
        module.write_text(MODULE)
        return request_for(roots, tmp_path / "out", module, **changes)

    return ask


def test_three_sensors_on_one_grid_agree_with_the_slow_reference(roots, request_of):
    plan, tiles = make_plan(request_of())
    tile = tiles[TILE]
    values, expected = tile_values(plan, tile), expected_map(roots, tile.grid)
    assert values.shape == expected.shape
    np.testing.assert_array_equal(values == NODATA, expected == NODATA)
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=0.05)
    # All see the middle; only some see what is around it.
    assert 0.1 < (expected[-1] != NODATA).mean() < (expected[0] != NODATA).mean()
    order = list(dict.fromkeys(label.split("_")[0] for label in plan.labels[:-4]))
    assert order == ["Landsat8Old", "Landsat8USGS", "Sentinel2"]
    assert [len(one.target_days) for one in tile.series] == [6, 5, 10]
    assert plan.labels[-4:] == ("l8_old", "l8_usgs", "s2", "total")
    told = [text for text in plan.notices if "the folder's name counts" in text]
    assert len(told) == 2
    assert "Landsat8Old products in it tell of tile D0005H0002" in told[0]
    assert "Landsat8USGS products in it tell of tile 199029" in told[1]


@pytest.mark.slow
def test_the_function_alone_is_the_end_of_the_stack(request_of):
    whole, alone = (computed(request_of(concat_mode=mode))[TILE] for mode in (True, False))
    np.testing.assert_array_equal(whole[-4:], alone)


def test_a_tile_that_a_sensor_lacks_is_an_error_or_left_out(roots, tmp_path, request_of):
    two = {name: tmp_path / name for name in roots}
    for name, root in roots.items():
        shutil.copytree(root, two[name])
    other = "T31TDJ"
    for name in ("Sentinel_2", "Landsat8_old"):
        shutil.copytree(roots[name] / TILE, two[name] / other)
    request = request_for(two, tmp_path / "out", request_of().module, tiles=(TILE, other))
    with pytest.raises(MissingInputError) as caught:
        make_plan(request)
    said = str(caught.value)
    assert "tile T31TDJ has products of Landsat8Old, Sentinel2, and none of Landsat8USGS" in said
    assert "chain.missing_sensor_tile: skip leaves such tiles out" in said
    assert f"{two['Landsat8_usgs'] / other}: no such folder" in said
    plan, tiles = make_plan(request.model_copy(update={"missing_sensor_tile": "skip"}))
    assert list(tiles) == [TILE]
    assert any("WARNING, tile T31TDJ has products" in text for text in plan.notices)
    shutil.rmtree(two["Landsat8_usgs"] / TILE)
    with pytest.raises(MissingInputError, match="none of Landsat8USGS"):
        make_plan(request.model_copy(update={"missing_sensor_tile": "skip"}))
