from sitsflow.planning.planner import make_plan
from sitsflow.steps.tags import file_tags
from tests.requests import TILES, tutorial


def test_tags_say_what_made_the_file(products, tmp_path):
    plan, tiles = make_plan(tutorial(products, tmp_path, tiles=TILES))
    tags = file_tags(plan, list(tiles.values()), "abc")
    dates = tags.pop("SITSFLOW_DATES_Sentinel2").split()
    assert tags == {
        "TIFFTAG_SOFTWARE": f"sitsflow {plan.version}",
        "SITSFLOW_VERSION": plan.version,
        "SITSFLOW_FINGERPRINT": "abc",
        "SITSFLOW_SENSORS": "Sentinel_2",
        "SITSFLOW_TILES": "T31TCJ T31TDJ",
        "SITSFLOW_FIRST_DATE": "2018-01-04",
        "SITSFLOW_LAST_DATE": "2018-12-30",
    }
    assert dates == sorted(dates)
    assert (len(dates), dates[0], dates[-1]) == (13, "2018-01-04", "2018-12-30")
