"""The process of a Prefect server of this machine: which it is, and whether it is ours."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from flows.server.client import ServerError, answers
from flows.server.folder import folder, home

_APP = "prefect.server.api.server:create_app"
_STOP_SECONDS = 15.0


@dataclass(frozen=True)
class ServerProcess:
    """A server process of this user and this home of Prefect."""

    process: psutil.Process
    port: int

    @property
    def url(self) -> str:
        """Where its UI is."""
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Whether it is this process that answers there."""
        return self.port in _ports(self.process) and answers(f"{self.url}/api")

    def is_alive(self) -> bool:
        """Whether it runs still."""
        try:
            return bool(self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def end(self) -> None:
        """End it, and return when it is gone: ask, wait, then kill."""
        for end in (self.process.terminate, self.process.kill):
            with contextlib.suppress(psutil.NoSuchProcess):
                end()
            until = time.monotonic() + _STOP_SECONDS
            # Not `Process.wait`: in a container without an init process the dead stay, as zombies.
            while self.is_alive() and time.monotonic() < until:
                time.sleep(0.05)
        forget()


def find_process() -> ServerProcess | None:
    """Return the server that `server.pid` names, if it is ours, or else one in a terminal.

    Raises
    ------
    ServerError
        If it runs on another machine that shares this home of Prefect.
    """
    with contextlib.suppress(OSError, psutil.Error, KeyError, ValueError):
        process = psutil.Process(_recorded_pid())
        command = process.cmdline()
        # Numbers of processes are used again: by other programs, by servers of other homes.
        if _APP in command and _is_ours(process):
            return ServerProcess(process, int(command[command.index("--port") + 1]))
    return _find_in_terminal()


def remember_machine(server: ServerProcess) -> None:
    """Write down on which machine it runs: `server.pid` does not say."""
    text = f"{server.process.pid} {socket.gethostname()}"
    (folder() / "machine").write_text(text, encoding="utf-8")


def forget() -> None:
    """Remove what is written down about a server that is gone."""
    (home() / "server.pid").unlink(missing_ok=True)


def is_free(port: int) -> bool:
    """Whether a program can listen on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _recorded_pid() -> int:
    """Return what Prefect's command wrote down, unless it did so on another machine.

    Two machines must not write one SQLite file, which they would on a disk of the network.
    """
    path = home() / "server.pid"
    pid = path.read_text(encoding="utf-8")
    known = folder() / "machine"
    of, _, machine = (known.read_text("utf-8") if known.exists() else "").partition(" ")
    if pid and of == pid and machine != socket.gethostname():
        raise ServerError(
            f"the Prefect server of {home()} runs on another machine, {machine}: stop it there "
            "(sitsflow server stop), or set PREFECT_HOME to a folder of this machine. If it is "
            f"gone, delete {path}"
        )
    return int(pid)


def _find_in_terminal() -> ServerProcess | None:
    """Return the server of a `prefect server start` without `--background`: it has no `server.pid`.

    A second one beside it would lock its database.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, KeyError, ValueError):
            command = [Path(argument).name for argument in process.cmdline()]
            words = command[command.index("prefect") + 1 :][:2]
            if words == ["server", "start"] and _is_ours(process) and (ports := _ports(process)):
                return ServerProcess(process, ports[0])
    return None


def _is_ours(process: psutil.Process) -> bool:
    """Whether a process is of this user, and of this home of Prefect."""
    if process.uids().real != os.getuid():
        return False
    environment = process.environ()
    its = environment.get("PREFECT_HOME") or Path(environment["HOME"]) / ".prefect"
    return Path(its).expanduser().resolve() == home().resolve()


def _ports(process: psutil.Process) -> list[int]:
    """Return where a process listens."""
    with contextlib.suppress(psutil.Error):
        connections = process.net_connections("tcp")
        return [one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN]
    return []
