"""One Prefect server for all tests of the engine, in a home of its own."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.embedded import embedded_server
from flows.server import wait_for

Sitsflow = Callable[..., subprocess.CompletedProcess[str]]
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
