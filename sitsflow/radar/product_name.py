"""What the name of a Sentinel-1 product tells."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sitsflow.errors import ProductError
from sitsflow.products.files import product_name
from sitsflow.radar_settings import Polarisation

Mission = Literal["S1A", "S1B", "S1C", "S1D"]

_NAME = re.compile(
    r"(?P<mission>S1[A-D])_(?P<mode>IW)_(?P<product_type>GRDH)_1S(?P<channels>SV|SH|DV|DH)"
    r"_(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})_(?P<absolute_orbit>\d{6})"
    r"_(?P<data_take>[0-9A-F]{6})_(?P<unique>[0-9A-F]{4})(?P<cog>_COG)?(\.SAFE)?"
)
_LIKE = re.compile(r"S1[A-Z]_[A-Z0-9]{2}_[A-Z]{3}")
"""Any product of Sentinel-1, such as one of another mode."""
_CHANNELS: dict[str, tuple[Polarisation, ...]] = {
    "SV": ("vv",),
    "SH": ("hh",),
    "DV": ("vv", "vh"),
    "DH": ("hh", "hv"),
}
_ORBITS_A_CYCLE = 175
_FIRST_ORBIT = {"S1A": 73, "S1B": 27, "S1C": 172, "S1D": 42}
_S1C_MOVED = (8018, 99)


class ProductName(BaseModel):
    """The parts of the name of an IW GRDH product (Sentinel-1 Product Specification, 3.4)."""

    model_config = ConfigDict(frozen=True)

    mission: Mission
    mode: Literal["IW"]
    product_type: Literal["GRDH"]
    polarisations: tuple[Polarisation, ...] = Field(description="the co-polarised one first")
    start: datetime = Field(description="UTC, whole seconds")
    stop: datetime = Field(description="UTC, whole seconds")
    absolute_orbit: int
    data_take: str = Field(description="six hexadecimal digits")
    unique: str = Field(description="four hexadecimal digits; they differ after reprocessing")
    cog: bool = Field(description="its rasters are Cloud Optimized GeoTIFF")

    @property
    def day(self) -> date:
        """The day on which the acquisition starts."""
        return self.start.date()

    @property
    def relative_orbit(self) -> int:
        """The orbit's number within the cycle, as the absolute orbit has it."""
        return relative_orbit(self.mission, self.absolute_orbit)


def relative_orbit(mission: Mission, absolute_orbit: int) -> int:
    """Return the number of an orbit within the cycle of 175, from 1.

    Source: S1 Products, "SAR naming convention" (sentiwiki.copernicus.eu/web/s1-products) for S1A,
    S1B and S1C; S1D as in isce-framework/isce2 pull request 28123. S1C was moved from 8 to 24 June
    2026: 8018 is its last orbit with products before (isce2 pull request 28130).
    """
    first = _FIRST_ORBIT[mission]
    if mission == "S1C" and absolute_orbit > _S1C_MOVED[0]:
        first = _S1C_MOVED[1]
    return (absolute_orbit - first) % _ORBITS_A_CYCLE + 1


def is_product_name(name: str) -> bool:
    """Whether a name is that of an IW GRDH product, with or without ``.SAFE``."""
    return _NAME.fullmatch(name) is not None


def looks_like_product(name: str) -> bool:
    """Whether a name is that of a product of Sentinel-1, if maybe not an IW GRDH one."""
    return _LIKE.match(name) is not None


def parse_product_name(product: Path) -> ProductName:
    """Parse the name of a product's folder or archive.

    Raises
    ------
    ProductError
        If it is not that of an IW GRDH product, or holds no true time.
    """
    name = product_name(product)
    match = _NAME.fullmatch(name)
    if match is None:
        raise ProductError(
            f"{product}: not named like an IW GRDH product, "
            "S1A_IW_GRDH_1SDV_<start>_<stop>_<orbit>_<take>_<id>.SAFE"
        )
    said = match.groupdict()
    try:
        start, stop = (datetime.strptime(said[one], "%Y%m%dT%H%M%S") for one in ("start", "stop"))
    except ValueError:
        raise ProductError(f"{product}: {said['start']}_{said['stop']} are not two times") from None
    return ProductName.model_validate(
        said
        | {
            "start": start,
            "stop": stop,
            "polarisations": _CHANNELS[said["channels"]],
            "cog": said["cog"] is not None,
        }
    )
