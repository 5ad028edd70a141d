"""Metrics by name: which bands they make, of which series, and what is refused."""

import ast
from pathlib import Path

import numpy as np
import pytest

import sitsflow
from sitsflow.errors import ConfigError, FunctionError
from sitsflow.features.accessors import Accessors
from sitsflow.features.code_digests import METRIC_MODULES
from sitsflow.features.functions import load_functions
from sitsflow.features.metric_names import is_metric, nearest_name, short_name
from sitsflow.features.metric_table import NAMES, TABLE, group_of
from sitsflow.features.metrics import compute_metrics, day_numbers
from sitsflow.planning import planner
from sitsflow.planning.planner import make_plan
from sitsflow.products.sensors import load_sensors
from sitsflow.request import FunctionCall
from sitsflow.steps.chunk import compute_chunk
from sitsflow.timeseries.observations import Observations
from sitsflow.timeseries.series import Series
from tests.requests import calls, computed, tile_values, tutorial
from tests.sitsflow.features.test_native import request_for, series_of


@pytest.fixture
def series() -> dict[str, Series]:
    bands = {"Landsat8_old": ("B4", "B5", "B6"), "Sentinel_2": ("B4", "B8", "B11", "B12")}
    return {
        load_sensors()[name].label: series_of(name, kept, request_for(name))[0]
        for name, kept in bands.items()
    }


@pytest.mark.parametrize(
    ("name", "arguments", "labels"),
    [
        ("ndvi_p90", {}, ["Sentinel2_NDVI_p90"]),
        ("NDVI_P90", {}, ["Sentinel2_NDVI_p90"]),
        ("b6_mean", {}, ["Landsat8Old_B6_mean"]),
        ("b4_mean", {}, ["Sentinel2_B4_mean"]),
        ("b4_mean", {"sensor": "landsat8old"}, ["Landsat8Old_B4_mean"]),
        ("nir_max", {"sensor": "Landsat8_old"}, ["Landsat8Old_B5_max"]),
        ("landsat8old_nir_max_day", {}, ["Landsat8Old_B5_max_day"]),
        ("swir2_min", {}, ["Sentinel2_B12_min"]),
        ("ndvi_season_peak_value", {}, ["Sentinel2_NDVI_season_peak_value"]),
        ("ndvi_season_end", {"season": 2}, ["Sentinel2_NDVI_season_end_2"]),
        ("ndvi_season_end", {"threshold": 0.2}, ["Sentinel2_NDVI_season_end_t20"]),
        (
            "ndvi_season_end",
            {"seasons": 2, "threshold": 0.125},
            ["Sentinel2_NDVI_season_end_t12.5_1", "Sentinel2_NDVI_season_end_t12.5_2"],
        ),
        (
            "metrics",
            {"of": "ndvi", "what": "season_peak season_end", "threshold": 0.2},
            ["Sentinel2_NDVI_season_peak", "Sentinel2_NDVI_season_end_t20"],
        ),
        (
            "metrics",
            {"of": "ndvi", "what": "season_count season_peak", "seasons": 2},
            [
                "Sentinel2_NDVI_season_count", "Sentinel2_NDVI_season_peak_1",
                "Sentinel2_NDVI_season_peak_2",
            ],
        ),
        ("valid_count", {}, ["Sentinel2_valid_count"]),
        ("landsat8old_valid_last", {}, ["Landsat8Old_valid_last"]),
        ("b6_valid_count", {}, ["Landsat8Old_valid_count"]),
        ("metrics", {"what": ["valid_gap"], "sensor": "Landsat8Old"}, ["Landsat8Old_valid_gap"]),
        (
            "metrics",
            {"of": ["ndvi", "b6"], "what": ["p5", "valid_count", "slope", "p5"]},
            [
                "Sentinel2_NDVI_p5", "Sentinel2_valid_count", "Sentinel2_NDVI_slope",
                "Landsat8Old_B6_p5", "Landsat8Old_valid_count", "Landsat8Old_B6_slope",
            ],
        ),
        ("metrics", {"of": "ndvi b8", "what": "cv"}, ["Sentinel2_NDVI_cv", "Sentinel2_B8_cv"]),
    ],
)  # fmt: skip
def test_labels(series, name, arguments, labels) -> None:
    mine = Accessors(series)
    values, found = compute_metrics(name, mine, **arguments)
    assert found == labels
    assert (values.shape, values.dtype) == ((2, 3, len(labels)), np.float32)
    assert set(mine.touched) == {label.partition("_")[0] for label in labels}


def test_of_two_sensors_with_a_band_sentinel_2_comes_first_and_else_the_first(series) -> None:
    both, other = Accessors(series), Accessors({"Landsat8Old": series["Landsat8Old"]})
    assert list(series) == ["Landsat8Old", "Sentinel2"]
    for mine, label in ((both, "Sentinel2"), (other, "Landsat8Old")):
        values, _ = compute_metrics("b4_mean", mine)
        expected = np.mean(series[label].interpolated("B4"), axis=0)
        np.testing.assert_allclose(values[:, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["b2_mean", "B2_mean", "b02_mean", "blue_mean"])
def test_bands_may_be_called_by_another_name_of_theirs(name) -> None:
    bands = load_sensors()["Sentinel_2_S2C"].band_names
    request = request_for("Sentinel_2_S2C")
    other = {"Sentinel2S2C": series_of("Sentinel_2_S2C", bands, request)[0]}
    assert compute_metrics(name, Accessors(other))[1] == ["Sentinel2S2C_B02_mean"]


REFUSED = {
    "metric": ("metrics", {"of": "ndvi", "what": ["maen"]}, "no metric 'maen'; did you mean mean?"),
    "other name": ("metrics", {"of": "ndvi", "what": "sos"}, "did you mean season_start"),
    "no metric at all": ("metrics", {"of": "ndvi", "what": "zzz"}, "metrics are p0 to p100, sum,"),
    "percentile": ("ndvi_p101", {}, "p101: percentiles are p0 to p100"),
    "index": ("ndiv_mean", {}, "no band or index 'ndiv' .*; did you mean .*NDVI"),
    "index not asked for": ("savi_mean", {}, "SAVI is an index that .*spectral_indices"),
    "index of other bands": ("dprvivv_mean", {}, "no band or index 'dprvivv'"),
    "band": ("b80_mean", {}, "no band or index 'b80' of Sentinel2 or Landsat8Old; did you mean B8"),
    "of a sensor": ("b12_mean", {"sensor": "Landsat8Old"}, "no band or index 'b12' of Landsat8Old"),
    "sensor": ("b4_mean", {"sensor": "Sentinel3"}, "no sensor with dates 'Sentinel3'.*Sentinel2"),
    "no series": ("metrics", {"what": ["mean"]}, "of is missing"),
    "no metrics": ("metrics", {"of": "ndvi"}, "what is missing"),
    "empty": ("metrics", {"of": "ndvi", "what": []}, "what: name at least one metric"),
    "masks": ("sentinel2_mean", {}, "no band or index 'sentinel2'"),
    "season of a word": ("ndvi_season_end", {"season": "one"}, "season: 'one': .*integer"),
    "season of truth": ("ndvi_season_end", {"season": True}, "season: True: .*integer"),
    "season 0": ("ndvi_season_end", {"season": 0}, "season: 0: .*greater than or equal to 1"),
    "half a season": ("ndvi_season_end", {"season": 1.5}, "season: 1.5: .*integer"),
    "both": ("ndvi_season_end", {"season": 1, "seasons": 2}, "season or seasons, not both"),
    "threshold": ("ndvi_season_end", {"threshold": 1}, "threshold: 1: .*less than 1"),
    "NaN": ("ndvi_season_end", {"min_amplitude": np.nan}, "min_amplitude: nan: .*finite"),
    "argument": ("ndvi_season_end", {"treshold": 0.2}, "treshold: .*did you mean threshold?"),
    "twice": ("ndvi_mean", {"of": "b4"}, "of: the name says it already"),
    "no season": ("ndvi_mean", {"season": 2}, "season: it changes nothing of mean, only of season"),
    "no threshold": ("ndvi_season_peak", {"threshold": 0.2}, "threshold: it changes nothing of s"),
    "all seasons": ("ndvi_season_count", {"seasons": 2}, "seasons: it changes nothing of season_c"),
    "number": ("metrics", {"of": "ndvi", "what": [90]}, "what: 90: .*string"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_faults_are_the_configurations(series, kind) -> None:
    name, arguments, message = REFUSED[kind]
    with pytest.raises(ConfigError, match=message) as raised:
        compute_metrics(name, Accessors(series), **arguments)
    assert {fault.place for fault in raised.value.faults} == {"external_features.functions"}


def test_all_faults_are_named_at_once(series, products, tmp_path) -> None:
    with pytest.raises(ConfigError) as raised:
        compute_metrics(
            "metrics", Accessors(series), of="ndvi b9 b", what=["p900", "men"], season="x", seson=1
        )
    words = ("p900", "'men'", "season: 'x'", "seson", "'b9'", "'b'")
    texts = [fault.message for fault in raised.value.faults]
    assert [word in text for word, text in zip(words, texts, strict=True)] == [True] * 6
    with pytest.raises(ConfigError) as raised:
        compute_metrics("ndvi_p90", Accessors(series), min_rise=0.3, min_amplitude=9)
    places = [fault.message.split(": ")[2] for fault in raised.value.faults]
    assert places == ["min_rise", "min_amplitude"]
    functions = (*calls("ndiv_mean", "ndvi_mean", "b2_p200"),)
    with pytest.raises(ConfigError) as raised:
        make_plan(tutorial(products, tmp_path, functions=functions))
    assert [fault.message.partition(":")[0] for fault in raised.value.faults] == [
        "ndiv_mean", "b2_p200",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ndvi_p90", ("ndvi", "p90")),
        ("b8a_harmonic_amplitude", ("b8a", "harmonic_amplitude")),
        ("my_index_amplitude", ("my_index", "amplitude")),
        ("valid_count", ("", "valid_count")),
        ("ndvi_p900", ("ndvi", "p900")),
        ("p90", None), ("mean", None), ("get_ndvi", None), ("ndvi_", None), ("_", None),
    ],
)  # fmt: skip
def test_names_are_cut_at_the_metric(name, parts) -> None:
    assert short_name(name) == parts
    assert is_metric(name) == (parts is not None)


def test_the_nearest_short_name() -> None:
    assert nearest_name("ndvi_stdev") == "ndvi_std"
    assert nearest_name("b8_meann") == "b8_mean"
    assert nearest_name("get_everything") is None


def test_every_name_of_the_table_is_a_metric() -> None:
    assert all(group_of(name) for name in NAMES)
    assert len(TABLE) == len(NAMES) + 1 == len({one.name for one in TABLE})
    assert [name for name in ("p0", "p100") if group_of(name) != "statistics"] == []


def test_days_are_counted_from_new_year() -> None:
    new_year = 17532  # 2018-01-01
    days = [new_year - 1, new_year, new_year + 364, new_year + 365]
    assert day_numbers(days, new_year + 50) == [0, 1, 365, 366]
    assert day_numbers(days, new_year - 1) == [365, 366, 730, 731]


@pytest.fixture
def module(tmp_path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(
        "def ndvi_p90(self):\n"
        "    return self.get_interpolated_Sentinel2_NDVI().min(axis=2) * 0 + 7, ['mine']\n"
    )
    return path


def test_a_users_function_wins_and_other_metrics_stand_beside_it(
    module, products, tmp_path
) -> None:
    wanted = calls("ndvi_p90", "b4_mean")
    plan, tiles = make_plan(tutorial(products, tmp_path, module=module, functions=wanted))
    values = tile_values(plan, tiles["T31TCJ"])
    assert plan.labels == ("mine", "Sentinel2_B4_mean")
    assert [one.metric for one in plan.functions] == [False, True]
    assert set(np.unique(values[0])) <= {7, -10000}
    without = calls("b4_mean")
    (alone,) = computed(tutorial(products, tmp_path, functions=without)).values()
    np.testing.assert_array_equal(values[1], alone[0])


def test_a_name_that_is_neither_is_missing_in_the_module(module) -> None:
    functions = load_functions(module, ["ndvi_p90", "valid_count", "metrics"])
    assert [functions.is_metric(name) for name in ("ndvi_p90", "valid_count")] == [False, True]
    with pytest.raises(FunctionError, match=r"no function 'ndvi_range'; did you mean ndvi_ampl"):
        load_functions(module, ["ndvi_range"])
    with pytest.raises(FunctionError, match=r"no function 'ndvi_90'; did you mean ndvi_p90\?"):
        load_functions(module, ["ndvi_90"])
    with pytest.raises(
        FunctionError, match=r"^external_features\.functions: .*'zzz'; `sitsflow fu"
    ):
        load_functions(module, ["zzz"])
    with pytest.raises(ConfigError, match=r"no band or index 'nvdi'.*nearest function is ndvi_p90"):
        load_functions(module, ["nvdi_p90"]).call("nvdi_p90", Accessors({}), {}, "here")


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (("b8_mean", "ndvi_p90"), ("B4", "B8")),
        (("swir1_max",), ("B11",)),
        (("valid_count",), ()),
    ],
)
def test_only_the_bands_that_metrics_need_are_read(products, tmp_path, names, bands) -> None:
    plan, tiles = make_plan(tutorial(products, tmp_path, functions=calls(*names)))
    (tile,) = tiles.values()
    assert tile.series[0].read == bands
    assert all(one.series == ("Sentinel2",) for one in plan.functions)


def test_a_pixel_without_a_season_is_no_fault_of_a_strict_run(products, tmp_path) -> None:
    # There are no three seasons in a year.
    wanted = (FunctionCall(name="ndvi_season_peak", kwargs={"season": 3, "min_rise": 0.9}),)
    plan, tiles = make_plan(tutorial(products, tmp_path, functions=wanted, strict=True))
    (tile,) = tiles.values()
    found = compute_chunk(plan, tile, 0)
    assert not found.undefined
    assert (found.values == -10000).all()


def test_files_depend_on_the_code_of_metrics_where_there_are_any(
    products, tmp_path, monkeypatch
) -> None:
    def fingerprints() -> list[str]:
        return [
            make_plan(tutorial(products, tmp_path, functions=calls(name)))[1]["T31TCJ"].fingerprint
            for name in ("ndvi_mean", "get_ndvi")
        ]

    before = fingerprints()
    monkeypatch.setattr(planner, "metrics_digest", lambda: "another")
    after = fingerprints()
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_all_modules_that_make_metrics_count() -> None:
    """Those that they import too, but what series and accessors are made of anyway."""
    known = {module.__name__ for module in METRIC_MODULES}
    rest = ("errors", "dates", "timeseries.series", "timeseries.indices", "features.accessors")
    besides = {f"sitsflow.{name}" for name in rest}
    root = Path(sitsflow.__file__).parents[1]
    for name in known:
        tree = ast.parse((root / f"{name.replace('.', '/')}.py").read_text())
        used = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {one for one in used if one and one.startswith("sitsflow")} <= known | besides


def test_without_interpolation_what_a_product_lacks_is_left_out(products, tmp_path) -> None:
    changes = {"functions": calls("b4_max", "b4_max_day"), "use_gapfilling": False}
    plan, tiles = make_plan(tutorial(products, tmp_path, **changes))
    (tile,) = tiles.values()
    highest, day = compute_chunk(plan, tile, 0).values
    chunk = Observations(tile.series[0], tile.grid, tile.chunks[0], "bicubic")
    raw = chunk.band("B4", clouded=True)
    seen = chunk.valid.any(axis=0)
    assert np.isnan(raw[:, seen]).any()
    np.testing.assert_array_equal(highest[seen], np.nanmax(raw, axis=0)[seen])
    first = np.nanargmax(np.where(np.isnan(raw), -np.inf, raw), axis=0)[seen]
    np.testing.assert_array_equal(day[seen], np.array(tile.series[0].days)[first] - 17531)
