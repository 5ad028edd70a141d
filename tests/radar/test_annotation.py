"""The annotation of a real product, and what is said of broken ones."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from sitsflow.errors import ProductError
from sitsflow.radar.annotation import SPEED_OF_LIGHT, parse_annotation
from sitsflow.radar.ellipsoid import geocentric
from tests.radar.geometry_cases import annotation_at, real_annotation_file, solved

LATE_ORBIT = re.compile(r"<orbit>\s*<time>2021-12-23T05:(11:[^2]|12:).*?</orbit>", re.DOTALL)


def test_the_real_annotation_is_read() -> None:
    image = annotation_at(real_annotation_file())
    assert (image.mission, image.polarisation, image.ascending) == ("S1B", "VV", False)
    assert (image.lines, image.samples, image.range_spacing) == (16705, 26102, 10.0)
    assert image.first_line == np.datetime64("2021-12-23T05:11:22.594441")
    assert image.last_line == pytest.approx(24.998705, abs=1e-6)
    assert image.near_range_time == pytest.approx(5.332632114118834e-3)
    assert image.orbit.positions.shape == (16, 3)
    assert image.orbit.times[0] == pytest.approx(-61.565141)
    assert image.conversions.to_ground.shape == (28, 9)
    assert image.grid.lines.shape == (10, 21)
    assert image.grid.heights.max() == pytest.approx(1845, abs=1)
    # Of the first sample, the ground range is 0.
    origin = image.near_range_time * SPEED_OF_LIGHT / 2
    assert image.conversions.slant_origins == pytest.approx(np.full(28, origin), abs=1e-5)


def test_what_is_wrong_is_told_all_at_once() -> None:
    text = real_annotation_file().read_text()
    text = text.replace("<numberOfLines>16705", "<numberOfLines>many")
    text = text.replace("<azimuthTimeInterval>1", "<azimuthTimeInterval>-1")
    with pytest.raises(ProductError, match=r"a\.xml: .*azimuthTimeInterval.*numberOfLines is"):
        parse_annotation(text, "a.xml")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda text: text[:5000], "not XML"),
        (lambda text: text.replace("Ground Range", "Slant Range"), "single look complex"),
        (lambda text: text.replace("<x>4.657", "<x>9.657", 1), "not those of a low orbit"),
        (lambda text: text.replace("05:10:21.029", "06:10:21.029", 1), "do not increase"),
        (lambda text: re.sub(LATE_ORBIT, "", text), "do not cover its lines"),
        (lambda text: text.replace("<line>2005<", "<line>2006<", 1), "no regular grid"),
        (lambda text: text.replace("<numberOfLines>16705", "<numberOfLines>9000"), "last line"),
        (lambda text: '<!DOCTYPE a [<!ENTITY b "c">]>' + text.partition("?>")[2], "not XML"),
    ],
)
def test_a_broken_annotation_is_refused(broken: Callable[[str], str], message: str) -> None:
    text = real_annotation_file().read_text()
    assert broken(text) != text
    with pytest.raises(ProductError, match=rf"a\.xml: .*{message}"):
        parse_annotation(broken(text), "a.xml")


def test_the_points_of_the_product_agree_with_its_orbit() -> None:
    """Slant ranges to a millimetre, moments to a five-hundredth of a line."""

    image = annotation_at(real_annotation_file())
    grid = image.grid
    points = geocentric(grid.longitudes.ravel(), grid.latitudes.ravel(), grid.heights.ravel())
    moments, ranges = solved(image, points)
    assert moments == pytest.approx(grid.azimuth_times.ravel(), abs=3e-6)
    assert ranges == pytest.approx(grid.slant_range_times.ravel() * SPEED_OF_LIGHT / 2, abs=1e-3)
