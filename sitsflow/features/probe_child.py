"""The other side of `probe_process`: a process that tries functions one by one, as it is asked."""

from __future__ import annotations

import faulthandler
import logging
import math
import os
import signal
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from sitsflow.errors import SitsflowError
from sitsflow.features.functions import Functions, load_functions
from sitsflow.features.probe import attempt, warm_up
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.request import Request

_MORE_SECONDS = 10  # than the limit: by then the process that asked is not there any more


def main(questions: int, answers: int, trace: int) -> None:
    """Answer until there are no more questions.

    Parameters
    ----------
    questions, answers : int
        File descriptors of pipes.
    trace : int
        File descriptor of a file for where the process was when it crashed, or at SIGUSR1.
    """
    faulthandler.enable(trace, all_threads=False)
    faulthandler.register(signal.SIGUSR1, trace, all_threads=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked
    with suppress(OSError):  # there may be no standard error
        os.dup2(2, 1)  # prints of compiled code are no output of the program that asked
    incoming = Connection(questions, writable=False)
    outgoing = Connection(answers, readable=False)
    try:
        _serve(incoming, outgoing)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # at once: a function may have left a thread that never ends
    except BaseException:  # noqa: BLE001 - the last word
        traceback.print_exc()
        os._exit(1)


def _serve(incoming: Connection, outgoing: Connection) -> None:
    request: Request = incoming.recv()
    logger = logging.getLogger("sitsflow")
    logger.setLevel(logging.INFO)
    logger.addHandler(_Sender(outgoing))
    child = _Answers(request, outgoing)
    child.answer("load")
    while True:
        child.answer(*incoming.recv())


class _Answers:
    def __init__(self, request: Request, outgoing: Connection) -> None:
        self._request = request
        self._outgoing = outgoing
        self._functions: Functions | None = None

    def answer(self, kind: str, *question: Any) -> None:
        """Answer one question."""
        try:
            self._outgoing.send(("answer", getattr(self, f"_{kind}")(*question)))
        except SitsflowError as error:
            self._outgoing.send(("fault", error))
        signal.alarm(0)

    def _load(self) -> None:
        request = self._request
        self._begin(str(request.module))
        self._functions = load_functions(request.module, [one.name for one in request.functions])

    def _attempt(self, plans: Any, number: int, exogenous: Any) -> Any:
        assert self._functions is not None
        warm_up(plans, self._request)
        self._begin(self._request.functions[number - 1].name)
        return attempt(plans, self._request, self._functions, number, exogenous)

    def _begin(self, what: str) -> None:
        """Let the time of a function, or of the module, begin."""
        self._outgoing.send(("doing", what))
        # Even where compiled code never returns, and the process that asked was killed.
        signal.alarm(math.ceil(self._request.probe_seconds) + _MORE_SECONDS)

    def _snapshot(self) -> CodeSnapshot | None:
        assert self._functions is not None
        return self._functions.snapshot()


class _Sender(logging.Handler):
    """Sends records to the process that asked."""

    def __init__(self, outgoing: Connection) -> None:
        super().__init__()
        self._outgoing = outgoing

    def emit(self, record: logging.LogRecord) -> None:
        self._outgoing.send(("log", record.levelno, record.getMessage()))
