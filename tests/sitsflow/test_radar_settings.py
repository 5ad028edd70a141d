from pathlib import Path

import pytest
from pydantic import ValidationError

from sitsflow.radar_settings import RadarSettings

FOLDER = Path("/s1")


def test_settings_survive_json():
    settings = RadarSettings(products=FOLDER, dem=(Path("/dem.tif"),), terrain_flattening=True)
    assert RadarSettings.model_validate_json(settings.model_dump_json()) == settings
    assert RadarSettings(products=FOLDER, constant_height=0).constant_height == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "neither is given"),
        ({"dem": (FOLDER,), "constant_height": 0}, "both are given"),
        ({"constant_height": 0, "terrain_flattening": True}, "terrain_flattening needs a dem"),
        ({"constant_height": 0, "geoid": FOLDER}, "geoid needs a dem"),
        ({"constant_height": 0, "ellipsoidal_heights": True}, "ellipsoidal_heights needs a dem"),
        ({"dem": (FOLDER,), "geoid": FOLDER, "ellipsoidal_heights": True}, "both are given"),
        ({"constant_height": 0, "polarisations": ("vv", "vv")}, "polarisations names vv twice"),
        ({"constant_height": 0, "relative_orbits": (0, 30, 176)}, "1 to 175, not 0, 176"),
        ({"constant_height": 0, "polarisations": ()}, "polarisations"),
        ({"constant_height": float("nan")}, "finite"),
        ({"constant_height": 0, "window_radius": 0}, "window_radius"),
        ({"constant_height": 0, "despeckle": 1}, "despeckle"),
    ],
)
def test_what_contradicts_itself_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        RadarSettings(products=FOLDER, **given)


def test_all_contradictions_are_named_at_once():
    with pytest.raises(ValidationError, match=r"des twice.*not 200.*neither.*needs a dem"):
        RadarSettings(
            products=FOLDER, orbits=("des", "des"), relative_orbits=(200,), terrain_flattening=True
        )
