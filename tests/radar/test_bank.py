"""Backscatter on the dark side of a step, where a bicubic surface falls below 0."""

import numpy as np
import pytest

from sitsflow.geo.coordinates import Coordinates
from sitsflow.geo.grid import Window
from sitsflow.geo.resampling import resample
from sitsflow.radar.geocoded import _lift

WATER, BANK = np.float32(0.003), np.float32(0.2)
SIZE = 12


@pytest.fixture
def places() -> Coordinates:
    rows, cols = np.mgrid[3:9, 3:9].astype(float)
    return Coordinates(rows + 0.1, cols + 0.3, step=1, row=0, col=0, height=6, width=6)


def test_water_beside_a_bank_is_as_bright_as_what_lies_around(places: Coordinates) -> None:
    power = np.full((2, SIZE, SIZE), WATER)
    power[:, :, 6:] = BANK
    power[1] = BANK  # a layer without a step stays as it is
    part = Window(row=0, col=0, height=SIZE, width=SIZE)
    found = resample(power, None, None, places, part, "bicubic")
    steps = found.copy()
    _lift(found, power, places, part)
    assert steps[0].min() < 0
    fallen = steps[0] < 0
    assert found[0][fallen] == pytest.approx(WATER)
    assert (found[0][~fallen] == steps[0][~fallen]).all()
    assert (found[1] == steps[1]).all()


def test_pixels_without_a_value_stay_so(places: Coordinates) -> None:
    power = np.full((1, SIZE, SIZE), np.nan, np.float32)
    part = Window(row=0, col=0, height=SIZE, width=SIZE)
    found = resample(power, None, None, places, part, "bicubic")
    _lift(found, power, places, part)
    assert np.isnan(found).all()
