"""The process of a Prefect server in the background: which it is, and whether it is ours."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from flows.server.client import ServerError, answers

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
        return self._listens() and answers(f"{self.url}/api")

    def is_alive(self) -> bool:
        """Whether it runs still."""
        try:
            return bool(self.process.status() != psutil.STATUS_ZOMBIE and self.process.is_running())
        except psutil.NoSuchProcess:
            return False

    def end(self, seconds: float = _STOP_SECONDS) -> None:
        """End it, and return when it is gone: ask, wait, then kill."""
        for signal in (self.process.terminate, self.process.kill):
            with contextlib.suppress(psutil.NoSuchProcess):
                signal()
            until = time.monotonic() + seconds
            # Not `wait`: in a container with no init the dead stay, as zombies.
            while self.is_alive() and time.monotonic() < until:
                time.sleep(0.05)

    def _listens(self) -> bool:
        try:
            connections = self.process.net_connections("tcp")
        except psutil.Error:
            return False
        return any(
            one.status == psutil.CONN_LISTEN and one.laddr.port == self.port for one in connections
        )


def pid_file(home: Path) -> Path:
    """Return the file where Prefect keeps the number of the server's process."""
    return home / "server.pid"


def find_process(home: Path) -> ServerProcess | None:
    """Return the server that `server.pid` names, None if there is none; a stale file is removed.

    Raises
    ------
    ServerError
        If it runs on another machine that shares this home.
    """
    try:
        pid = int(pid_file(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:  # a start that was killed halfway
        forget(home)
        return None
    _refuse_other_machine(home, pid)
    found = _recognize(pid, home)
    if found is None:
        forget(home)
    return found


def remember_machine(home: Path, pid: int) -> None:
    """Write down where this server runs: `server.pid` does not say."""
    text = json.dumps({"pid": pid, "host": socket.gethostname()})
    _machine_file(home).write_text(text, encoding="utf-8")


def forget(home: Path) -> None:
    """Remove what is written down about a server that is gone."""
    for path in (pid_file(home), _machine_file(home)):
        path.unlink(missing_ok=True)


def is_free(port: int) -> bool:
    """Whether a program can listen on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _machine_file(home: Path) -> Path:
    return home / "sitsflow" / "server.json"


def _refuse_other_machine(home: Path, pid: int) -> None:
    """Two machines must not write one SQLite file, which they would on a network's disk."""
    try:
        known = json.loads(_machine_file(home).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return
    if known["pid"] == pid and known["host"] != socket.gethostname():
        raise ServerError(
            f"the Prefect server of {home} runs on another machine, {known['host']}: stop it there "
            "(sitsflow server stop), or set PREFECT_HOME to a folder of this machine. If it is "
            f"gone, delete {pid_file(home)}"
        )


def _recognize(pid: int, home: Path) -> ServerProcess | None:
    """Return the process if it is a server of this user and home: numbers are used again."""
    try:
        process = psutil.Process(pid)
        command = process.cmdline()
        if process.uids().real != os.getuid() or _APP not in command:
            return None
        environment = process.environ()
        own_home = environment.get("PREFECT_HOME") or Path(environment["HOME"]) / ".prefect"
        if Path(own_home).expanduser().resolve() != home.resolve():
            return None
        return ServerProcess(process, int(command[command.index("--port") + 1]))
    except (psutil.Error, KeyError, ValueError, IndexError):
        return None
