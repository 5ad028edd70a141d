"""One Prefect server for all tests of the engine, in a home of its own."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocks.cfg import render_cfg
from blocks.files import read_config
from blocks.overrides import apply_overrides
from flows.embedded import embedded_server
from flows.server import wait_for

Sitsflow = Callable[..., subprocess.CompletedProcess[str]]
TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "examples" / "tutorial.cfg"
COMMAND = [sys.executable, "-c", "from flows.cli import main; main()"]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process that uses the tests' server."""
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        patch.delenv("PREFECT_API_URL", raising=False)
        with embedded_server() as server:
            wait_for(server.api_url)
            yield {**os.environ, **server.environment}


@pytest.fixture(scope="session")
def sitsflow() -> Sitsflow:
    """Run the command, with what it printed as text."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)], env=env, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def config(tmp_path: Path, products: Path) -> Path:
    """The tutorial's configuration on two small tiles, with a function that can be made fail."""
    module = tmp_path / "functions.py"
    module.write_text(
        textwrap.dedent(
            f"""
            import os
            import signal
            import time
            from pathlib import Path

            import numpy as np

            FOLDER = Path({str(tmp_path)!r})

            def get_highest(self):
                red = self.get_interpolated_Sentinel2_B4()
                # The probe's arrays are smaller than any chunk.
                if red.shape[0] > 20:
                    while (FOLDER / "wait").exists():
                        time.sleep(0.1)
                    if is_mine("fail"):
                        raise ValueError("too wet to say")
                    if is_mine("starve"):
                        raise MemoryError("too much to hold")
                    if is_mine("kill"):
                        os.kill(os.getpid(), signal.SIGKILL)
                    if is_mine("hog"):
                        held = []
                        for _ in range(40):  # 4 GB, slowly enough to be seen
                            held.append(np.ones(12_500_000))
                            time.sleep(0.05)
                return red.max(axis=2), ["highest"]

            def is_mine(name):
                try:
                    (FOLDER / name).unlink()
                except FileNotFoundError:
                    return False
                return True
            """
        )
    )
    changes = {
        "chain.output_path": str(tmp_path / "out"),
        "chain.list_tile": "T31TCJ T31TDJ",
        "chain.s2_path": str(products),
        "chain.proj": "EPSG:32631",
        "external_features.module": str(module),
        "external_features.functions": "get_highest",
        "external_features.number_of_chunks": 3,
    }
    path = tmp_path / "tutorial.cfg"
    path.write_text(render_cfg(apply_overrides(read_config(TUTORIAL), changes)))
    return path
