"""What user functions find on `self`."""

import numpy as np
import pytest

from sitsflow.features.accessors import Accessors, accessors
from sitsflow.products.sensors import load_sensors
from sitsflow.timeseries.series import Series
from tests.sitsflow.features.test_native import request_for, series_of


@pytest.fixture
def series() -> dict[str, Series]:
    bands = {"Landsat8_old": ("B4", "B5", "B6"), "Sentinel_2": ("B4", "B8", "B11", "B12")}
    return {
        load_sensors()[name].label: series_of(name, kept, request_for(name))[0]
        for name, kept in bands.items()
    }


def test_dir_lists_every_accessor_and_each_of_them_can_be_called(series) -> None:
    mine = Accessors(series)
    listed = [name for name in dir(mine) if name.startswith("get_")]
    assert {one.name for one in accessors(series)} < set(listed)
    for name in listed:
        found = getattr(mine, name)()
        if not name.endswith("_dates"):
            assert found.shape[:2] == (2, 3)
    assert {"interpolated_dates", "raw_dates", "exogeneous_data_array"} <= set(dir(mine))


def test_the_filled_stack_has_sensors_dates_and_bands_in_order(series) -> None:
    mine = Accessors(series)
    found = mine.get_filled_stack()
    expected = [
        series[label].raw(band)[at]
        for label in ("Landsat8Old", "Sentinel2")
        for at in range(2)
        for band in series[label].plan.bands
    ]
    np.testing.assert_array_equal(np.moveaxis(found, -1, 0), expected)
    assert found.dtype == np.float32
    assert mine.touched == {label: set(one.plan.bands) for label, one in series.items()}
    found[:] = 0
    assert (mine.get_filled_stack() != 0).any()


def test_the_filled_masks_are_those_of_all_sensors(series) -> None:
    mine = Accessors(series)
    found = mine.get_filled_masks()
    assert (found.shape, found.dtype) == ((2, 3, 4), np.uint8)
    expected = [one.masks() for one in series.values()]
    np.testing.assert_array_equal(np.moveaxis(found, -1, 0), np.concatenate(expected))
    assert mine.touched == {"Landsat8Old": {"masks"}, "Sentinel2": {"masks"}}
