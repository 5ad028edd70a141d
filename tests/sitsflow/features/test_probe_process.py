"""Functions that do what no function should: the run is refused in words, and nothing else ends."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from sitsflow.errors import FunctionError
from sitsflow.planning.planner import make_plan
from sitsflow.request import Request
from tests.requests import calls, tutorial
from tests.slow import mostly_slow

GOOD = "    return self.get_interpolated_Sentinel2_B4().mean(axis=2), ['f']\n"


@pytest.fixture
def request_of(products: Path, tmp_path: Path):
    def request_of(code: str, *functions: str, **changes: object) -> Request:
        module = tmp_path / "mine.py"
        module.write_text(code)
        return tutorial(
            products, tmp_path, module=module, functions=calls(*functions or ("f",)), **changes
        )

    return request_of


def children() -> set[int]:
    """Processes of this one: another test may have left one that watches over what is shared."""
    return {child.pid for child in psutil.Process().children()}


@pytest.mark.parametrize(
    ("body", "words"),
    mostly_slow(
        [
            ("import os; os._exit(0)", r"ended the whole process with status 0, as os._exit does$"),
            (
                "import ctypes; ctypes.string_at(0)",
                r"crashed \(SIGSEGV\).*mine.py, line 2, in f\)$",
            ),
            ("import os; os.abort()", r"crashed \(SIGABRT\).*mine.py, line 2, in f\)$"),
            ("while True: pass", r"has not ended after 1 s \(at .*mine.py, line 2, in f\);"),
            (
                "import time; time.sleep(60)",
                r"has not ended after 1 s \(at .*mine.py, line 2, in f\);",
            ),
            ("import re; re.match('(a+)+b', 'a' * 60)", r"has not ended after 1 s \(at .*mine.py"),
            ("raise type('Odd', (BaseException,), {})('odd')", r"raised Odd: odd"),
            ("raise GeneratorExit", r"raised GeneratorExit"),
        ],
        quick=4,
    ),
    ids=["_exit", "segfault", "abort", "loop", "sleep", "compiled loop", "BaseException", "exit"],
)
def test_what_a_function_does_ends_no_other_process(request_of, body: str, words: str) -> None:
    request = request_of(f"def f(self):\n    {body}\n{GOOD}", probe_seconds=1)
    others = children()
    with pytest.raises(FunctionError, match=words) as caught:
        make_plan(request)
    assert str(caught.value).startswith("f")
    assert children() == others


@pytest.mark.parametrize("body", ["import os; os._exit(3)", "while True: pass"])
def test_importing_a_module_ends_no_other_process(request_of, body: str) -> None:
    with pytest.raises(FunctionError, match=r"mine.py: (ended the whole process|has not ended)"):
        make_plan(request_of(body, probe_seconds=1))


def test_functions_after_one_that_ends_the_process_are_tried_too(request_of) -> None:
    code = (
        f"import os\ndef f(self): os._exit(0)\ndef g(self):\n{GOOD}"
        "def h(self): return 1 / 0\ndef i(self): os.abort()\n"
    )
    with pytest.raises(FunctionError) as caught:
        make_plan(request_of(code, "f", "g", "h", "i"))
    names = [line[0] for line in str(caught.value).splitlines() if not line.startswith(" ")]
    assert names == ["f", "h", "i"]


def test_a_thread_that_never_ends_keeps_nothing_from_ending(request_of) -> None:
    code = (
        "import threading, time\ndef wait():\n    while True: time.sleep(1)\n"
        f"def f(self):\n    threading.Thread(target=wait).start()\n{GOOD}"
    )
    before, others = threading.active_count(), children()
    plan, _ = make_plan(request_of(code))
    assert plan.labels == ("f",)
    assert threading.active_count() == before
    assert children() == others


def test_what_is_printed_and_logged_is_heard(request_of, capfd, caplog) -> None:
    code = f"def f(self):\n    print('hello')\n{GOOD}"
    with caplog.at_level(logging.INFO, "sitsflow"):
        make_plan(request_of(code))
    assert "f (tried on" in caplog.text
    assert "printed: hello" in caplog.text
    assert capfd.readouterr().out == ""


def test_what_compiled_code_prints_is_no_output(request_of, capfd) -> None:
    code = (
        "import ctypes\n"
        f"def f(self):\n    libc = ctypes.CDLL(None)\n    libc.puts(b'raw')\n"
        f"    libc.fflush(None)\n{GOOD}"
    )
    make_plan(request_of(code))
    found = capfd.readouterr()
    assert found.out == ""
    assert "raw" in found.err


def test_modules_of_our_names_in_the_current_folder_are_not_used(
    request_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    for name in ("json", "numpy", "logging", "sitsflow"):
        (folder / f"{name}.py").write_text("raise RuntimeError('not me')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    plan, _ = make_plan(request_of(f"def f(self):\n{GOOD}"))
    assert plan.labels == ("f",)


def test_a_script_without_a_guard_can_plan(request_of, tmp_path: Path) -> None:
    request = request_of(f"def f(self):\n{GOOD}")
    script = tmp_path / "script.py"
    script.write_text(
        "from sitsflow.planning.planner import make_plan\nfrom sitsflow.request import Request\n"
        f"request = Request.model_validate_json({request.model_dump_json()!r})\n"
        "print(make_plan(request)[0].labels)\n"
    )
    ran = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert ran.stdout.strip() == "('f',)"
