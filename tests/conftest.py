"""Products that many tests read: simulated once a session, never changed."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sitsflow.simulate import simulate
from tests.requests import TILES

settings.register_profile(
    "default",
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("default")


@pytest.hookimpl(trylast=True)  # after they were shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that start servers and clusters first, in whatever order they are.

    They take longest: a process that got one at the end would work on while others have nothing.
    """
    items.sort(key=lambda item: "flows" not in item.path.parts)


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two neighbouring Sentinel-2 tiles of 96 x 96 pixels, 13 dates of 2018."""
    root = tmp_path_factory.mktemp("products")
    simulate(root, "Sentinel_2", TILES, date(2018, 1, 4), date(2018, 12, 30), 30, 96, 7)
    return root


@pytest.fixture(scope="session")
def real_landsat() -> Path:
    """Two real Landsat 8 tiles in THEIA's old format, in their place beside the repository.

    They are not part of it: a clone alone goes without these tests, unless it must not.
    """
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "landsat8_theia_old"
    if not folder.exists() and os.environ.get("SITSFLOW_REAL_DATA") != "required":
        pytest.skip(f"real products are not there: {folder}")
    return folder


@pytest.fixture(scope="session")
def real_sentinel1() -> Path:
    """The metadata of a real Sentinel-1 product, whose raster is empty, and heights of Rome."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "sentinel1"
    if not folder.exists() and os.environ.get("SITSFLOW_REAL_DATA") != "required":
        pytest.skip(f"real products are not there: {folder}")
    return folder
