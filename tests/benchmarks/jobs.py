"""What is measured: three maps of one simulated Sentinel-2 tile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sitsflow.plan import Plan, TilePlan
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, FunctionCall, Request, SensorRequest
from sitsflow.simulate import simulate

TILE = "T31TCJ"
START, LAST = date(2018, 1, 1), date(2018, 12, 31)
UTM, LAMBERT = "EPSG:32631", "EPSG:2154"
MASKS = ("CLM", "SAT", "EDG")
BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
NDVI_BANDS = ("B4", "B8")
CHUNKS = 8


@dataclass(frozen=True)
class Job:
    """A map: its bands, its reference system, and its features in order.

    `scales` bring the features to the units of reflectance, or of indices between -1 and 1.
    """

    title: str
    bands: tuple[str, ...]
    crs: str
    functions: tuple[FunctionCall, ...]
    scales: tuple[float, ...]


_NDVI = FunctionCall(name="metrics", kwargs={"of": "ndvi", "what": "min max mean"})
_MEANS = FunctionCall(
    name="metrics", kwargs={"of": " ".join((*BANDS, "NDVI", "NDWI", "Brightness")), "what": "mean"}
)
JOBS = {
    "ndvi-2154": Job(
        "2 bands, NDVI's min, max and mean, EPSG:2154", NDVI_BANDS, LAMBERT, (_NDVI,), (1e-3,) * 3
    ),
    "all-2154": Job(
        "10 bands, means of them, NDVI, NDWI and Brightness, EPSG:2154",
        BANDS,
        LAMBERT,
        (_MEANS,),
        (*[1e-4] * len(BANDS), 1e-3, 1e-3, 1e-4),
    ),
    "ndvi-utm": Job(
        "2 bands, NDVI's min, max and mean, the products' own EPSG:32631",
        NDVI_BANDS,
        UTM,
        (_NDVI,),
        (1e-3,) * 3,
    ),
}


def products_of(folder: Path, dates: int, size: int) -> Path:
    """Return the folder of `dates` products of `size` x `size` pixels; simulated if need be."""
    products = folder / f"products_{dates}_{size}"
    if not products.exists():
        begun = folder / "begun"
        every = 360 // dates
        end = START + timedelta(days=every * (dates - 1))
        simulate(begun, "Sentinel_2", [TILE], START, end, every, size, 0)
        begun.rename(products)
    return products


def request_for(job: Job, products: Path, chunks: int, out: Path) -> Request:
    """Return what a run of the job is asked."""
    return Request(
        output_path=out,
        tiles=(TILE,),
        sensors=(
            SensorRequest(
                sensor="Sentinel_2", root=products, start=START, end=LAST, temporal_resolution=10
            ),
        ),
        auto_date=False,
        crs=job.crs,
        resolution=(10, 10),
        concat_mode=False,
        functions=job.functions,
        chunking=Chunking(mode="split_number", number=chunks),
    )


def plan_of(job: Job, products: Path, chunks: int = CHUNKS) -> tuple[Plan, TilePlan]:
    """Plan a job; all contenders take its files, dates and windows."""
    plan, tiles = make_plan(request_for(job, products, chunks, products.parent / "map"))
    return plan, tiles[TILE]
