"""A Prefect server that should be there, and is not."""

import socket

import pytest

from flows import server


def test_a_configured_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_ANSWER_SECONDS", 0.3)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/api"
        with pytest.raises(server.ServerError, match=rf"{url} does not .* unset PREFECT_API_URL"):
            server.wait_for_configured(url)
