"""The limit of the time that functions take on a chunk."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sitsflow.errors import FunctionError
from sitsflow.features.time_limit import TimeIsUp, TimeLimit
from sitsflow.planning.planner import make_plan
from sitsflow.steps.chunk import compute_chunk
from tests.requests import calls, tutorial
from tests.slow import mostly_slow


def for_ever() -> None:
    while True:
        pass


def stubborn() -> None:
    while True:
        with contextlib.suppress(Exception):
            for_ever()


@pytest.mark.parametrize("function", [for_ever, stubborn])
def test_python_code_is_interrupted(function: Callable[[], None]) -> None:
    before = threading.active_count()
    with pytest.raises(TimeIsUp), TimeLimit(0.2) as limit:
        limit.call(function)
    assert threading.active_count() <= before + 1


def test_what_ends_in_time_is_left_alone() -> None:
    with TimeLimit(600) as limit:
        assert limit.call(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            limit.call(divmod, 7, 0)


def test_entered_again_it_leaves_what_is_left_of_the_time() -> None:
    limit = TimeLimit(0.4)
    with limit:
        limit.call(time.sleep, 0.3)
    begin = time.monotonic()
    with pytest.raises(TimeIsUp), limit:
        limit.call(for_ever)
    assert time.monotonic() - begin < 0.3 + 2  # within a line of the time, on a busy machine
    with pytest.raises(TimeIsUp), limit:
        limit.call(for_ever)


def test_compiled_code_that_does_not_end_ends_its_process() -> None:
    code = (
        "import logging, time; logging.basicConfig()\n"
        "from sitsflow.features import time_limit\n"
        "time_limit._GRACE_SECONDS = time_limit._AGAIN_SECONDS = 0.2\n"
        "with time_limit.TimeLimit(0.2, 'tile T, chunk 0') as limit: limit.call(time.sleep, 600)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "tile T, chunk 0: compiled code does not end" in ran.stderr


def test_a_chunk_whose_functions_take_too_long_fails_in_words(
    products: Path, tmp_path: Path
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "def f(self):\n"
        "    red = self.get_interpolated_Sentinel2_B4()\n"
        "    while red.shape[0] > 20:\n"
        "        pass\n"
        "    return red.mean(axis=2), []\n"
    )
    request = tutorial(products, tmp_path, module=module, functions=calls("f"), timeout=0.5)
    plan, tiles = make_plan(request)
    with pytest.raises(FunctionError) as caught:
        compute_chunk(plan, tiles["T31TCJ"], 0)
    assert "f (tile T31TCJ, chunk 0) was interrupted" in str(caught.value)
    assert "external_features.timeout" in str(caught.value)
    assert f"{module}, line " in str(caught.value)


@pytest.mark.parametrize(
    "error", mostly_slow(["Odd", "SystemExit(0)", "KeyboardInterrupt", "GeneratorExit"], quick=2)
)
def test_what_is_no_exception_fails_a_chunk_in_words_too(
    products: Path, tmp_path: Path, error: str
) -> None:
    """In a thread, as in a worker: Ctrl-C is for the main thread."""
    module = tmp_path / "mine.py"
    module.write_text(
        "class Odd(BaseException): pass\n"
        "def f(self):\n"
        "    red = self.get_interpolated_Sentinel2_B4()\n"
        f"    if red.shape[0] > 20: raise {error}\n"
        "    return red.mean(axis=2), []\n"
    )
    request = tutorial(products, tmp_path, module=module, functions=calls("f"))
    plan, tiles = make_plan(request)
    found: list[BaseException] = []

    def work() -> None:
        try:
            compute_chunk(plan, tiles["T31TCJ"], 0)
        except BaseException as raised:  # noqa: BLE001
            found.append(raised)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [type(one) for one in found] == [FunctionError]
    assert f"raised {error.partition('(')[0]}" in str(found[0])
