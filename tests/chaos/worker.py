"""A process that carries out cases one by one, and its other end: a hang costs one process."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
from pathlib import Path

from sitsflow.products.sensors.model import load_sensors
from tests.chaos.attack import Attacker, Case, Verdict
from tests.chaos.subjects import Subject, tile_of

SECONDS = 120
"""Of a case: twenty times what it needs on a busy machine."""

_UNPRIVILEGED = ("setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search")

ROOT_ALONE = os.geteuid() == 0 and shutil.which("setpriv") is None
"""Whether permissions do not bind the process: it is root's, and cannot be made like others."""


class Worker:
    """The other end of such a process, which is started anew after a hang or a crash."""

    def __init__(self, products: Path, place: Path) -> None:
        self._products, self._place = products, place
        self._process: subprocess.Popen[str] | None = None

    def ask(self, case: Case) -> Verdict:
        """Have a case carried out."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(case) + "\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            if not ready.select(SECONDS):
                self.stop()
                return Verdict("lost", f"no answer in {SECONDS} s")
        answer = process.stdout.readline()
        if not answer:
            status = process.wait()
            self.stop()
            return Verdict("lost", f"the process ended with status {status}")
        return Verdict(*json.loads(answer))

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            with self._process:
                self._process.kill()
        self._process = None
        shutil.rmtree(self._place, ignore_errors=True)

    def _start(self) -> subprocess.Popen[str]:
        prefix = _UNPRIVILEGED if os.geteuid() == 0 and not ROOT_ALONE else ()
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-m", __name__, str(self._products), str(self._place)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self._process


def main(products: Path, place: Path) -> None:
    """Answer cases until there are no more."""
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    attackers: dict[str, Attacker] = {}
    for line in sys.stdin:
        case = Case(*json.loads(line))
        if case.sensor not in attackers:
            sensor, folder = load_sensors()[case.sensor], products / case.sensor
            subject = Subject(sensor, tile_of(case.sensor), folder)
            attackers[case.sensor] = Attacker(subject, place)
        answers.write(json.dumps(attackers[case.sensor].attack(case)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
