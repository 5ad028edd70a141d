"""What sarsen takes for the same pixels; run by `sentinel1` with a Python that has it.

Nothing of sitsflow is imported. Arguments: product, heights, and "map" or "places".
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def corrected(product: str, heights: str, method: str) -> None:
    """Write VV and VH on the pixels of the heights."""
    apps, sentinel1 = (importlib.import_module(f"sarsen.{name}") for name in ("apps", "sentinel1"))
    for polarisation in ("VV", "VH"):
        image = sentinel1.Sentinel1SarProduct(product, f"IW/{polarisation}")
        out = str(Path(heights).with_name(f"sarsen_{polarisation}.tif"))
        apps.terrain_correction(image, heights, output_urlpath=out, interp_method=method)


def places(product: str, heights: str) -> None:
    """Write lines and samples of the pixels of the heights, from north to south."""
    geocoding, orbit, scene, sentinel1 = (
        importlib.import_module(f"sarsen.{name}")
        for name in ("geocoding", "orbit", "scene", "sentinel1")
    )
    image = sentinel1.Sentinel1SarProduct(product, "IW/VV")
    about = image.measurement
    found: list[tuple[Any, Any]] = []
    ground = scene.open_dem_raster(heights)
    path = orbit.OrbitPolyfitInterpolator.from_position(image.state_vectors())
    for first in range(0, ground.sizes["y"], 250):
        part = scene.convert_to_dem_ecef(ground.isel(y=slice(first, first + 250)))
        seen = geocoding.backward_geocode(part, path)
        distance = (seen.dem_distance**2).sum("axis") ** 0.5
        across = image.slant_range_time_to_ground_range(
            seen.azimuth_time, 2 / sentinel1.SPEED_OF_LIGHT * distance
        )
        start = np.datetime64(about.attrs["product_first_line_utc_time"])
        late = (seen.azimuth_time - start) / np.timedelta64(1, "ns") * 1e-9
        lines = late / about.attrs["azimuth_time_interval"]
        samples = across / about.attrs["range_pixel_spacing"]
        found.append((lines.transpose("y", "x").values, samples.transpose("y", "x").values))
    whole = [np.concatenate(part)[::-1] for part in zip(*found, strict=True)]
    np.save(Path(heights).with_name("sarsen_places.npy"), np.stack(whole))


def main() -> None:
    """Do one of both, and print what it took."""
    product, heights, what = sys.argv[1:]
    warnings.simplefilter("ignore")  # of chunks and of a raster without a grid
    importlib.import_module("sarsen.apps")  # takes seconds, but once a process
    wall, cpu = time.perf_counter(), time.process_time()
    if what == "places":
        places(product, heights)
    else:
        corrected(product, heights, what)
    figures = {
        "cpu_s": round(time.process_time() - cpu, 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
