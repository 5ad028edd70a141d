"""When the server of this machine must have a password, and what is said where it is wrong."""

from __future__ import annotations

import http.server
import os
import pwd
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from prefect.settings import PREFECT_API_URL, get_current_settings

from deployments.serve import serve
from flows import server
from flows.server import password
from flows.server.environment import server_environment
from flows.server.password import VARIABLE, auth_string, check_password, shared_because


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine of one person, without a batch scheduler, and no password."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(password, "_users", lambda: {0, 33, os.getuid(), 4242})
    names = {33: ("www-data", "/usr/sbin/nologin"), 1234: ("ann", "/bin/bash")}
    names[1235] = ("robot", "/bin/false")

    def entry(user: int) -> SimpleNamespace:
        name, shell = names[user]
        return SimpleNamespace(pw_name=name, pw_shell=shell)

    monkeypatch.setattr(pwd, "getpwuid", lambda user: entry(user))


def test_a_machine_of_one_person_needs_no_password() -> None:
    assert shared_because() == ""
    server.refuse_shared_machine()


@pytest.mark.parametrize("command", ["sbatch", "qsub", "bsub", "oarsub"])
def test_a_batch_scheduler_is_a_sign_of_others(tmp_path: Path, command: str) -> None:
    (tmp_path / command).touch(mode=0o755)
    assert shared_because() == f"it has the command {command} of a batch scheduler"


def test_processes_of_other_people_are_a_sign_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "_users", lambda: {0, 33, 1235, os.getuid()})
    assert shared_because() == ""
    monkeypatch.setattr(password, "_users", lambda: {0, 33, 1234, 1235, os.getuid()})
    assert shared_because() == "processes of ann run here"


def test_serving_others_is_refused_until_there_is_a_password_or_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password, "_users", lambda: {1234})
    started: list[int | None] = []
    monkeypatch.setattr("deployments.serve._server", started.append)
    with pytest.raises(server.ServerError, match=r"processes of ann run here.*SITSFLOW_AUTH=none"):
        serve(None, tmp_path)
    assert started == []
    for given in ("none", "ann:secret"):
        monkeypatch.setenv(VARIABLE, given)
        server.refuse_shared_machine()


@pytest.mark.parametrize("given", ["secret", "ann:", ":secret"])
def test_another_form_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(server.ServerError, match="user:password") as caught:
        auth_string()
    assert given not in str(caught.value).replace("user:password", "")


@pytest.mark.slow
def test_the_password_goes_to_the_server_of_this_machine_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "PREFECT_SERVER_API_AUTH_STRING" not in server_environment(4200)
    monkeypatch.setenv(VARIABLE, "ann:secret")
    assert server_environment(4200)["PREFECT_SERVER_API_AUTH_STRING"] == "ann:secret"
    with server.use("https://prefect.example/api"):
        assert get_current_settings().api.auth_string is None
        assert "PREFECT_API_AUTH_STRING" not in os.environ
        assert PREFECT_API_URL.value() == "https://prefect.example/api"


@pytest.fixture
def open_server() -> Iterator[str]:
    """A server that asks nobody for a password."""

    class Open(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    there = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Open)
    threading.Thread(target=there.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{there.server_port}/api"
    there.shutdown()
    there.server_close()


@pytest.mark.slow
def test_a_server_that_runs_without_the_password_is_not_taken_for_one_that_has_it(
    open_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_password(open_server)
    monkeypatch.setenv(VARIABLE, "ann:secret")
    with pytest.raises(server.ServerError, match="runs already without a password: stop it"):
        check_password(open_server)
