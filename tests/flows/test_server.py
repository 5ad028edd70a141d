"""The Prefect server of this machine: found or started, used, stopped."""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest
from prefect import get_client
from prefect.settings import get_current_settings

from flows import server
from flows.cli import saved
from flows.cli.server import leave_by_default
from flows.server import folder, log, machine
from tests.flows.conftest import COMMAND, Sitsflow, copy_database, free_port, prefect_home

PATIENCE_SECONDS = 120
FAKE = ("prefect.server.api.server:create_app", "--port", "4200")
"""Arguments that make a program look like a server."""
ANSWERING = """
import http.server, os

class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

there = http.server.HTTPServer(("127.0.0.1", {port}), Healthy)
if {user} != os.getuid():
    os.setgroups([])
    os.setgid({user})
    os.setuid({user})
print(there.server_port, flush=True)
there.serve_forever()
"""
"""A program that answers as a Prefect server does, as another user if that is said."""
NOBODY = 65534
HIDING = ("config", "prefect", "sitsflow", "tasks", "uvicorn", "yaml")


class Healthy(http.server.BaseHTTPRequestHandler):
    """Answers as a Prefect server of somebody else would."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, *_: object) -> None:
        pass


class Two(NamedTuple):
    """What two commands did that started the server in the same second."""

    home: Path
    port: int
    said: list[str]
    complained: list[str]
    processes: list[psutil.Process]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """This process's own home of Prefect, with no server."""
    with prefect_home(tmp_path / "home"):
        (tmp_path / "home").mkdir()
        yield tmp_path / "home"
        (tmp_path / "home" / "sitsflow" / "machine").unlink(missing_ok=True)
        server.stop()
    assert not servers_of(tmp_path / "home")


def servers_of(home: Path) -> list[psutil.Process]:
    """All processes that serve from a home, whoever started them."""
    found = []
    for process in psutil.process_iter():
        try:
            serves = "flows.server.app:create_app" in process.cmdline()
            if serves and process.environ().get("PREFECT_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def listening(process: psutil.Process) -> list[Any]:
    connections = process.net_connections("inet")
    return [one for one in connections if one.status == psutil.CONN_LISTEN]


@contextlib.contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def two(engine: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Start the server twice at once, where its port is taken, in a folder full of traps."""
    place = tmp_path_factory.mktemp("server")
    for name in HIDING:
        (place / f"{name}.py").write_text(f"open({str(place / 'trapped')!r}, 'w')\n")
    with prefect_home(copy_database(engine, place / "home")) as environment:
        port = int(environment["PREFECT_SERVER_API_PORT"])
        somebody = http.server.ThreadingHTTPServer(("127.0.0.1", port), Healthy)
        threading.Thread(target=somebody.serve_forever, daemon=True).start()
        environment["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
        # As the installed command does, which has no `-c`: the folder is not on its path.
        command = [sys.executable, "-P", *COMMAND[1:], "server", "start"]
        try:
            started = [
                subprocess.Popen(
                    command, env=environment, cwd=place, text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                )
                for _ in range(2)
            ]  # fmt: skip
            texts = [one.communicate(timeout=PATIENCE_SECONDS) for one in started]
            assert [one.returncode for one in started] == [0, 0], texts
            said, complained = map(list, zip(*texts, strict=True))
            yield Two(place / "home", port, said, complained, servers_of(place / "home"))
        finally:
            assert server.stop()
            somebody.shutdown()
            somebody.server_close()
    assert not servers_of(place / "home")
    assert not (place / "home" / "server.pid").exists()


@pytest.mark.engine
def test_two_that_start_it_at_once_share_one(two: Two) -> None:
    assert len(two.processes) == 1
    urls, endings = zip(*(text.split(" ", 1) for text in two.said), strict=True)
    assert sorted(endings) == ["is there already\n", "started\n"]
    assert len(set(urls)) == 1
    assert not (two.home.parent / "trapped").exists()


@pytest.mark.engine
def test_a_port_of_somebody_else_is_left_to_them(two: Two) -> None:
    (port,) = [one.laddr.port for one in listening(two.processes[0])]
    assert port != two.port
    took = f"port {two.port} is in use by another program: the Prefect server of this machine"
    assert [took in text for text in two.complained].count(True) == 1
    in_use = rf"port {two.port} of this machine is in use"
    with prefect_home(two.home.parent / "other"), pytest.raises(server.ServerError, match=in_use):
        server.find_or_start(two.port)


@pytest.mark.engine
def test_it_is_private_and_far_from_the_terminal(two: Two) -> None:
    (process,) = two.processes
    environment = process.environ()
    assert "PREFECT_API_URL" not in environment
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"].lower() == "false"
    assert environment["PYTHONSAFEPATH"] == "1"
    assert {one.laddr.ip for one in listening(process)} == {"127.0.0.1"}
    # Ctrl-C goes to the terminal's session, and a folder in use cannot be unmounted.
    assert os.getsid(process.pid) != os.getsid(0)
    assert process.cwd() == str(two.home)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://evil.example", False), ("null", False), ("", True), ("http://localhost", True)],
    ids=["foreign", "file", "its UI", "its UI by name"],
)
def test_no_page_but_its_ui_can_call_it(two: Two, origin: str, allowed: bool) -> None:
    url = two.said[0].split(" ")[0]
    port = url.rpartition(":")[2]
    page = {"": url, "http://localhost": f"http://localhost:{port}"}.get(origin, origin)
    answer = httpx.get(f"{url}/api/health", headers={"Origin": page})
    assert answer.status_code == (200 if allowed else 403)
    assert answer.headers.get("Access-Control-Allow-Origin") == (page if allowed else None)
    assert httpx.get(f"{url}/ui-settings").json()["api_url"] == f"{url}/api"
    # A page can send what asks for no permission first: without a type, and without a token.
    delete = httpx.post(f"{url}/api/flow_runs/bulk_delete", content=b"{}", headers={"Origin": page})
    assert delete.status_code == 403


@pytest.mark.engine
@pytest.mark.parametrize(
    "path", ["events/in", "events/out", "logs/out", "task_runs/subscriptions/scheduled"]
)
def test_no_page_but_its_ui_can_open_a_websocket(two: Two, path: str) -> None:
    url = two.said[0].split(" ")[0]
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol": "prefect",
    }  # fmt: skip
    for headers, status in (
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 400),
        ({"Origin": url}, 101),
        ({}, 101),
    ):
        with httpx.stream("GET", f"{url}/api/{path}", headers=upgrade | headers) as answer:
            assert answer.status_code == status, headers


@pytest.mark.engine
@pytest.mark.parametrize("path", ["/api/health", "/api/csrf-token?client=1", "/ui-settings", "/"])
def test_a_page_whose_name_leads_to_it_cannot_call_it(two: Two, path: str) -> None:
    url = two.said[0].split(" ")[0]
    port = url.rpartition(":")[2]
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.5"):
        answer = httpx.get(f"{url}{path}", headers={"Host": f"{host}:{port}"})
        assert (answer.status_code, answer.text) == (400, "Invalid host header")
    for host in ("127.0.0.1", "localhost"):
        answer = httpx.get(
            f"{url}{path}", headers={"Host": f"{host}:{port}"}, follow_redirects=True
        )
        assert answer.status_code in (200, 422), "422: a CSRF token for a client of no name"


@pytest.mark.engine
def test_it_is_found_again_wherever_it_is_asked_for(
    two: Two, capsys: pytest.CaptureFixture[str]
) -> None:
    url = two.said[0].split(" ")[0]
    found = server.find_or_start()
    assert (found.url, found.started) == (url, False)
    assert capsys.readouterr().err == ""
    assert server.find_or_start(free_port()) == found
    assert f"is there already, on port {url.rpartition(':')[2]}" in capsys.readouterr().err


@pytest.mark.engine
def test_status_says_where_it_is_and_what_it_keeps(two: Two, sitsflow: Sitsflow) -> None:
    done = sitsflow("server", "status", env=dict(os.environ))
    url = two.said[0].split(" ")[0]
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{url}\n")
    assert f"process   {two.processes[0].pid}, since 20" in done.stdout
    assert f"database  {two.home / 'prefect.db'}, " in done.stdout
    assert str(two.home / "sitsflow" / "server.log") in done.stdout


@pytest.mark.engine
def test_what_it_complains_of_is_told_by_its_cause(two: Two) -> None:
    errors = server.ErrorLog()
    url = two.said[0].split(" ")[0]
    with contextlib.closing(sqlite3.connect(two.home / "prefect.db")) as database:
        database.execute("alter table block_type rename to hidden")
        try:
            answer = httpx.get(f"{url}/api/block_types/slug/secret")
        finally:
            database.execute("alter table hidden rename to block_type")
    assert answer.status_code == 500
    (said,) = errors.new()
    assert "Encountered exception in request" in said
    assert said.endswith("OperationalError: (sqlite3.OperationalError) no such table: block_type")
    assert errors.new() == []


@pytest.mark.engine
def test_use_names_it_to_this_process_and_its_children(two: Two) -> None:
    found = server.find_or_start()
    shown = "import os; print(os.environ['PREFECT_API_URL'], os.environ['DO_NOT_TRACK'])"
    with server.use(found):
        assert get_current_settings().api.url == found.api_url == server.configured_api_url()
        bundle = Path(get_current_settings().api.ssl_cert_file or "")
        assert bundle.read_text().count("BEGIN CERTIFICATE") == 1
        with get_client(sync_client=True) as prefect:
            assert prefect.api_healthcheck() is None
        child = subprocess.run([sys.executable, "-c", shown], capture_output=True, check=True)
        assert child.stdout.decode() == f"{found.api_url} 1\n"
        assert server.stop(unless_used=True) is False
    assert server.configured_api_url() is None
    assert "PREFECT_API_URL" not in os.environ


@pytest.mark.engine
def test_saved_configurations_are_those_of_a_server_that_is_there(two: Two) -> None:
    with saved.server():
        assert server.configured_api_url() == f"{two.said[0].split(' ')[0]}/api"
        assert saved.names() == []
    assert server.running_server() is not None


def test_another_api_is_used_as_it_is(home: Path) -> None:
    with server.use("https://prefect.example/api"):
        assert server.configured_api_url() == "https://prefect.example/api"
        assert "PREFECT_API_SSL_CERT_FILE" not in os.environ


@pytest.mark.parametrize("program", ["none", "another", "empty"])
def test_a_stale_pid_file_is_removed_and_its_number_left_alone(home: Path, program: str) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)", *FAKE],
        env={**os.environ, "PREFECT_HOME": str(home.parent)},
    )
    with ended(other):
        if program == "none":
            other.kill()
            other.wait()
        (home / "server.pid").write_text("" if program == "empty" else str(other.pid))
        assert server.running_server() is None
        assert server.stop() is False
        assert not (home / "server.pid").exists()
        assert program == "none" or other.poll() is None


def test_a_server_in_a_terminal_is_used(home: Path) -> None:
    code = ANSWERING.format(port=0, user=os.getuid())
    arguments = [sys.executable, "-c", code, "/bin/prefect", "server", "start"]
    with ended(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)) as terminal:
        assert terminal.stdout is not None
        url = f"http://127.0.0.1:{terminal.stdout.readline().strip()}"
        found = server.find_or_start()
        assert (found.url, found.started) == (url, False)
        assert found.process.pid == terminal.pid
    assert server.running_server() is None


def test_a_server_that_is_just_ending_is_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)", *FAKE])
    monkeypatch.setattr(machine, "_started_here", [])
    monkeypatch.setattr(machine, "start", lambda _port: ("started after", ending.poll()))
    with ended(ending):
        found = server.running_server()
        assert found is not None
        assert found.process.pid == ending.pid
        assert server.find_or_start() == ("started after", 0)


@pytest.fixture
def somebody_else(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A server of another user on our port. Whatever else tells it from ours says that it is ours.

    Its arguments are those of both kinds of server, its home and its `server.pid` are ours.
    """
    port = os.environ["PREFECT_SERVER_API_PORT"]
    code = ANSWERING.format(port=port, user=NOBODY)
    arguments = [sys.executable, "-c", code, "/bin/prefect", "server", "start", *FAKE[:2], port]
    with ended(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == f"{port}\n"
        assert psutil.Process(other.pid).uids().real == NOBODY
        assert httpx.get(f"http://127.0.0.1:{port}/api/health").status_code == 200
        (home / "server.pid").write_text(str(other.pid))
        yield other


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of another user")
@pytest.mark.engine
@pytest.mark.slow
def test_a_server_of_another_user_is_left_to_them(
    engine: dict[str, str],
    home: Path,
    somebody_else: subprocess.Popen[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert server.running_server() is None
    copy_database(engine, home)
    found = server.find_or_start()
    port = os.environ["PREFECT_SERVER_API_PORT"]
    assert found.started
    assert not found.url.endswith(f":{port}")
    assert f"port {port} is in use by another program" in capsys.readouterr().err
    now = server.running_server()
    assert now is not None
    assert now.url == found.url
    assert now.process.uids().real == os.getuid()
    assert server.stop()
    assert somebody_else.poll() is None


def test_a_server_of_the_same_home_on_another_machine_is_refused(home: Path) -> None:
    (home / "server.pid").write_text("4242")
    (home / "sitsflow").mkdir()
    (home / "sitsflow" / "machine").write_text("node7")
    with pytest.raises(server.ServerError, match=r"runs on another machine, node7.* PREFECT_HOME"):
        server.find_or_start()
    assert (home / "server.pid").exists()


def test_users_are_known_until_they_end_however_that_is(home: Path) -> None:
    code = (
        "import time\nfrom flows.server.folder import used\n"
        "with used():\n    print('used', flush=True)\n    time.sleep(600)"
    )
    assert not folder.is_used()
    user = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with ended(user):
        assert user.stdout is not None
        assert user.stdout.readline() == "used\n"
        assert folder.is_used()
        user.kill()
        user.wait()
        assert not folder.is_used()


@pytest.mark.engine
@pytest.mark.slow
def test_a_database_that_it_cannot_read_is_named_as_the_cause(home: Path) -> None:
    (home / "prefect.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(server.ServerError) as caught:
        server.find_or_start()
    assert "ended at its start" in str(caught.value)
    assert "DatabaseError: (sqlite3.DatabaseError) file is not a database" in str(caught.value)
    assert str(home / "sitsflow" / "server.log") in str(caught.value)
    assert server.running_server() is None


@pytest.mark.engine
def test_an_import_that_fails_is_named_as_the_cause(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Read by every Python: in the server it hides a package that only the server needs.
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['docket'] = None\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    with pytest.raises(server.ServerError, match="ModuleNotFoundError: import of docket halted"):
        server.find_or_start()


def test_causes_are_messages_and_the_last_exceptions() -> None:
    text = """\
2026-11-27 22:08:02,367 ERROR uvicorn.error: Traceback (most recent call last):
  File "base.py", line 149, in __init__
sqlite3.DatabaseError: locked

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "routing.py", line 661, in lifespan
sqlalchemy.exc.DatabaseError: (sqlite3.DatabaseError) locked
[SQL: SELECT 1]
(Background on this error at: https://sqlalche.me/e/20/4xp6)

2026-11-27 22:08:02,367 ERROR uvicorn.error: Application startup failed. Exiting.
2026-11-27 22:08:03,367 ERROR uvicorn.error: Application startup failed. Exiting.
"""
    assert list(log.causes(text).values()) == [
        "sqlalchemy.exc.DatabaseError: (sqlite3.DatabaseError) locked",
        "Application startup failed. Exiting.",
    ]
    assert log.causes("") == {}


@pytest.mark.parametrize(
    ("variables", "leave"),
    [
        ({}, True),
        ({"JOB_ID": "1"}, True),
        ({"SLURM_JOB_ID": "1"}, False),
        ({"PBS_JOBID": "1.node"}, False),
        ({"SGE_ROOT": "/sge", "JOB_ID": "1"}, False),
    ],
    ids=str,
)
def test_a_batch_job_leaves_no_server(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], leave: bool
) -> None:
    for name in ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "SGE_ROOT", "JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert leave_by_default() is leave


def test_a_configured_server_that_does_not_answer_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_ANSWER_SECONDS", 0.3)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/api"
        said = rf"{url} does not .* unset PREFECT_API_URL"
        with server.use(url), pytest.raises(server.ServerError, match=said):
            server.find_server()


def test_importing_it_does_not_import_prefect() -> None:
    code = "import sys, flows.server, flows.cli; sys.exit('prefect' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "does not answer any more"),
        (500, r"has a fault of its own \(HTTP status 500\)"),
        (401, r"does not accept a request \(HTTP status 401\)"),
    ],
)
def test_what_is_said_of_a_server_that_failed(status: int | None, words: str) -> None:
    text = server.gone("http://127.0.0.1:4200/api", status)
    assert re.search(f"{words}.* what is done is kept: start the same command", text)
