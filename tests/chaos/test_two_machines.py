"""The flow and the server on one machine, workers on others, and a folder that they share."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import yaml

from sitsflow.io.paths import OutputPaths
from tests.chaos import machines
from tests.chaos.cluster import start_scheduler, start_worker, wait_for
from tests.chaos.late_folder import LateFolder
from tests.chaos.machines import FIRST, Machine
from tests.chaos.seeds import SHORT, generator
from tests.flows.conftest import COMMAND, prefect_home
from tests.requests import TILES

_WHY_NOT = machines.why_not()
pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT or "machines can be made"),
]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 400
HOUR = 3600
_API = f"http://{FIRST}:4200/api"
_MODULE = """\
def chosen(self):
    red = self.get_interpolated_Sentinel2_B4()
    return red.{how}(axis=2), ["chosen"]
"""


@dataclass
class Network:
    """Machines with a Prefect server and a Dask scheduler on the first one, and a shared folder."""

    folder: Path
    environment: dict[str, str]
    machines: list[Machine]
    scheduler: str
    processes: list[subprocess.Popen[bytes]]

    @property
    def share(self) -> Path:
        """The shared folder, at the same place on all machines; the first one's view is here."""
        return self.folder / "share"

    def write(self, config: Path, products: Path, how: str) -> Path:
        """Write a configuration of two tiles, and its module; return its output folder."""
        config.parent.mkdir(exist_ok=True)
        (config.parent / f"{config.stem}.py").write_text(_MODULE.format(how=how))
        sections = {
            "chain": {
                "output_path": str(config.parent / "out"), "list_tile": list(TILES),
                "s2_path": str(products), "proj": "EPSG:32631", "spatial_resolution": 10,
            },
            "external_features": {
                "module": f"{config.stem}.py", "functions": ["chosen"], "concat_mode": False,
                "number_of_chunks": 3,
            },
        }  # fmt: skip
        config.write_text(yaml.safe_dump(sections))
        return config.parent / "out"

    def run(self, config: Path, *arguments: str) -> str:
        """Run the command on the first machine; return what it printed."""
        command = [*COMMAND, "run", str(config), "--cluster", self.scheduler, *arguments]
        environment = {**self.environment, "PREFECT_API_URL": _API}
        ran = machines.run_there(self.machines[0], command, environment, PATIENCE_SECONDS)
        assert ran.returncode == 0, ran.stderr
        assert "Traceback" not in ran.stderr
        return ran.stdout + ran.stderr

    def add_worker(self, machine: Machine, **environment: str) -> None:
        """Start a worker on a machine."""
        folder = self.folder / f"worker-{machine.name}"
        its = {**self.environment, "PREFECT_API_URL": _API, **environment}
        process = start_worker(folder, self.scheduler, machine.address, its, machine.enter)
        self.processes.append(process)

    def said_by(self, machine: Machine) -> str:
        """Return what the worker of a machine printed."""
        return (self.folder / f"worker-{machine.name}" / "said.txt").read_text(errors="replace")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Callable[[int], Network]]:
    """Start a network of some machines; it ends with the test."""
    with ExitStack() as stack:

        def made(number: int) -> Network:
            environment = stack.enter_context(prefect_home(tmp_path / "prefect"))
            environment |= {"PYTHONPATH": str(ROOT), "PREFECT_SERVER_API_PORT": "4200"}
            processes: list[subprocess.Popen[bytes]] = []
            stack.callback(lambda: [process.wait(60) for process in processes])
            first = machines.start(1)
            stack.callback(first.stop)
            found = [first]
            for one in range(2, number + 1):
                found.append(machines.start(one, first))
                stack.callback(found[-1].stop)
            processes.append(_start_server(first, environment, tmp_path))
            dask = tmp_path / "dask"
            dask.mkdir()
            process, scheduler = start_scheduler(dask, FIRST, environment, first.enter)
            processes.append(process)
            (tmp_path / "share").mkdir()
            return Network(tmp_path, environment, found, scheduler, processes)

        yield made


def _start_server(
    machine: Machine, environment: dict[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start a server that other machines reach, as the documentation says."""
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "0.0.0.0"]
    with (folder / "server.txt").open("wb") as said:
        process = subprocess.Popen(
            [*machine.enter, *command], env=environment, cwd=folder, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip
    look = f"from urllib.request import urlopen; urlopen('{_API}/health', timeout=5)"

    def answers() -> bool | None:
        looked = machines.run_there(machine, [sys.executable, "-c", look], environment, 60)
        return looked.returncode == 0 or None

    wait_for(answers, "the Prefect server")
    return process


@pytest.fixture(scope="module")
def local(products: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Return the map that a run without any server makes."""
    made: dict[str, bytes] = {}

    def map_of(how: str) -> bytes:
        if how not in made:
            folder = tmp_path_factory.mktemp(f"local-{how}")
            made[how] = _made_serially(folder, products, how)
        return made[how]

    return map_of


def _made_serially(folder: Path, products: Path, how: str) -> bytes:
    from flows.cli.load import load
    from tests.serial_run import run

    network = Network(folder, {}, [], "", [])
    output = network.write(folder / "run" / "map.yaml", products, how)
    run(load(str(folder / "run" / "map.yaml"), ()).request())
    return OutputPaths(output).map.read_bytes()


def done(output: Path) -> dict[str, tuple[int, int]]:
    """Times of change of the record and the first file of each finished job."""
    found = {}
    for record in sorted((output / ".sitsflow" / "records").glob("*.json")):
        (first, *_) = json.loads(record.read_bytes())["files"]
        found[record.name] = record.stat().st_mtime_ns, (output / first).stat().st_mtime_ns
    return found


def test_machines_end_with_the_process_that_made_them() -> None:
    code = "from tests.chaos import machines; print(machines.start(1).first, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as maker:
        assert maker.stdout is not None
        first = int(maker.stdout.readline())
        assert psutil.pid_exists(first)
        maker.kill()
    wait_for(lambda: not psutil.pid_exists(first) or None, "the end of the machine")


def test_a_run_across_two_machines_makes_the_map_of_one(
    network: Callable[[int], Network], products: Path, local: Callable[[str], bytes]
) -> None:
    net = network(2)
    net.add_worker(net.machines[1])
    config = net.share / "map.yaml"
    output = net.write(config, products, "max")
    net.run(config)
    paths = OutputPaths(output)
    assert paths.map.read_bytes() == local("max")
    assert "mosaic done in" in net.said_by(net.machines[1])
    assert paths.report.is_file()


@pytest.mark.parametrize("shift", [-HOUR, HOUR], ids=["slow", "fast"])
def test_a_worker_whose_clock_is_an_hour_off(
    shift: int, network: Callable[[int], Network], products: Path, local: Callable[[str], bytes],
    tmp_path: Path,
) -> None:  # fmt: skip
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("another time of day needs a C compiler")
    library = tmp_path / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    net = network(2)
    net.add_worker(net.machines[1], LD_PRELOAD=str(library), CLOCK_SHIFT=str(shift))
    config = net.share / "map.yaml"
    output = net.write(config, products, "max")
    said = net.run(config)
    paths = OutputPaths(output)
    assert paths.map.read_bytes() == local("max")
    assert "mosaic: done" in said
    table = paths.status.read_text()
    assert "running" not in table
    first = done(output)
    again = net.run(config, "--set", "chain.remove_output_path=False")
    assert done(output) == first, "a second run computed something again"
    assert "already there" in again
    assert paths.report.is_file()


def test_a_folder_that_shows_late_what_others_write(
    network: Callable[[int], Network], products: Path, local: Callable[[str], bytes], tmp_path: Path
) -> None:
    if SHORT:
        pytest.skip("waiting is not short")
    net = network(3)
    views = {tmp_path / "views" / machine.name: (3.0, 5.0) for machine in net.machines}
    with LateFolder(views, generator("late folder"), tmp_path / "staging") as folder:
        for machine, view in zip(net.machines, views, strict=True):
            machine.see(view, net.share)
        for machine in net.machines[1:]:
            net.add_worker(machine)
        here = next(iter(views))
        output = here / "run" / "out"

        def make(how: str, *arguments: str) -> str:
            net.write(here / "run" / "map.yaml", products, how)
            config = here / "run" / "map.yaml"
            config.write_text(config.read_text().replace(str(here), str(net.share)))
            return net.run(net.share / "run" / "map.yaml", *arguments)

        said = make("max")
        paths = OutputPaths(output)
        assert paths.map.read_bytes() == local("max")
        assert "waiting for what another process wrote" in said
        assert paths.report.is_file()
        assert paths.quicklook.is_file()
        report = paths.report.read_text()
        assert "mosaic" in report
        first = done(output)
        make("max", "--set", "chain.remove_output_path=False")
        assert done(output) == first, "a second run computed something again"
        # Workers still see the plan and the files of the run before when their jobs come.
        make("max")
        again = done(output)
        assert all(again[name] != first[name] for name in first), "not everything was made anew"
        make("min")
        assert paths.map.read_bytes() == local("min")
        assert local("min") != local("max")
        wait_for(lambda: folder.settled() or None, "the same folder everywhere")
        for view in views:
            assert OutputPaths(view / "run" / "out").map.read_bytes() == local("min")
        assert folder.late > 100
