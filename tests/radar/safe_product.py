"""The smallest SAFE product that tells all that products tell: its rasters hold a few bytes."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

NAME = "S1A_IW_GRDH_1SDV_20180103T055121_20180103T055146_019994_0220F2_2A5C"

MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:gml="http://www.opengis.net/gml"
 xmlns:safe="http://www.esa.int/safe/sentinel-1.0"
 xmlns:s1="http://www.esa.int/safe/sentinel-1.0/sentinel-1">
<safe:processing><safe:facility><safe:software name="Sentinel-1 IPF" version="{ipf}"/>
</safe:facility><safe:resource><safe:processing><safe:facility>
<safe:software name="Sentinel-1 IPF" version="002.36"/></safe:facility></safe:processing>
</safe:resource></safe:processing>
<safe:relativeOrbitNumber type="start">{orbit}</safe:relativeOrbitNumber>
<s1:pass>{direction}</s1:pass>
<safe:acquisitionPeriod><safe:startTime>{start}.594441</safe:startTime>
<safe:stopTime>{stop}.593146</safe:stopTime></safe:acquisitionPeriod>
<safe:footPrint><gml:coordinates>{coordinates}</gml:coordinates></safe:footPrint>
</xfdu:XFDU>
"""
COORDINATES = "43.0,2.0 43.4,-1.1 44.9,-0.7 44.5,2.4"


def write_product(
    folder: Path,
    name: str = NAME,
    *,
    ipf: str = "002.91",
    orbit: int = 147,
    direction: str = "DESCENDING",
    coordinates: str = COORDINATES,
) -> Path:
    """Write a SAFE folder as `name` says: its polarisations, and -cog in the names of its files."""
    product = folder / f"{name}.SAFE"
    (product / "annotation/calibration").mkdir(parents=True)
    (product / "measurement").mkdir()
    parts = name.lower().split("_")
    start, stop = (datetime.strptime(one, "%Y%m%dt%H%M%S").isoformat() for one in parts[4:6])
    text = MANIFEST.format(
        ipf=ipf, orbit=orbit, direction=direction, coordinates=coordinates, start=start, stop=stop
    )
    (product / "manifest.safe").write_text(text)
    pols = {"1sdv": ("vv", "vh"), "1sdh": ("hh", "hv"), "1ssv": ("vv",), "1ssh": ("hh",)}[parts[3]]
    cog = "-cog" if name.endswith("_COG") else ""
    for number, pol in enumerate(pols, 1):
        image = f"{parts[0]}-iw-grd-{pol}-{'-'.join(parts[4:8])}-{number:03}{cog}"
        (product / f"measurement/{image}.tiff").write_bytes(b"II*\0")
        (product / f"annotation/{image}.xml").write_text("<product/>")
        (product / f"annotation/calibration/calibration-{image}.xml").write_text("<calibration/>")
        (product / f"annotation/calibration/noise-{image}.xml").write_text("<noise/>")
    return product


def packed(product: Path, archive: Path) -> Path:
    """Pack a SAFE folder as the archives of agencies do: with the folder itself."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(product.rglob("*")):
            file.write(path, path.relative_to(product.parent))
    return archive
