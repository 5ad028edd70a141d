"""The password of the server of this machine, which is Prefect's own basic authentication."""

from __future__ import annotations

import base64
import contextlib
import os
import pwd
import shutil
import urllib.error
import urllib.request

import psutil

from flows.server.errors import ServerError

VARIABLE = "SITSFLOW_AUTH"
NONE = "none"
"""Its value where the server shall have no password though others use the machine."""

_UNAUTHORIZED = 401
_SCHEDULERS = ("sbatch", "qsub", "bsub", "oarsub", "flux", "condor_submit")
_FIRST_PERSON = 1000  # smaller numbers are those of services
_NO_SHELLS = ("nologin", "false")


def auth_string() -> str | None:
    """Return the user and password that `SITSFLOW_AUTH` has, None if it has none.

    Raises
    ------
    ServerError
        If it is not of the form ``user:password``.
    """
    given = os.environ.get(VARIABLE, "")
    if given in ("", NONE):
        return None
    user, _, password = given.partition(":")
    if not (user and password):
        # Without the value: it may be a password.
        raise ServerError(f"{VARIABLE} is not of the form user:password, nor {NONE!r}")
    return given


def check_password(api_url: str) -> None:
    """Refuse a server that runs with another password than this process has, or with none.

    Raises
    ------
    ServerError
        With what to do.
    """
    from prefect.settings import get_current_settings

    given = auth_string()
    secret = get_current_settings().api.auth_string
    known = given or (secret.get_secret_value() if secret else None)
    if _status(api_url, known) == _UNAUTHORIZED:
        which = "another password than this command has" if known else "a password"
        raise ServerError(
            f"the Prefect server at {api_url} asks for {which}: set {VARIABLE}=user:password as "
            "it was set when the server was started"
        )
    if given and _status(api_url, None) != _UNAUTHORIZED:
        raise ServerError(
            f"{VARIABLE} is set, and the Prefect server at {api_url} runs already without a "
            "password: stop it (sitsflow server stop), so that it is started with one"
        )


def refuse_shared_machine() -> None:
    """Refuse to serve without a password where other people could use the server.

    It starts runs, and these have the rights of whoever started it.

    Raises
    ------
    ServerError
        With how it was seen that others use the machine, and what to do.
    """
    from prefect.settings import get_current_settings

    own = get_current_settings().server.api.auth_string
    if os.environ.get(VARIABLE) == NONE or auth_string() or own:
        return
    if reason := shared_because():
        raise ServerError(
            f"other people seem to use this machine ({reason}), and each of them could start runs "
            f"in your name: set {VARIABLE}=user:password, which the Prefect UI then asks for, or "
            f"{VARIABLE}={NONE} if nobody else can log in here"
        )


def shared_because() -> str:
    """Return what tells that other people use this machine, an empty text if nothing does."""
    if command := next(filter(shutil.which, _SCHEDULERS), None):
        return f"it has the command {command} of a batch scheduler"
    if others := sorted(filter(None, map(_person, _users() - {os.getuid()}))):
        return f"processes of {', '.join(others[:3])}{', ...' if len(others) > 3 else ''} run here"
    return ""


def _users() -> set[int]:
    users = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            users.add(process.uids().real)
    return users


def _person(user: int) -> str:
    """Return the name of a user who can log in, an empty text for a service."""
    try:
        entry = pwd.getpwuid(user)
    except KeyError:  # of a container, which has users of its own
        return ""
    logs_in = user >= _FIRST_PERSON and not entry.pw_shell.endswith(_NO_SHELLS)
    return entry.pw_name if logs_in else ""


def _status(api_url: str, auth: str | None) -> int:
    """Return the HTTP status of a request that needs the password, 0 without an answer."""
    request = urllib.request.Request(f"{api_url}/admin/version")
    if auth:
        request.add_header("Authorization", f"Basic {base64.b64encode(auth.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0
