"""The process in which a user's functions are tried: nothing that they do there ends another.

A function may loop for ever, crash in compiled code, end its process, or leave threads behind.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from sitsflow.errors import FunctionError
from sitsflow.features.probe import BuiltinProber, Exogenous, Prober, Tried
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.plan import SeriesPlan
from sitsflow.request import Request

log = logging.getLogger(__name__)

# Not a path of modules, which would be those of the current folder; nor `multiprocessing`, which
# runs the caller's main script again.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from sitsflow.features.probe_child import main; main(*map(int, sys.argv[2:]))"
)
_FRAME = re.compile(r'^ +File "(.+)", line (\d+) in (.+)$', re.MULTILINE)
_TRACE_SECONDS = 2.0


@contextmanager
def prober_of(request: Request) -> Iterator[Prober]:
    """Provide who tries the functions of a run, until its plan is made."""
    if request.module is None:
        yield BuiltinProber(request)
        return
    with ProbeProcess(request) as process:
        yield process


class ProbeProcess:
    """Tries the functions of the user's module; started at once, so that it is ready when needed.

    Where a function ends the process, another one is started for those that follow.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        self._child = _Child(self._request)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def load(self) -> None:
        """Import the module and find the functions.

        Raises
        ------
        FunctionError
            If that fails, takes too long, or ends the process.
        """
        self._ready()

    def attempt(self, plans: Sequence[SeriesPlan], number: int, exogenous: Exogenous) -> Tried:
        """Try the function of that number, from 1, on the series of a tile.

        Raises
        ------
        FunctionError
            If it fails, takes too long, or ends the process.
        """
        tried: Tried = self._ask("attempt", list(plans), number, exogenous)
        return tried

    def snapshot(self) -> CodeSnapshot:
        """Return the user's code as far as it was imported until now."""
        code: CodeSnapshot = self._ask("snapshot")
        return code

    def _ready(self) -> _Child:
        if self._child is None:
            self._child = _Child(self._request)
        if not self._child.loaded:
            try:
                self._child.answer()
            except FunctionError:
                self._end()
                raise
            self._child.loaded = True
        return self._child

    def _ask(self, *question: Any) -> Any:
        child = self._ready()
        try:
            return child.ask(question)
        except FunctionError:
            if not child.alive:
                self._end()
            raise

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """One process, and the pipes to it."""

    def __init__(self, request: Request) -> None:
        self._seconds = request.probe_seconds
        self._doing = str(request.module)
        self._folder = Path(self._doing).parent
        self.loaded = False
        self.alive = True
        self._trace = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        fds = (theirs_in, theirs_out, self._trace.fileno())
        command = [sys.executable, "-P", "-c", _START, json.dumps(sys.path), *map(str, fds)]
        try:
            self._process = subprocess.Popen(command, pass_fds=fds, stdin=subprocess.DEVNULL)
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._to = Connection(ours_out, readable=False)
        self._from = Connection(ours_in, writable=False)
        self._to.send(request)

    def ask(self, question: tuple[Any, ...]) -> Any:
        """Send a question and return the answer."""
        with suppress(BrokenPipeError):  # it ended meanwhile: then there is no answer
            self._to.send(question)
        return self.answer()

    def answer(self) -> Any:
        """Wait for the answer; of what is said before it, note what is being done, and log."""
        until: float | None = None  # starting Python itself may take any time
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not self._from.poll(left):
                raise FunctionError(self._too_long())
            try:
                kind, *what = self._from.recv()
            except EOFError:
                raise FunctionError(self._death()) from None
            if kind == "answer":
                return what[0]
            if kind == "fault":
                raise what[0]
            if kind == "log":
                log.log(*what)
            else:
                self._doing = what[0]
                until = time.monotonic() + self._seconds

    def end(self) -> None:
        """End the process, whatever it still does, and close the pipes."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()
        self._trace.close()

    def _too_long(self) -> str:
        """End the process, and say where it was."""
        self._process.send_signal(signal.SIGUSR1)  # answered by where it is, in `self._trace`
        with suppress(subprocess.TimeoutExpired):
            until = time.monotonic() + _TRACE_SECONDS
            while time.monotonic() < until and not self._where():
                self._process.wait(0.05)
        place = self._where()
        self.alive = False
        return (
            f"{self._doing}: has not ended after {self._seconds:g} s{place}; if it needs that "
            "long, raise external_features.probe_seconds"
        )

    def _death(self) -> str:
        """Say how the process ended."""
        self.alive = False
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            how = f"crashed ({name}), as compiled code does, or for lack of memory"
        else:
            how = f"ended the whole process with status {code}, as os._exit does"
        return f"{self._doing}: {how}{self._where()}"

    def _where(self) -> str:
        """Return where in the user's folder the process was, or nothing."""
        self._trace.seek(0)
        text = self._trace.read().decode(errors="replace")
        for file, line, function in _FRAME.findall(text):
            if Path(file).is_relative_to(self._folder):
                return f" (at {file}, line {line}, in {function})"
        return ""
