"""Small simulated series, made once."""

from datetime import date
from pathlib import Path

import pytest

from sitsflow.simulate import simulate

START, END, EVERY, SEED = date(2018, 1, 1), date(2018, 12, 31), 30, 3


@pytest.fixture(scope="session")
def sentinel2(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("sentinel2")
    return simulate(out, "Sentinel_2", ["T31TCJ", "T31TDJ"], START, END, EVERY, 100, SEED)


@pytest.fixture(scope="session")
def landsat8_old(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("landsat8_old")
    tiles = ["D0005H0002", "D0005H0003"]
    return simulate(out, "Landsat8_old", tiles, START, END, 32, 75, SEED)
