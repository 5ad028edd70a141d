"""Whole runs whose functions misbehave, or are edited meanwhile."""

import subprocess
import time
from pathlib import Path

import pytest
import rasterio

from sitsflow.io.paths import OutputPaths
from sitsflow.plan import load_plan
from tests.flows.conftest import COMMAND, Sitsflow

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PATIENCE_SECONDS = 240


def test_code_that_is_edited_during_a_run_and_leaves_threads_makes_the_map_that_was_planned(
    engine: dict[str, str], config: Path
) -> None:
    module, wait = config.parent / "functions.py", config.parent / "wait"
    leaving = "import threading; threading.Thread(target=time.sleep, args=(3600,)).start()"
    module.write_text(
        module.read_text().replace("    # The probe's", f"    {leaving}\n    # The probe's")
    )
    wait.touch()
    paths = OutputPaths(config.parent / "out")
    with subprocess.Popen(
        [*COMMAND, "run", str(config), "--workers", "1"],
        env=engine,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        until = time.monotonic() + PATIENCE_SECONDS
        while run.poll() is None and not any((paths.state / "states").glob("write_features*")):
            assert time.monotonic() < until, "no chunk has begun"
            time.sleep(0.2)
        module.write_text(module.read_text().replace('return red.max(axis=2), ["highest"]', "x"))
        wait.unlink()
        _, said = run.communicate(timeout=PATIENCE_SECONDS)
    assert run.returncode == 0, said
    with rasterio.open(paths.map) as dataset:
        assert dataset.descriptions == ("highest",)
        assert dataset.read(1).max() > 0
    code = load_plan(paths.root).code
    assert code is not None
    assert code.digest in paths.report.read_text()
    assert (
        'return red.max(axis=2), ["highest"]'
        in (paths.code / code.digest / "functions.py").read_text()
    )


def test_an_error_that_is_no_exception_fails_its_chunk_in_words(
    sitsflow: Sitsflow, engine: dict[str, str], config: Path
) -> None:
    module = config.parent / "functions.py"
    text = module.read_text().replace("raise ValueError(", "raise Odd(")
    module.write_text(text + "\nclass Odd(BaseException):\n    pass\n")
    (config.parent / "fail").touch()
    ran = sitsflow("run", config, "--workers", "1", env=engine)
    assert ran.returncode == 1, ran.stderr
    assert "raised Odd: too wet to say" in ran.stderr
    assert "functions.py, line" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "ModuleNotFoundError" not in ran.stderr


def test_a_function_that_ends_its_process_is_named_before_a_run(
    sitsflow: Sitsflow, engine: dict[str, str], config: Path
) -> None:
    module = config.parent / "functions.py"
    module.write_text("import os\ndef get_highest(self):\n    os._exit(0)\n")
    ran = sitsflow("check", config, env=engine)
    assert ran.returncode == 2
    assert ran.stderr.startswith("sitsflow: get_highest: ended the whole process with status 0")
    assert not (config.parent / "out").exists()
