"""Products that many tests read: simulated once a session, never changed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sitsflow.simulate import simulate
from tests.real_data import real_data
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
    """Two real Landsat 8 tiles in THEIA's old format."""
    return real_data("landsat8_theia_old")


@pytest.fixture(scope="session")
def real_sentinel1() -> Path:
    """The metadata of a real Sentinel-1 product, whose raster is empty, and heights of Rome."""
    return real_data("sentinel1")
