"""The arrows between the packages, read from their imports."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.each_module import for_each, tree_of

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blocks", "deployments", "flows", "sitsflow", "tasks")
MAY_IMPORT = {
    "sitsflow": {"sitsflow"},
    "blocks": {"blocks", "sitsflow"},
    "tasks": {"tasks", "sitsflow"},
    "flows": {"flows", "tasks", "blocks", "sitsflow"},
    "deployments": {"deployments", "flows", "blocks", "sitsflow"},
}
ROOMS = (
    "errors", "dates", "digest", "yaml_text", "radar_settings", "request",
    "geo", "products", "io", "radar", "plan", "timeseries", "features", "planning", "steps",
    "library", "run", "report", "simulate",
)  # fmt: skip
"""Rooms of the science, and the modules at its top, in the order in which data flow."""
ENGINE = {"prefect", "prefect_dask", "dask", "distributed"}
SHARED_BY_TASKS = {"tasks.logs", "tasks.rules"}
OPENS_RASTERS = {
    "sitsflow.io.opening",
    "sitsflow.io.write",
    "sitsflow.steps.parts",
    "sitsflow.simulate.raster",
    # These look at the finished map only.
    "sitsflow.steps.quicklook",
    "sitsflow.steps.item",
    "sitsflow.report.pixels",
}
OPENERS = {"rasterio.open", "rasterio.DatasetReader", "rasterio.vrt", "osgeo"}
FLOW_LINES = 150

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports by relative names hide the arrows"
            yield node.module or ""
            # `from tasks import mosaic` names a module too.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(name: str) -> str:
    """Return the room of a module of the science, or the module itself at the top."""
    return ".".join(name.split(".")[:2])


def package(name: str) -> str:
    return name.partition(".")[0]


@for_each(MODULES)
def test_packages_import_only_what_the_house_allows(module: str) -> None:
    ours = {package(name) for name in imported(MODULES[module])} & set(PACKAGES)
    assert ours <= MAY_IMPORT[package(module)]


@for_each(name for name in MODULES if name.startswith("sitsflow."))
def test_rooms_of_the_science_import_only_those_before_them(module: str) -> None:
    used = {room(name) for name in imported(MODULES[module]) if name in MODULES}
    before = {f"sitsflow.{name}" for name in ROOMS[: ROOMS.index(room(module)[9:]) + 1]}
    assert used <= before | {"sitsflow"}


def test_every_room_has_its_place() -> None:
    there = {room(name) for name in MODULES if package(name) == "sitsflow"} - {"sitsflow"}
    assert there == {f"sitsflow.{name}" for name in ROOMS}


@for_each(name for name in MODULES if package(name) == "sitsflow")
def test_the_science_knows_no_engine(module: str) -> None:
    assert not {package(name) for name in imported(MODULES[module])} & ENGINE


@for_each(name for name in MODULES if package(name) == "tasks")
def test_tasks_do_not_import_tasks(module: str) -> None:
    others = {name for name in imported(MODULES[module]) if name in MODULES}
    assert {name for name in others if package(name) == "tasks"} <= SHARED_BY_TASKS


def test_no_flow_file_hides_a_package() -> None:
    assert not {path.stem for path in (ROOT / "flows").glob("*.py")} & set(PACKAGES)


@for_each(MODULES)
def test_rasters_are_opened_in_few_places(module: str) -> None:
    calls = {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(tree_of(MODULES[module]))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    names = set(imported(MODULES[module])) | calls
    assert module in OPENS_RASTERS or not names & OPENERS


def test_the_flow_is_short() -> None:
    lines = MODULES["flows.features_map"].read_text(encoding="utf-8").splitlines()
    assert len(lines) <= FLOW_LINES


ENGINE_PRIVATE = {"SettingsContext", "TagsContext", "EventsWorker", "flow_run_suspension_request"}


def private_uses(path: Path) -> Iterator[str]:
    """What a module uses of Prefect, prefect-dask or Dask that is not in their documentation."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and package(node.module or "") in ENGINE:
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (name for name in names if name.startswith("_") or name in ENGINE_PRIVATE)
            if f"{node.module}.".startswith("prefect.cli."):
                yield "prefect.cli"
        elif isinstance(node, ast.Attribute) and node.attr in ENGINE_PRIVATE:
            yield node.attr
        elif isinstance(node, ast.keyword) and (node.arg or "").startswith("_"):
            yield node.arg or ""


@for_each(name for name in MODULES if package(name) != "sitsflow")
def test_what_prefect_does_not_document_is_used_in_one_place(module: str) -> None:
    assert module == "flows.prefect_compat" or not set(private_uses(MODULES[module]))


def test_undocumented_uses_are_few() -> None:
    assert set(private_uses(MODULES["flows.prefect_compat"])) <= ENGINE_PRIVATE
    functions = [
        node
        for node in ast.parse(MODULES["flows.prefect_compat"].read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert len(functions) <= 4


def test_a_step_maps_its_task_on_a_dask_task_runner() -> None:
    """The design in one sentence, read from the code."""
    flow = MODULES["flows.features_map"].read_text(encoding="utf-8")
    step = MODULES["flows.step"].read_text(encoding="utf-8")
    rounds = MODULES["flows.rounds"].read_text(encoding="utf-8")
    assert "@flow" in flow
    assert "StepRounds(" in flow
    assert "run_step.with_options(" in rounds
    assert "task_runner=" in rounds
    assert "@flow" in step
    assert "self._task.map(" in step
    assert "DaskTaskRunner(address=" in MODULES["flows.cluster"].read_text(encoding="utf-8")


def test_importing_the_science_loads_no_engine_and_writes_nothing(tmp_path: Path) -> None:
    names = [name for name in MODULES if package(name) == "sitsflow"]
    code = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
        f"print(*sorted({ENGINE!r} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""
    assert not list(tmp_path.iterdir())


def test_help_loads_neither_engine_nor_science() -> None:
    heavy = ENGINE | {"numpy", "rasterio", "numba", "pydantic"}
    code = f"import flows.cli, sys; print(*sorted({heavy!r} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
