"""`python -m tests.peak_memory REQUEST TASK`: the memory of a task, in a process like a worker."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import distributed  # noqa: F401  (a worker has it loaded)

from sitsflow.geo.grid import Window
from sitsflow.plan import save_plan
from sitsflow.planning.planner import make_plan
from sitsflow.request import Request
from sitsflow.run.jobs import Job, all_jobs, fingerprint, ram_gb
from sitsflow.run.peak_memory import peak_mb, reset_peak
from sitsflow.steps.chunk import compute_window
from sitsflow.steps.kernels import compile_kernels
from tests.serial_run import TASKS


def main(request_file: str, name: str) -> None:
    """Carry out the first job of a task and print the GB that it declares and its peak."""
    request = Request.model_validate_json(Path(request_file).read_text())
    plan, tiles = make_plan(request)
    save_plan(plan, tiles)
    compile_kernels()
    tile = tiles[plan.tile_names[0]]
    # What a worker has after its first task: code that is loaded late.
    compute_window(plan, tile, Window(row=0, col=0, height=8, width=8), "warming up")
    job = next(job for job in all_jobs(plan, tiles) if job.task == name)
    reset_peak()
    thread = threading.Thread(target=_carry_out, args=(job, request, fingerprint(job, plan, tiles)))
    thread.start()
    thread.join()
    sys.stdout.write(f"{ram_gb(job, plan)} {peak_mb() / 1e3}\n")


def _carry_out(job: Job, request: Request, wanted: str) -> None:
    place = {"tile": job.tile, "index": job.index}
    given = {key: value for key, value in place.items() if value not in ("", None)}
    TASKS[job.task](str(request.output_path), **given, fingerprint=wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])
