"""The command where machines are shared: other people's modules, and two runs at once."""

import subprocess
from pathlib import Path

import pytest

from sitsflow.io.paths import OutputPaths
from tests.flows.conftest import COMMAND
from tests.flows.test_run import own_server  # noqa: F401 - a fixture

pytestmark = [pytest.mark.engine, pytest.mark.slow]

OURS = ("tasks", "flows", "blocks", "config", "yaml", "prefect", "dask", "logging")


def test_modules_in_the_current_folder_are_not_executed(
    own_server: dict[str, str],  # noqa: F811
    config: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "here"
    (folder / "sitsflow").mkdir(parents=True)
    for module in (*(folder / f"{name}.py" for name in OURS), folder / "sitsflow" / "__init__.py"):
        module.write_text("raise SystemExit('a module of the current folder')\n")
    one_tile = ["--set", "chain.list_tile=T31TCJ", "--workers", "1"]
    ran = subprocess.run(
        [COMMAND[0], "-P", *COMMAND[1:], "run", str(config), *one_tile],
        cwd=folder, env=own_server, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "a module of the current folder" not in ran.stderr


def test_two_runs_at_once_share_one_server(
    own_server: dict[str, str],  # noqa: F811
    config: Path,
    tmp_path: Path,
) -> None:
    runs = []
    for name in ("one", "two"):
        output = tmp_path / name
        sets = ["--set", f"chain.output_path={output}", "--set", "chain.list_tile=T31TCJ"]
        command = [*COMMAND, "run", str(config), *sets, "--workers", "1"]
        runs.append(subprocess.Popen(command, env=own_server, stderr=subprocess.PIPE, text=True))
    said = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert "database is locked" not in "".join(said)
    assert all(OutputPaths(tmp_path / name).map.exists() for name in ("one", "two"))
    addresses = {
        line.partition("/runs/")[0]
        for text in said
        for line in text.splitlines()
        if "/runs/" in line
    }
    assert len(addresses) == 1, "one server for both"
