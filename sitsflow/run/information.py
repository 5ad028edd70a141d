"""The files of a run that belong to no job: versions and configuration, and joined logs."""

from __future__ import annotations

import platform
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distributions, version

from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import write_whole
from sitsflow.plan import Plan
from sitsflow.run.jobs import Job

_PACKAGES = (
    "sitsflow", "numpy", "numba", "rasterio", "geopandas", "pyproj", "pydantic", "scipy",
    "prefect", "prefect-dask", "dask", "distributed",
)  # fmt: skip


def write_run_information(plan: Plan, configuration: str) -> None:
    """Write ``logs/run_informations.txt``: when, with which versions, and what was asked.

    Parameters
    ----------
    configuration : str
        The whole resolved configuration, as a file would hold it.
    """
    now = datetime.now().astimezone().isoformat(" ", "seconds")
    lines = [
        f"sitsflow {plan.version}, features map, {now}",
        f"fingerprint of the configuration: {plan.fingerprint}",
        f"fingerprint of the map: {plan.map_fingerprint}",
        "",
        "[versions]",
        *versions(),
        "",
        "[notices]",
        *(plan.notices or ("none",)),
        *(f"left out: {row.product} ({row.tile}): {row.reason}" for row in plan.skipped),
        "",
        "[configuration]",
        configuration.strip(),
        "",
    ]
    write_whole(plan.paths.logs / "run_informations.txt", "\n".join(lines))


def versions() -> list[str]:
    """Return the versions of Python, the platform, GDAL and the packages that count, as lines."""
    return [
        f"python {sys.version.split()[0]}, {platform.platform()}",
        f"GDAL {_gdal()}",
        *(f"{name} {_version(name)}" for name in _PACKAGES),
    ]


def all_packages() -> list[str]:
    """Return every installed package with its version, as lines."""
    found = {f"{one.name}=={one.version}" for one in distributions()}
    return sorted(found, key=str.lower)


def join_merge_logs(plan: Plan) -> None:
    """Join the logs of the tiles' merges to the one file that iota2 writes, in tile order.

    Merges run side by side, so each writes a file of its own.
    """
    paths: OutputPaths = plan.paths
    parts = [Job("merge_tile", tile).log(paths) for tile in plan.tile_names]
    texts = [part.read_text(encoding="utf-8") for part in parts if part.exists()]
    if texts:
        write_whole(paths.log("merge_feat_maps_by_tiles"), "".join(texts))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _gdal() -> str:
    import rasterio

    return str(rasterio.__gdal_version__)
