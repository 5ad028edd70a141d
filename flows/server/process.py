"""The process of the Prefect server of this machine: found, started, ended."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from flows.server.client import answers
from flows.server.environment import server_environment
from flows.server.errors import ServerError
from flows.server.folder import folder, home
from flows.server.log import ErrorLog, causes

_APP = "flows.server.app:create_app"
_PREFECTS_APP = "prefect.server.api.server:create_app"
_DETACHED = '"$@" >/dev/null 2>&1 & echo $!'
"""Script of a shell: start a command that outlives the shell, and print its number."""
_PORTS_TRIED = 100
_START_SECONDS = 300  # the first start of all makes the database, on a slow disk a minute or two
_STOP_SECONDS = 15.0
_ENDED = "ended at its start"


@dataclass(frozen=True)
class Server:
    """The Prefect server of this machine, and whether it was started just now."""

    port: int
    process: psutil.Process
    started: bool = False

    @property
    def url(self) -> str:
        """Where its UI is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """Address of the API."""
        return f"{self.url}/api"

    def answers(self) -> bool:
        """Whether it is this process that answers there."""
        return self.port in _ports(self.process) and answers(self.api_url)

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


def running_server() -> Server | None:
    """Return the server of this user and this home of Prefect; it may not answer yet, or no more.

    Not by `server.pid` alone: numbers of processes are used again, by other programs and by
    servers of other homes, and a server in a terminal has no such file. A second one beside that
    would lock its database.

    Raises
    ------
    ServerError
        If it runs on another machine that shares this home of Prefect.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, LookupError, ValueError):
            command = process.cmdline()
            if {_APP, _PREFECTS_APP} & {*command}:
                port = int(command[command.index("--port") + 1])
            elif "prefect server start" in " ".join(command):
                port = _ports(process)[0]
            else:
                continue
            if _is_ours(process):
                return Server(port, process)
    _refuse_another_machine()
    return None


def forget() -> None:
    """Remove what is written down for Prefect's command about a server that is gone."""
    (home() / "server.pid").unlink(missing_ok=True)


def start(port: int | None = None) -> Server:
    """Start a server, on a free port from Prefect's configured one on if not told which.

    Raises
    ------
    ServerError
        If there is no such port, or it does not start; with the cause.
    """
    from prefect.settings import get_current_settings

    first = port or get_current_settings().server.api.port
    error = ServerError(f"port {first} of this machine is in use: choose another")
    for one in [port] if port else range(first, min(first + _PORTS_TRIED, 65536)):
        if not _is_free(one):
            continue
        if one != first:
            sys.stderr.write(
                f"port {first} is in use by another program: the Prefect server of this machine "
                f"takes port {one}\n"
            )
        sys.stderr.write("starting the Prefect server; the first time that takes up to a minute\n")
        try:
            return _start(one)
        except ServerError as failed:
            if _is_free(one):
                raise
            error = failed  # somebody else was quicker
    raise error


def wait_for(server: Server) -> str:
    """Return when the server answers, or else what it did instead."""
    until = time.monotonic() + _START_SECONDS
    while not server.answers():
        if not server.is_alive():
            return _ENDED
        if time.monotonic() > until:
            return f"does not answer after {_START_SECONDS} s"
        time.sleep(0.1)
    return ""


def _refuse_another_machine() -> None:
    """Two machines must not write one SQLite file, which they would on a disk of the network."""
    pid, machine = home() / "server.pid", folder() / "machine"
    name = machine.read_text("utf-8") if pid.exists() and machine.exists() else socket.gethostname()
    if name != socket.gethostname():
        raise ServerError(
            f"the Prefect server of {home()} runs on another machine, {name}: stop it there "
            "(sitsflow server stop), or set PREFECT_HOME to a folder of this machine. If it is "
            f"gone, delete {pid}"
        )


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


def _is_free(port: int) -> bool:
    """Whether a program can listen on a loopback port."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _start(port: int) -> Server:
    errors = ErrorLog()
    # `server.pid`, which `prefect server stop` reads, does not say where its process is.
    (folder() / "machine").write_text(socket.gethostname(), encoding="utf-8")
    # As Prefect's own command starts a server in the background, but for the application.
    uvicorn = [sys.executable, "-m", "uvicorn", "--factory", _APP, "--host", "127.0.0.1"]
    done = _run(["sh", "-c", _DETACHED, "sh", *uvicorn, "--port", str(port)], port)
    if done.returncode:
        raise ServerError(f"the Prefect server did not start: {done.stderr}".strip())
    (home() / "server.pid").write_text(done.stdout.strip(), encoding="utf-8")
    server, why_not = _of(int(done.stdout), port), _ENDED
    if server is not None:
        try:
            why_not = wait_for(server)
        finally:  # after Ctrl-C too
            if why_not:
                server.end()
        if not why_not:
            return replace(server, started=True)
    # Before it can write to its log it imports its modules.
    imported = _run([sys.executable, "-c", "import flows.server.app"], port)
    found = errors.new() or causes(imported.stderr).values()
    said = "".join(f"\n  {cause}" for cause in found)
    raise ServerError(f"the Prefect server {why_not}:{said}\n  (more in {errors.path})")


def _of(pid: int, port: int) -> Server | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return Server(port, psutil.Process(pid))
    return None


def _run(command: list[str], port: int) -> subprocess.CompletedProcess[str]:
    """Run a command as the server on a port is run."""
    # In a session of its own: Ctrl-C in the terminal is for the run, not for the server.
    return subprocess.run(
        command,
        cwd=home(),
        env=server_environment(port),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
