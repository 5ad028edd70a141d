"""The examples and the code of the documentation, tried as they stand there."""

import ast
import json
import re
import runpy
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from typer.main import get_command

from blocks.files import read_config
from blocks.overrides import apply_overrides
from blocks.resolve import ResolvedConfig, resolve
from flows.cli import app
from flows.cli.iota2 import ANSWERS
from sitsflow.errors import FunctionError
from sitsflow.features import builtin
from sitsflow.geo.area import read_area
from sitsflow.plan import Plan, TilePlan
from sitsflow.planning.planner import make_plan
from tests.requests import tile_values

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES += sorted(DOCS.glob("*.md"))
WITH_FUNCTIONS = [ROOT / "README.md", DOCS / "user-functions.md"]

Planned = tuple[Plan, dict[str, TilePlan]]


def blocks_of(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def numbered(pages: list[Path], language: str) -> list[Any]:
    return [
        pytest.param(text, id=f"{page.stem}-{number}")
        for page in pages
        for number, text in enumerate(blocks_of(page, language))
    ]


def resolved(path: Path, *overrides: str) -> ResolvedConfig:
    return resolve(apply_overrides(read_config(path), overrides), path.parent, path.name)


def planned(path: Path, *overrides: str) -> Planned:
    return make_plan(resolved(path, *overrides).request())


def small_configuration(folder: Path, products: Path, functions: list[str]) -> Path:
    """A run of one tile with all that functions may ask for: a raster, padding, an index."""
    raster = folder / "altitude_T31TCJ.tif"
    first = next((products / "T31TCJ").rglob("*_FRE_B2.tif"))
    with rasterio.open(first) as source:
        profile = {**source.profile, "dtype": "float32", "nodata": -1}
        with rasterio.open(raster, "w", **profile) as target:
            target.write(np.full((1, source.height, source.width), 150, np.float32))
    path = folder / "map.yaml"
    path.write_text(
        f"""
chain:
  output_path: map
  list_tile: [T31TCJ]
  s2_path: {products}
sensors_data_interpolation:
  spectral_indices: [EVI]
external_features:
  module: mine.py
  functions: {functions}
  exogeneous_data: altitude_$TILE.tif
  concat_mode: false
  number_of_chunks: 2
python_data_managing:
  padding_size_x: 2
  padding_size_y: 2
"""
    )
    return path


@pytest.mark.parametrize("text", numbered(WITH_FUNCTIONS, "python"))
def test_functions_of_the_documentation_make_maps(
    text: str, tmp_path: Path, products: Path
) -> None:
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    (tmp_path / "mine.py").write_text(text)
    plan, tiles = planned(small_configuration(tmp_path, products, names))
    values = tile_values(plan, tiles["T31TCJ"])
    assert [function.name for function in plan.functions] == names
    assert not any(label.startswith("custFeat") for label in plan.labels)
    assert ((values != -10000).mean(axis=(1, 2)) > 0.5).all()


@pytest.mark.parametrize("text", numbered(WITH_FUNCTIONS, "cfg"))
def test_configurations_beside_functions_name_functions_that_are_there(
    text: str, tmp_path: Path, products: Path
) -> None:
    page = next(page for page in WITH_FUNCTIONS if text in page.read_text())
    functions: dict[str, str] = {}
    for code in blocks_of(page, "python"):
        for node in ast.parse(code).body:
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = code
    path = tmp_path / "map.cfg"
    path.write_text(text)
    raw = read_config(path)
    raw.setdefault("chain", {"output_path": "map", "list_tile": "T31TCJ"})
    (tmp_path / "mine.py").write_text("")
    request = resolve(apply_overrides(raw, [f"chain.s2_path={products}"]), tmp_path).request()
    wanted = dict.fromkeys(functions[call.name] for call in request.functions)
    (tmp_path / "mine.py").write_text("\n\n".join(wanted))
    plan, _ = make_plan(request)
    assert len(plan.labels) == len(request.functions)


def test_the_table_of_built_in_functions_is_true(tmp_path: Path, products: Path) -> None:
    page = (DOCS / "user-functions.md").read_text().partition("## Built-in functions")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", page, re.MULTILINE))
    own = [
        name
        for name, value in vars(builtin).items()
        if callable(value)
        and name[0] != "_"
        and getattr(value, "__module__", "").endswith("builtin")
    ]
    assert list(rows) == own
    path = small_configuration(tmp_path, products, ["get_ndvi"])
    for name, labels in rows.items():
        overrides = ["external_features.module=None", f"external_features.functions={name}"]
        try:
            plan, _ = planned(path, *overrides)
        except FunctionError:
            assert name.startswith("test_index_sum_")  # of sensors that are not in this run
            continue
        first = "default names" if plan.labels[0] == "custFeat_1_b1" else f"`{plan.labels[0]}`"
        assert labels.startswith(first), name
        assert labels.endswith(", ...") == (len(plan.labels) > 1 and first != "default names")


def test_both_tutorials_ask_for_the_same(tmp_path: Path, products: Path) -> None:
    overrides = [f"chain.s2_path={products}", f"chain.output_path={tmp_path / 'map'}"]
    requests = [
        resolved(EXAMPLES / name, *overrides).request()
        for name in ("tutorial.cfg", "tutorial.yaml")
    ]
    assert requests[0] == requests[1]
    plan, tiles = make_plan(requests[0])
    assert plan.labels == ("cumul_prod", "min_prod", "var_prod")
    assert len(tiles["T31TCJ"].chunks) == 25
    assert plan.mosaic_grid.crs == "EPSG:2154"


def test_the_landsat_example_maps_real_tiles(tmp_path: Path, real_landsat: Path) -> None:
    found = resolved(
        EXAMPLES / "two_landsat8_tiles.cfg",
        f"chain.l8_path_old={real_landsat}",
        f"chain.output_path={tmp_path / 'map'}",
    )
    assert not found.warnings
    assert not found.notices
    plan, tiles = make_plan(found.request())
    assert plan.labels == ("ndvi_p90", "Landsat8Old_meanndvi", "clear_dates")
    high, mean, clear = tile_values(plan, tiles["D0005H0002"])
    seen = mean != -10000
    assert 0.1 < mean[seen].mean() <= high[seen].mean() < 1
    assert set(np.unique(clear[seen])) <= {1, 2}


def test_the_stack_example_has_only_native_features(tmp_path: Path, products: Path) -> None:
    found = resolved(
        EXAMPLES / "stack.cfg", f"chain.s2_path={products}", f"chain.output_path={tmp_path}/map"
    )
    assert not found.warnings
    plan, _ = make_plan(found.request())
    dates = 13  # 1 April to 30 September, every 15 days
    assert len(plan.labels) == dates * (4 + 2 + 2)
    assert plan.labels[0] == "Sentinel2_B3_20180401"
    assert plan.labels[-1] == "USER_Features_2_20180928"
    assert plan.mosaic_grid.xres == 20


def test_the_area_example_crops(tmp_path: Path, products: Path) -> None:
    assert read_area(EXAMPLES / "area.geojson", "EPSG:2154").area == pytest.approx(172e6, rel=0.02)
    whole = [f"chain.s2_path={products}", f"chain.output_path={tmp_path / 'map'}"]
    everything, _ = planned(
        EXAMPLES / "area_of_interest.yaml", *whole, "chain.area_of_interest=None"
    )
    west, south, east, north = everything.mosaic_grid.bounds
    corner = shapely.box(west, (south + north) / 2, west + (east - west) / 4, north)
    area = tmp_path / "area.gpkg"
    geopandas.GeoDataFrame(geometry=[corner], crs="EPSG:2154").to_file(area)
    plan, tiles = planned(
        EXAMPLES / "area_of_interest.yaml", *whole, f"chain.area_of_interest={area}"
    )
    assert list(tiles) == ["T31TCJ"]
    assert plan.mosaic_grid.width < everything.mosaic_grid.width / 2
    assert plan.request.strict


def test_the_science_can_be_called_from_python(
    tmp_path: Path, products: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(blocks_of(ROOT / "README.md", "python")[0])
    path = small_configuration(tmp_path, products, ["ndvi_range"])
    (text,) = blocks_of(DOCS / "api.md", "python")
    assert "map.cfg" in text
    exec(text.replace("map.cfg", str(path)), {})
    printed = ast.literal_eval(capsys.readouterr().out)
    assert list(printed) == ["ndvi_range"]
    assert 0 < printed["ndvi_range"] < 2


@pytest.mark.slow
def test_the_library_page_looks_into_a_map_and_its_functions_make_one(
    tmp_path: Path, products: Path
) -> None:
    looking, functions = blocks_of(DOCS / "library.md", "python")
    names = [node.name for node in ast.parse(functions).body if isinstance(node, ast.FunctionDef)]
    (tmp_path / "mine.py").write_text(functions)
    path = small_configuration(tmp_path, products, names)
    made: dict[str, Any] = {}
    place = "x=502_000, y=6_349_000"
    assert place in looking
    here = looking.replace("map.cfg", str(path)).replace("512", "64")
    exec(here.replace(place, "x=300_505, y=4_899_505"), made)
    assert made["plan"].labels == ("ndvi_range", "spring_red", "clear")
    (read,) = {series.read for tile in made["plan"].tiles.values() for series in tile.series}
    assert read == ("B4", "B8")
    assert made["features"].shape == (3, 64, 64)
    assert (made["features"].values != -10000).mean() > 0.5
    assert {"raw", "valid", "interpolated"} < set(made["series"])


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cell by cell, as the kernel does, but for what it shows."""
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"]
            assert cell["execution_count"] is None
            exec("".join(cell["source"]), names)
    assert names["features"].shape == (1, 64, 64)
    assert names["usable"].shape[0] > 3
    assert not (tmp_path / "map").exists()


@pytest.mark.slow
def test_the_picture_of_the_methods_is_current() -> None:
    script = runpy.run_path(str(DOCS / "pictures" / "interpolation.py"))
    assert script["PICTURE"].read_text(encoding="utf-8") == script["draw"]()


def slug(heading: str) -> str:
    """The anchor that a heading gets on a code forge."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_resolve(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page if not name else (page.parent / name)
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in [slug(heading) for heading in headings], f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_targets_exist(page: Path) -> None:
    text = page.read_text()
    code = "\n".join(re.findall(r"`([^`\n]+)`", text) + blocks_of(page, "sh"))
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"^sitsflow ([a-z]+)", code, re.MULTILINE))
    assert named <= commands
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z0-9-]+)", code, re.MULTILINE)) <= targets


def test_the_page_for_iota2s_users_answers_as_the_command_does() -> None:
    page = (DOCS / "coming-from-iota2.md").read_text()
    rows = re.findall(r"^\| `-(\w+)[^|]*` \| (.*) \|$", page, re.MULTILINE)
    assert dict(rows) == ANSWERS


def test_every_page_and_example_is_linked() -> None:
    index = (DOCS / "index.md").read_text()
    linked = set(re.findall(r"\]\(([^)#]+)", index))
    pages = {page.name for page in DOCS.glob("*.md")} - {"index.md"}
    examples = {f"examples/{path.name}" for path in EXAMPLES.iterdir() if path.is_file()}
    assert pages | examples <= linked
