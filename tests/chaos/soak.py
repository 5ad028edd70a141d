"""Many runs of the command in one process, one after another; its other end measures meanwhile.

Each run computes everything: odd ones in a folder of their own, even ones anew in the same folder.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from flows.cli import main


def arguments(number: int, config: Path, folder: Path, cluster: str) -> list[str]:
    """Return what follows ``sitsflow`` in the run of this number, from 1."""
    output = output_of(number, folder)
    anew = [] if number % 2 else ["--fresh"]
    return [
        "run", str(config), "--cluster", cluster, "--set", f"chain.output_path={output}", *anew,
    ]  # fmt: skip


def output_of(number: int, folder: Path) -> Path:
    """Return the output folder of the run of this number."""
    return folder / f"out-{(number + 1) // 2}"


def run(number: int, config: Path, folder: Path, cluster: str) -> int:
    """Carry out one run as the command does; return its exit status."""
    sys.argv = ["sitsflow", *arguments(number, config, folder, cluster)]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def soak(config: Path, folder: Path, cluster: str) -> None:
    """Make a run for each line that comes in, and answer with its exit status."""
    # What runs print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        status = run(int(line), config, folder, cluster)
        gc.collect()
        answers.write(f"{status}\n")
        answers.flush()


if __name__ == "__main__":
    soak(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
