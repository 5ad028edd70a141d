"""Who takes part: each carries out a job in a process of its own, and says what that took."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from sitsflow.plan import Plan, TilePlan
from sitsflow.run.peak_memory import peak_mb
from tests.benchmarks.jobs import JOBS, Job, plan_of
from tests.benchmarks.result import Result, Work

Prepare = Callable[[Plan, TilePlan, Job], Work]


class Contender(NamedTuple):
    """A way to carry out jobs: a function of a module, and which jobs it can do."""

    title: str
    module: str
    function: str
    threads: int
    jobs: tuple[str, ...] = tuple(JOBS)
    needs: str = ""
    """Package that it is not there without."""


CONTENDERS: Mapping[str, Contender] = {
    "engine": Contender("sitsflow's engine", "engine", "engine", 1),
    "odc-stac": Contender("odc-stac, Dask, numba", "rival_odc", "odc_stac", 2, needs="odc.stac"),
    "rioxarray": Contender(
        "rioxarray, numba", "rival_rioxarray", "with_rioxarray", 1, needs="rioxarray"
    ),
    "warper": Contender(
        "floor: GDAL's cubic warper, bands only", "engine", "warper", 1, ("ndvi-2154",)
    ),
    "reading": Contender("floor: reading only", "engine", "reading_only", 1),
    "kernels": Contender("floor: kernels only, all in memory", "engine", "kernels_only", 1),
    "fused": Contender("floor: windows and one fused kernel", "engine", "fused", 1, ("ndvi-utm",)),
}


def is_there(contender: Contender) -> bool:
    """Whether what a contender needs is installed."""
    if not contender.needs:
        return True
    try:
        return find_spec(contender.needs) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def prepared(name: str, plan: Plan, tile: TilePlan, job: Job) -> Work:
    """Import a contender and compile what it calls; return what is measured."""
    contender = CONTENDERS[name]
    module = import_module(f"tests.benchmarks.{contender.module}")
    prepare: Prepare = getattr(module, contender.function)
    return prepare(plan, tile, job)


def bytes_read() -> int | None:
    """Return the bytes that this process read so far, from files or their cache; None elsewhere."""
    try:
        text = Path("/proc/self/io").read_text(encoding="ascii")
    except OSError:
        return None
    return int(text.split("rchar:")[1].split()[0])


def main(name: str, job_name: str, products: str, out: str) -> None:
    """Carry out a job and print what it took, as JSON; its features go to `out`."""
    job = JOBS[job_name]
    plan, tile = plan_of(job, Path(products))
    # Compiling is not measured, nor is what `kernels` and `reading` gather.
    work = prepared(name, plan, tile, job)
    result = Result(Path(out), (len(plan.labels), *tile.grid.shape))
    read, wall, cpu = bytes_read(), time.perf_counter(), time.process_time()
    work(result)
    figures = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": peak_mb(),
        "read_mb": None if read is None else ((bytes_read() or 0) - read) / 1e6,
        "made": result.made,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
