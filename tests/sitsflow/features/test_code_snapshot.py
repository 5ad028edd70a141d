"""Code that is edited, moved or removed while a run is under way: the run keeps what it planned."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from sitsflow.errors import FunctionError, OutputError
from sitsflow.features.functions import planned_functions
from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import load_record
from sitsflow.plan import load_plan, load_tile, save_plan
from sitsflow.planning.planner import make_plan
from sitsflow.report.page import write_report
from sitsflow.request import FunctionCall, Request
from sitsflow.steps.chunk import compute_chunk
from tests.requests import calls, tutorial
from tests.serial_run import files_of, run

MAIN = """
from pathlib import Path
from beside import FACTOR
from package.inner import plus

def f(self):
    table = (Path(__file__).parent / "table.csv").read_text()
    red = self.get_interpolated_Sentinel2_B4().mean(axis=2)
    return plus(red * FACTOR) + float(table), ["f"]
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module with a module, a package and a table beside it."""
    folder = tmp_path / "user"
    (folder / "package").mkdir(parents=True)
    (folder / "mine.py").write_text(MAIN)
    (folder / "beside.py").write_text("from further import FACTOR\n")
    (folder / "further.py").write_text("FACTOR = 2\n")
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "inner.py").write_text(
        "from . import one\ndef plus(x): return x + one.ONE\n"
    )
    (folder / "package" / "one.py").write_text("ONE = 1\n")
    (folder / "table.csv").write_text("0")
    return folder / "mine.py"


@pytest.fixture
def request_of(products: Path, tmp_path: Path, module: Path) -> Request:
    return tutorial(products, tmp_path / "out", module=module, functions=calls("f"))


def edit(module: Path) -> None:
    (module.parent / "further.py").write_text("FACTOR = 3\n")
    module.write_text(MAIN.replace('["f"]', '["g"]').replace("red *", "100 * red *"))
    (module.parent / "package" / "inner.py").write_text("def plus(x): return -x\n")


def in_a_process_of_its_own(root: Path, tile: str, index: int) -> None:
    """Do what a worker does: load the plan, and write one chunk."""
    code = (
        "import sys; from pathlib import Path; from sitsflow.plan import load_plan, load_tile\n"
        "from sitsflow.steps.chunk import write_chunk\n"
        "root, tile, index = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])\n"
        "write_chunk(load_plan(root), load_tile(root, tile), index)\n"
    )
    subprocess.run([sys.executable, "-c", code, root, tile, str(index)], check=True)


@pytest.mark.slow
def test_a_run_whose_code_is_edited_meanwhile_makes_the_map_that_was_planned(
    request_of: Request, module: Path, tmp_path: Path
) -> None:
    run(request_of)
    expected = files_of(request_of.output_path)
    shutil.rmtree(request_of.output_path)

    plan, tiles = make_plan(request_of)
    save_plan(plan, tiles)
    edit(module)
    for index in range(len(tiles["T31TCJ"].chunks)):
        in_a_process_of_its_own(request_of.output_path, "T31TCJ", index)
    made = files_of(request_of.output_path)
    chunks = [name for name in expected if name.startswith("customF/")]
    assert len(chunks) == 3
    assert {name: made[name] for name in chunks} == {name: expected[name] for name in chunks}


@pytest.mark.slow
def test_resuming_after_an_edit_makes_all_chunks_again_with_the_new_code(
    request_of: Request, module: Path
) -> None:
    first = run(request_of, most=3)
    assert [job.task for job in first] == ["preprocess", "common_mask", "write_features"]
    before = load_record(first[-1].record(OutputPaths(request_of.output_path)), Path())
    edit(module)
    again = run(request_of)
    assert first[-1] in again
    assert "preprocess" not in {job.task for job in again}
    after = load_record(first[-1].record(OutputPaths(request_of.output_path)), Path())
    assert before is not None
    assert after is not None
    assert before.fingerprint != after.fingerprint
    kept = list(OutputPaths(request_of.output_path).code.iterdir())
    assert len(kept) == 1, "the older copy is gone"
    assert (kept[0] / "further.py").read_text() == "FACTOR = 3\n"
    assert run(request_of) == []


@pytest.mark.slow
def test_an_edit_and_its_undoing_change_nothing(request_of: Request, module: Path) -> None:
    run(request_of)
    text = module.read_text()
    module.write_text("raise ValueError\n")
    module.write_text(text)
    os.utime(module, (1, 1))
    assert run(request_of) == []


@pytest.mark.slow
def test_code_that_is_gone_is_not_needed(request_of: Request, module: Path) -> None:
    plan, tiles = make_plan(request_of)
    save_plan(plan, tiles)
    table = (module.parent / "table.csv").read_text()
    shutil.rmtree(module.parent)
    module.parent.mkdir()
    (module.parent / "table.csv").write_text(table)
    in_a_process_of_its_own(request_of.output_path, "T31TCJ", 0)


def test_messages_show_the_file_of_the_user_and_the_lines_that_ran(
    products: Path, tmp_path: Path
) -> None:
    module = tmp_path / "mine.py"
    code = """
        def f(self, fail=True):
            red = self.get_interpolated_Sentinel2_B4()
            if red.shape[0] > 20:
                raise ValueError("the line that ran")
            return red.mean(axis=2), []
        """
    module.write_text(textwrap.dedent(code))
    request = tutorial(products, tmp_path / "out", module=module, functions=calls("f"))
    plan, tiles = make_plan(request)
    save_plan(plan, tiles)
    module.write_text("# something else\n" * 9)
    with pytest.raises(FunctionError) as caught:
        run_chunk(request)
    assert f"{module}, line 5, in f" in str(caught.value)
    assert 'raise ValueError("the line that ran")' in str(caught.value)
    assert "something else" not in str(caught.value)


def run_chunk(request: Request) -> None:
    plan = load_plan(request.output_path)
    compute_chunk(plan, load_tile(request.output_path, "T31TCJ"), 0)


def test_a_module_that_was_not_imported_when_it_was_tried_is_not_taken_from_the_folder(
    products: Path, tmp_path: Path
) -> None:
    (tmp_path / "late.py").write_text("X = 1\n")
    module = tmp_path / "mine.py"
    module.write_text(
        "def f(self):\n"
        "    red = self.get_interpolated_Sentinel2_B4()\n"
        "    if red.shape[0] > 20:\n"
        "        import late\n"
        "    return red.mean(axis=2), []\n"
    )
    request = tutorial(products, tmp_path / "out", module=module, functions=calls("f"))
    plan, tiles = make_plan(request)
    save_plan(plan, tiles)
    with pytest.raises(FunctionError, match="late was not imported when the functions were tried"):
        run_chunk(request)


def test_a_copy_that_was_changed_or_removed_is_refused(request_of: Request) -> None:
    plan, tiles = make_plan(request_of)
    save_plan(plan, tiles)
    loaded = load_plan(request_of.output_path)
    assert loaded.code is not None
    assert loaded.code.contents == {}
    kept = loaded.paths.code / loaded.code.digest / "further.py"
    kept.write_text("FACTOR = 9\n")
    with pytest.raises(OutputError, match=r"was changed; edit .*mine.py instead"):
        planned_functions(loaded)
    kept.unlink()
    with pytest.raises(OutputError, match=r"further.py: the run's copy of the user's code is gone"):
        planned_functions(loaded)


def test_the_report_names_the_copy(request_of: Request) -> None:
    run(request_of)
    plan, tiles = make_plan(request_of)
    page = write_report(plan, tiles, request_of.output_path / "report.html").read_text()
    assert plan.code is not None
    assert f".sitsflow/code/{plan.code.digest}" in page
    assert "package/inner.py" in page


def test_without_a_module_there_is_no_copy(products: Path, tmp_path: Path) -> None:
    plan, tiles = make_plan(tutorial(products, tmp_path / "out"))
    save_plan(plan, tiles)
    assert plan.code is None
    assert not plan.paths.code.exists()


@pytest.mark.slow
def test_a_copy_of_a_module_in_another_folder_reads_what_lies_beside_it(
    request_of: Request, module: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(module.parent, tmp_path / "other") / "mine.py"
    (other.parent / "table.csv").write_text("1000")
    found = []
    for path in (module, other):
        plan, tiles = make_plan(request_of.model_copy(update={"module": path}))
        found.append(compute_chunk(plan, tiles["T31TCJ"], 0).values)
    np.testing.assert_allclose(found[1], found[0] + 1000, rtol=1e-6)


def test_values_are_the_same_from_memory_and_from_the_copy(
    request_of: Request, module: Path
) -> None:
    request = request_of.model_copy(update={"functions": (FunctionCall(name="f"),)})
    plan, tiles = make_plan(request)
    edit(module)
    fresh = compute_chunk(plan, tiles["T31TCJ"], 0).values
    save_plan(plan, tiles)
    loaded = load_plan(request.output_path)
    kept = compute_chunk(loaded, load_tile(request.output_path, "T31TCJ"), 0).values
    np.testing.assert_array_equal(fresh, kept)
