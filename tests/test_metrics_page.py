"""The page on metrics: its tables, its examples and its pictures are true."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

from blocks.files import read_config
from blocks.overrides import apply_overrides
from blocks.resolve import resolve
from sitsflow.features.metric_call import MetricsCall
from sitsflow.features.metric_table import TABLE
from sitsflow.planning.planner import make_plan

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "metrics.md").read_text()
PICTURES = sorted((DOCS / "pictures").glob("metrics-*.svg"))


def test_the_tables_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \| (.*) \| ?(.*?) ?\|$", PAGE, re.MULTILINE)
    assert rows == [(one.name, one.formula, one.unit, one.source) for one in TABLE]


def test_all_arguments_are_there_with_their_defaults() -> None:
    section = PAGE.partition("| argument |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\| .* \|$", section, re.MULTILINE))
    assert list(rows) == list(MetricsCall.model_fields)
    numbers = {name: float(text) for name, text in rows.items() if re.match(r"[\d.]+$", text)}
    call = MetricsCall(of=("ndvi",), what=("mean",))
    assert numbers.pop("season") == call.seasons_wanted[0]
    assert numbers == {name: getattr(call, name) for name in numbers}
    assert set(numbers) == {"threshold", "min_rise", "min_amplitude"}


def test_sources_are_listed() -> None:
    listed = PAGE.partition("## Sources")[2]
    named = {part for one in TABLE for part in one.source.split("; ") if part}
    for source in named:
        author, year = re.match(r"(\w+).* (\d{4})$", source).groups()
        assert re.search(rf"- {author}, .*\({year}\)", listed), source


@pytest.mark.parametrize("number", range(2))
def test_the_examples_make_the_bands_that_the_page_names(number, products, tmp_path) -> None:
    text = re.findall(r"^```cfg\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[number]
    path = tmp_path / "map.cfg"
    path.write_text(text)
    raw = read_config(path)
    raw["chain"] = {"output_path": "map", "list_tile": "T31TCJ"}
    config = resolve(apply_overrides(raw, [f"chain.s2_path={products}"]), tmp_path)
    plan, _ = make_plan(config.request())
    expected = (
        ("NDVI_p90", "B8_mean", "NDVI_season_start", "valid_count"),
        (
            "NDVI_mean", "NDVI_p10", "NDVI_p90", "B8_mean", "B8_p10", "B8_p90",
            "NDVI_season_start_t20_1", "NDVI_season_start_t20_2", "NDVI_season_end_t20_1",
            "NDVI_season_end_t20_2", "B8_mean",
        ),
    )  # fmt: skip
    assert plan.labels == tuple(f"Sentinel2_{name}" for name in expected[number])


def test_pictures_are_those_that_the_code_draws() -> None:
    drawn = runpy.run_path(str(DOCS / "metric_pictures.py"))["PICTURES"]
    assert sorted(drawn) == [path.name for path in PICTURES]
    for path in PICTURES:
        text = path.read_text()
        assert f"](pictures/{path.name})" in PAGE
        # Numbers may differ by a rounding where another processor draws them.
        for mine, there in zip(words_of(drawn[path.name]()), words_of(text), strict=True):
            assert mine == there
    assert sum(path.stat().st_size for path in PICTURES) < 150_000


def words_of(picture: str) -> list[str | None]:
    return [element.text for element in ElementTree.fromstring(picture).iter()]
