"""Maps whose series are interpolated by other methods than straight lines."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from sitsflow.errors import ConfigError
from sitsflow.features.catalogue import describe
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, Interpolation
from sitsflow.run.description import as_data, as_text
from tests.reference_map import ndvi, sentinel2_series
from tests.requests import TILES, calls, tile_values, tutorial
from tests.sitsflow.timeseries.series_cases import Case, by_pixel
from tests.sitsflow.timeseries.test_interpolation import daily_whittaker

ROOT = Path(__file__).resolve().parents[3]
SMOOTH = Interpolation(method="whittaker", whittaker_lambda=200)


def nearest(days: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return values[np.abs(days - targets[:, np.newaxis]).argmin(axis=1)]


def smooth(days: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return daily_whittaker(days, values, 200)[targets - days[0]]


@pytest.mark.parametrize(
    ("how", "slow"), [(Interpolation(method="nearest"), nearest), (SMOOTH, smooth)]
)
def test_a_map_is_made_of_series_that_the_method_makes(
    products: Path, tmp_path: Path, how: Interpolation, slow: object
) -> None:
    request = tutorial(products, tmp_path, functions=calls("duplicate_ndvi"), interpolation=how)
    plan, tiles = make_plan(request)
    tile = tiles[TILES[0]]
    found = tile_values(plan, tile)
    days, valid, bands = sentinel2_series(products, TILES[0], ["B4", "B8"])
    some = np.s_[:, 30:33, 10:40]
    series = [
        by_pixel(Case(values[some], valid[some], days, list(tile.series[0].target_days)), slow)
        for values in bands.values()
    ]
    expected = ndvi(*series)
    seen = np.isfinite(expected)
    np.testing.assert_allclose(found[some][seen], expected[seen], rtol=1e-3, atol=0.1)
    assert (found[some][~seen] == -10000).all()
    linear, _ = make_plan(request.model_copy(update={"interpolation": Interpolation()}))
    assert (tile_values(linear, tile) != found).mean() > 0.3


def test_any_chunking_gives_the_same_bits(products: Path, tmp_path: Path) -> None:
    how = Interpolation(method="whittaker", whittaker_lambda="v-curve")
    request = tutorial(products, tmp_path, interpolation=how)
    other = request.model_copy(
        update={"chunking": Chunking(mode="user_fixed", size_x=37, size_y=50)}
    )
    values = []
    for one in (request, other):
        plan, tiles = make_plan(one)
        values.append(tile_values(plan, tiles[TILES[0]]))
    np.testing.assert_array_equal(*values)


def test_a_window_of_more_dates_than_there_are_is_refused(products: Path, tmp_path: Path) -> None:
    how = Interpolation(method="savitzky_golay", savitzky_golay_window=39)
    with pytest.raises(ConfigError, match="39 dates, but Sentinel2 has 37 interpolated"):
        make_plan(tutorial(products, tmp_path, interpolation=how))


def test_the_method_is_said_where_series_are_described(products: Path, tmp_path: Path) -> None:
    plan, tiles = make_plan(tutorial(products, tmp_path, interpolation=SMOOTH))
    assert "interpolated (Whittaker, lambda 200) to 37 dates" in as_text(plan, tiles)
    assert as_data(plan, tiles)["interpolation"] == "whittaker"
    about = {entry.name: entry.about for entry in describe(plan, tiles)}
    assert about["get_interpolated_Sentinel2_B4()"].endswith(", Whittaker, lambda 200")
    assert "Whittaker" not in about["get_raw_Sentinel2_B4()"]
    raw = plan.model_copy(
        update={"request": plan.request.model_copy(update={"use_gapfilling": False})}
    )
    assert "not interpolated" in as_text(raw, tiles)
    assert as_data(raw, tiles)["interpolation"] is None


def test_whoever_makes_series_passes_the_method_on() -> None:
    found = 0
    for path in (ROOT / "sitsflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Series":
                keywords = {keyword.arg for keyword in node.keywords}
                assert ("gapfilling" in keywords) == ("interpolation" in keywords), path
                found += "interpolation" in keywords
    assert found >= 5
