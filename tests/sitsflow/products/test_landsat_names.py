"""Names of Landsat products as agencies give them are taken, and those of others are not."""

import re
from datetime import datetime

import pytest

from sitsflow.products.scenes import find_scenes
from sitsflow.products.sensors.model import load_sensors
from sitsflow.simulate import simulate

SENSORS = load_sensors()

LEVEL2 = (
    "LC08_L2SP_199029_20230309_20230320_02_T1",
    "LC09_L2SP_198030_20220105_20230502_02_T2",
    "LC08_L2SR_220240_20210628_20210707_02_T2",
)
REAL = {
    "Landsat5_old": (
        "LANDSAT5_TM_XS_20091018_N2A_France-MetropoleD0005H0002",
        "LANDSAT5_TM_XS_20110826_N2A_France-MetropoleD0006H0003",
        "LANDSAT5_TM_XS_20100401_N2A_D0004H0001",
    ),
    "Landsat8_old": (
        "LANDSAT8_OLITIRS_XS_20160415_N2A_France-MetropoleD0005H0002",
        "LANDSAT8_OLITIRS_XS_20130414_N2A_France-MetropoleD0009H0007",
        "LANDSAT8_OLITIRS_XS_20160330_N2A_D0005H0003",
    ),
    "Landsat5": (
        "LANDSAT5-TM-XS_20100118-103000-000_L2A_T31TCH_D_V1-0",
        "LANDSAT5-TM-XS_20091018-102944-125_L2A_T31TCJ_C_V2-1",
        "LANDSAT5_20100118-103000-000_L2A_T31TCH_C_V1-0",
    ),
    "Landsat7": (
        "LANDSAT7-ETM-XS_20100118-103000-000_L2A_T31TCH_D_V1-0",
        "LANDSAT7-ETM-XS_20091018-102944-125_L2A_T31TCJ_C_V2-1",
        "LANDSAT7_20100118-103000-000_L2A_T31TCH_C_V1-0",
    ),
    "Landsat8": (
        "LANDSAT8-OLITIRS-XS_20180115-103629-617_L2A_T31TCH_D_V1-9",
        "LANDSAT8-OLITIRS-XS_20200101-000000-000_L2A_T31TCJ_D_V1-7",
        "LANDSAT8_20170501-103532-111_L2A_T31TCH_C_V1-0",
    ),
    "Landsat8_usgs": LEVEL2,
    "Landsat8_usgs_optical": LEVEL2,
    "Landsat8_usgs_thermal": (*LEVEL2[:2], "LC08_L2SP_044034_20210705_20210712_02_RT"),
    "Landsat8_usgs_infrared": (
        "LC08_L1TP_199029_20230309_20230316_02_T1",
        "LC09_L1GT_198030_20220105_20230502_02_T2",
        "LC08_L1TP_044034_20210705_20210705_02_RT",
    ),
}
FOREIGN = {
    # Another satellite, another level, another format of the same satellite.
    "Landsat5_old": (REAL["Landsat8_old"][0], "LANDSAT5_TM_XS_20091018_N1_D0005H0002",
                     REAL["Landsat5"][0]),
    "Landsat8_old": (REAL["Landsat5_old"][0], "LANDSAT8_OLITIRS_XS_20160415_N1_D0005H0002",
                     REAL["Landsat8"][0]),
    "Landsat5": (REAL["Landsat7"][0], "LANDSAT5-TM-XSTH_20100118-103000-000_L1C_T31TCH_D_V1-0",
                 REAL["Landsat5_old"][0]),
    "Landsat7": (REAL["Landsat5"][0], "LANDSAT7-ETM-XSTH_20100118-103000-000_L1C_T31TCH_D_V1-0",
                 "LE07_L2SP_199029_20100118_20200911_02_T1"),
    "Landsat8": (REAL["Landsat5"][0], "LANDSAT8-OLITIRS-XSTH_20180115-103629-617_L1C_T31TCH_D_V1-9",
                 REAL["Landsat8_old"][0]),
    "Landsat8_usgs": ("LT05_L2SP_199029_20090309_20200828_02_T1", REAL["Landsat8_usgs_infrared"][0],
                      "LC08_L1TP_199029_20170309_20170316_01_T1"),
    "Landsat8_usgs_optical": ("LE07_L2SP_199029_20090309_20200828_02_T1",
                              "LT08_L1GT_199029_20230309_20230316_02_T2", "LC81990292015068LGN01"),
    "Landsat8_usgs_thermal": (LEVEL2[2], "LT05_L2SP_199029_20090309_20200828_02_T1",
                              REAL["Landsat8_usgs_infrared"][0]),
    "Landsat8_usgs_infrared": (LEVEL2[0], "LE07_L1TP_199029_20230309_20230316_02_T1",
                               "LO08_L1TP_199029_20230309_20230316_02_T1"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("sensor", "name"), [(key, one) for key, all_ in REAL.items() for one in all_]
)
def test_real_names_are_taken(sensor, name):
    match = re.match(SENSORS[sensor].product, name)
    assert match is not None
    assert match["date"] == re.search(r"(?<!\d)\d{8}(?!\d)", name)[0]
    assert datetime.strptime(match["date"], SENSORS[sensor].date_format).year in range(2009, 2024)
    assert match["tile"] in name


@pytest.mark.parametrize(
    ("sensor", "name"), [(key, one) for key, all_ in FOREIGN.items() for one in all_]
)
def test_names_of_others_are_not(sensor, name):
    assert re.match(SENSORS[sensor].product, name) is None


def test_every_landsat_sensor_is_in_the_tables():
    landsat = {name for name in SENSORS if name.startswith("Landsat")}
    assert set(REAL) == set(FOREIGN) == landsat
    assert all(len(names) >= 3 for table in (REAL, FOREIGN) for names in table.values())


def test_what_was_processed_last_of_an_acquisition_counts(tmp_path):
    """Real-time products are replaced by those of tier 1, whose name is another one."""
    days = [datetime(2022, 1, 10).date()] * 2
    (product,) = simulate(tmp_path, "Landsat8_usgs", ["tile199029"], *days, 16, 16, 3)
    early = product.with_name(product.name.replace("20220121_02_T1", "20220110_02_RT"))
    assert early != product
    product.rename(early)
    later = simulate(tmp_path, "Landsat8_usgs", ["tile199029"], *days, 16, 16, 3)[0]
    found = find_scenes(SENSORS["Landsat8_usgs"], tmp_path, "tile199029")
    assert [scene.product for scene in found.scenes] == [later]
    assert f"{early.name} of Landsat8USGS is left out" in found.notices[0]
