import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitsflow.errors import ExpressionError
from sitsflow.products.sensors import load_sensors
from sitsflow.timeseries.indices import (
    HAZE,
    catalogue_index,
    iota2_indices,
    normalized_difference,
)

SENSORS = load_sensors()
S2 = SENSORS["Sentinel_2"]


def bands(**values):
    return {name: np.array([[value]], np.float32) for name, value in values.items()}


def test_ndvi_and_ndwi_are_times_1000_unrounded_and_ndwi_has_iota2s_sign():
    indices = iota2_indices(S2, S2.band_names)
    ndvi = indices["NDVI"].compute(bands(B4=1000, B8=3500))
    assert ndvi[0, 0] == pytest.approx(2500 / 4500 * 1000)
    assert indices["NDWI"].compute(bands(B8=3000, B11=1000))[0, 0] == pytest.approx(-500)


def test_brightness_takes_all_bands():
    index = iota2_indices(S2, S2.band_names)["Brightness"]
    assert index.bands == S2.band_names
    values = {name: np.full((1, 1), 100, np.float32) for name in S2.band_names}
    assert index.compute(values)[0, 0] == pytest.approx(np.sqrt(10) * 100)


def test_a_vanishing_denominator_gives_0_and_nan_stays_nan():
    ndvi = iota2_indices(S2, S2.band_names)["NDVI"]
    assert ndvi.compute(bands(B4=0, B8=0))[0, 0] == 0
    assert np.isnan(ndvi.compute(bands(B4=np.nan, B8=1))[0, 0])


def test_landsat_8_takes_red_b4_nir_b5_swir_b6():
    sensor = SENSORS["Landsat8_old"]
    indices = iota2_indices(sensor, sensor.band_names)
    assert (indices["NDVI"].bands, indices["NDWI"].bands) == (("B5", "B4"), ("B6", "B5"))


def test_catalogue_indices_are_computed_on_reflectance():
    evi = catalogue_index("EVI", S2, S2.band_names)
    value = evi.compute(bands(B2=500, B4=800, B8=4000))[0, 0]
    assert value == pytest.approx(2.5 * (0.4 - 0.08) / (0.4 + 6 * 0.08 - 7.5 * 0.05 + 1))
    assert set(evi.bands) == {"B2", "B4", "B8"}


@pytest.mark.parametrize(
    ("name", "message"), [("NDV", "did you mean NDVI"), ("kNDVI", "kNN"), ("BITM2", "")]
)
def test_what_the_catalogue_cannot_give_is_named(name, message):
    if message:
        with pytest.raises(ExpressionError, match=message):
            catalogue_index(name, S2, S2.band_names)
    else:
        with pytest.raises(ExpressionError):
            catalogue_index(name, S2, ("B2",))


def test_the_compiled_quotient_has_the_bits_of_numpys():
    rng = np.random.default_rng(3)
    one, other = rng.uniform(-200, 12000, (2, 5, 40, 30)).astype(np.float32)
    expected = np.clip((one - other) / (one + other) * np.float32(1000), -1000, 1000)
    np.testing.assert_array_equal(normalized_difference(one, other), expected)
    np.testing.assert_array_equal(
        normalized_difference(one[:, ::2], other[:, ::2]), expected[:, ::2]
    )


def pixels(*values):
    """Dates of one row of pixels."""
    return np.array(values, np.float32).reshape(len(values), 1, -1)


def test_quotients_of_negative_reflectances_are_held_and_their_pixels_noted():
    red = pixels([-50, 49, 10, 0, np.nan], [100, -49, -10, 0, 10], [7, 9, 9, 0, 9])
    nir = pixels([100, -50, -10, 0, 10], [-99, 50, 30, 30, 30], [7, 9, 9, 0, 9])
    free = np.array([[3000, 99000, 0, 0, np.nan], [-199000, 99000, 2000, 1000, 500], [0] * 5])
    held = np.zeros((1, 5), bool)
    found = normalized_difference(nir, red, held=held)
    np.testing.assert_array_equal(found[:, 0], free.clip(-1000, 1000))
    assert held[0].tolist() == [True, True, True, False, False]
    np.testing.assert_array_equal(normalized_difference(nir, red, clip=False)[:, 0], free)
    np.testing.assert_array_equal(normalized_difference(nir[0], red[0]), found[0])


@given(
    st.lists(st.tuples(*[st.floats(0, 20000, width=32)] * 2), min_size=1, max_size=40),
)
def test_what_is_not_negative_is_never_touched(pairs):
    one, other = np.array(pairs, np.float32).T.reshape(2, 1, 1, -1)
    held = np.zeros(one.shape[1:], bool)
    found = normalized_difference(one, other, held=held)
    np.testing.assert_array_equal(found, normalized_difference(one, other, clip=False))
    assert not held.any()


@pytest.mark.parametrize("clip", [True, False])
def test_ndvi_and_ndwi_clip_if_they_are_asked_to(clip):
    indices = iota2_indices(S2, S2.band_names, clip=clip)
    dark = bands(B4=-90, B8=100, B11=-97)
    expected = (1000, -1000) if clip else (19000, -197000 / 3)
    for name, value in zip(("NDVI", "NDWI"), expected, strict=True):
        assert indices[name].clips == clip
        assert indices[name].compute(dark)[0, 0] == pytest.approx(value)
    assert not indices["Brightness"].clips


def test_haze_is_taken_from_numerators_and_added_to_denominators():
    indices = iota2_indices(S2, S2.band_names, haze=HAZE)
    found = indices["NDVI"].compute(bands(B4=2, B8=8))[0, 0]
    assert found == pytest.approx((8 - 2 - 0.05) / (8 + 2 + 0.05) * 1000)
    found = indices["NDWI"].compute(bands(B8=8, B11=-8.05))[0, 0]
    assert found == 0, "its denominator vanishes"
