"""Names as agencies give them are taken for products of their sensor, and others are not."""

import re

import pytest

from sitsflow.products.sensors.model import load_sensors

SENSORS = load_sensors()

REAL = {
    "Sentinel_2": (
        "SENTINEL2A_20180511-105804-037_L2A_T31TCJ_D_V1-7",
        "SENTINEL2B_20200827-105640-829_L2A_T31TCJ_C_V2-2",
        "SENTINEL2C_20250304-104832-120_L2A_T31TDH_C_V4-0",
    ),
    "Sentinel_2_S2C": (
        "S2A_MSIL2A_20190506T105031_N0212_R051_T31TCJ_20190506T140834.SAFE",
        "S2B_MSIL2A_20220126T104259_N0400_R008_T31TDH_20220126T123456.SAFE",
        "S2C_MSIL2A_20250304T105021_N0511_R051_T30TYP_20250304T161812",
    ),
    "Sentinel_2_L3A": (
        "SENTINEL2X_20181015-000000-000_L3A_T31TCJ_D_V1-1",
        "SENTINEL2X_20200615-000000-000_L3A_T30TXQ_C_V2-2",
        "SENTINEL2A_20170715-000000-000_L3A_T31UDQ_D_V1-0",
    ),
}
FOREIGN = {
    "Sentinel_2": (
        "S2A_MSIL2A_20190506T105031_N0212_R051_T31TCJ_20190506T140834.SAFE",
        "SENTINEL2A_20180511-105804-037_L1C_T31TCJ_D_V1-7",
        "SENTINEL2X_20181015-000000-000_L3A_T31TCJ_D_V1-1",
    ),
    "Sentinel_2_S2C": (
        "S2A_MSIL1C_20190506T105031_N0207_R051_T31TCJ_20190506T130834.SAFE",
        "S2A_OPER_PRD_MSIL2A_PDMC_20160504T222520_R051_V20160504T105917_20160504T105917.SAFE",
        "SENTINEL2A_20180511-105804-037_L2A_T31TCJ_D_V1-7",
    ),
    "Sentinel_2_L3A": (
        "SENTINEL2A_20180511-105804-037_L2A_T31TCJ_D_V1-7",
        "LANDSAT8-OLITIRS-XS_20180115-103629-617_L2A_T31TCH_D_V1-9",
        "S2A_MSIL2A_20190506T105031_N0212_R051_T31TCJ_20190506T140834.SAFE",
    ),
}


@pytest.mark.parametrize(("sensor", "name"), [(key, one) for key, r in REAL.items() for one in r])
def test_real_names_are_taken(sensor, name):
    match = re.match(SENSORS[sensor].product, name)
    assert match is not None
    assert match["date"] in name
    assert match["tile"] in name.split("_")


@pytest.mark.parametrize(
    ("sensor", "name"), [(key, one) for key, names in FOREIGN.items() for one in names]
)
def test_names_of_other_products_are_not(sensor, name):
    assert re.match(SENSORS[sensor].product, name) is None
