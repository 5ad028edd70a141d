"""One Prefect server for all tests of the engine, in a home of its own."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_API_PORT,
    temporary_settings,
)

from flows.server import find_or_start, stop, use

Sitsflow = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-c", "from flows.cli import main; main()"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def prefect_home(home: Path) -> Iterator[dict[str, str]]:
    """Make this process one that has a home of its own, and no server; yield its environment."""
    port = free_port()
    settings = {PREFECT_HOME: home, PREFECT_SERVER_API_PORT: port}
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings(settings, restore_defaults={PREFECT_API_URL}),
    ):
        patch.setenv("PREFECT_HOME", str(home))
        patch.setenv("PREFECT_SERVER_API_PORT", str(port))
        patch.delenv("PREFECT_API_URL", raising=False)
        yield dict(os.environ)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process that uses the tests' server."""
    with prefect_home(tmp_path_factory.mktemp("prefect")):
        server = find_or_start()
        try:
            with use(server):
                environment = dict(os.environ)
            yield environment
        finally:
            stop()


def copy_database(engine: dict[str, str], home: Path) -> Path:
    """Give a home of Prefect a database, which need not be made again; return the home."""
    home.mkdir(exist_ok=True)
    with (
        contextlib.closing(sqlite3.connect(Path(engine["PREFECT_HOME"]) / "prefect.db")) as source,
        contextlib.closing(sqlite3.connect(home / "prefect.db")) as target,
    ):
        source.backup(target)
    return home


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
    path = tmp_path / "tutorial.cfg"
    path.write_text(
        textwrap.dedent(
            f"""
            chain :
            {{
              output_path : '{tmp_path / "out"}'
              remove_output_path : True
              list_tile : 'T31TCJ T31TDJ'
              s2_path : '{products}'
              first_step : 'init'
              last_step : 'mosaic'
              spatial_resolution : 10
              proj : 'EPSG:32631'
            }}
            sensors_data_interpolation : {{ auto_date : False }}
            Sentinel_2 : {{ start_date : '20180101'  end_date : '20181231' }}
            external_features :
            {{
              module : '{module}'
              functions : 'get_highest'
              number_of_chunks : 3
              concat_mode : False
              no_data_value : -10000
            }}
            builders : {{ builders_class_name : ['i2_features_map'] }}
            task_retry_limits : {{ allowed_retry : 0  maximum_ram : 180  maximum_cpu : 40 }}
            """
        )
    )
    return path
