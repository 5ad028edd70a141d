"""The short version of the products' XML metadata: what a reader of reflectances looks up."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as Xml

from sitsflow.geo.grid import Grid
from sitsflow.products.sensors.model import Sensor
from sitsflow.simulate.scene import Scene
from sitsflow.simulate.weather import sun_on


class Group(NamedTuple):
    """The bands of one resolution and their grid."""

    name: str
    grid: Grid
    bands: tuple[str, ...]


def add(parent: Xml.Element, tag: str, text: object = None, **attributes: str) -> Xml.Element:
    """Append an element and return it."""
    child = Xml.SubElement(parent, tag, attributes)
    if text is not None:
        child.text = str(text)
    return child


def save(root: Xml.Element, path: Path) -> None:
    """Write an indented XML file."""
    Xml.indent(root)
    Xml.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


def write_muscate(
    path: Path, product: str, scene: Scene, sensor: Sensor, groups: list[Group]
) -> None:
    """Write the MTD_ALL file of a product in THEIA's present format (MUSCATE)."""
    root = Xml.Element("Muscate_Metadata_Document")
    _identify(root, product, scene, groups)
    _locate(root, scene, groups)
    angles = add(add(root, "Geometric_Informations"), "Mean_Value_List")
    sun = add(angles, "Sun_Angles")
    position = sun_on(scene.day)
    add(sun, "ZENITH_ANGLE", f"{90 - position.elevation:.4f}", unit="deg")
    add(sun, "AZIMUTH_ANGLE", f"{position.azimuth:.4f}", unit="deg")
    radiometry = add(root, "Radiometric_Informations")
    add(radiometry, "REFLECTANCE_QUANTIFICATION_VALUE", f"{sensor.quantification:g}")
    special = add(radiometry, "Special_Values_List")
    add(special, "SPECIAL_VALUE", f"{sensor.nodata:g}", name="nodata")
    save(root, path)


def _identify(root: Xml.Element, product: str, scene: Scene, groups: list[Group]) -> None:
    identification = add(root, "Metadata_Identification")
    add(identification, "METADATA_FORMAT", "METADATA_MUSCATE", version="1.15")
    add(identification, "METADATA_PROFILE", "DISTRIBUTED")
    dataset = add(root, "Dataset_Identification")
    add(dataset, "IDENTIFIER", product)
    add(dataset, "GEOGRAPHICAL_ZONE", scene.tile, type="Tile")
    characteristics = add(root, "Product_Characteristics")
    satellite, stamp = product.split("_")[:2]
    moment = datetime.strptime(stamp, "%Y%m%d-%H%M%S-%f")
    add(characteristics, "PRODUCT_ID", product)
    add(characteristics, "ACQUISITION_DATE", moment.isoformat(timespec="milliseconds") + "Z")
    add(characteristics, "PRODUCTION_DATE", moment.isoformat(timespec="milliseconds") + "Z")
    add(characteristics, "PRODUCT_LEVEL", "L2A")
    add(characteristics, "PLATFORM", satellite.split("-")[0])
    lists = add(characteristics, "Band_Group_List")
    for group in groups:
        bands = add(add(lists, "Group", group_id=group.name), "Band_List")
        for band in group.bands:
            add(bands, "BAND_ID", band)


def _locate(root: Xml.Element, scene: Scene, groups: list[Group]) -> None:
    position = add(root, "Geoposition_Informations")
    system = add(add(position, "Coordinate_Reference_System"), "Horizontal_Coordinate_System")
    code = scene.grid.crs.removeprefix("EPSG:")
    add(system, "HORIZONTAL_CS_TYPE", "PROJECTED")
    hemisphere = "S" if code.startswith("327") else "N"
    add(system, "HORIZONTAL_CS_NAME", f"WGS 84 / UTM zone {code[3:]}{hemisphere}")
    add(system, "HORIZONTAL_CS_CODE", code)
    add(add(position, "Raster_CS"), "RASTER_CS_TYPE", "CELL")
    listed = add(add(position, "Geopositioning"), "Group_Geopositioning_List")
    for group in groups:
        entry = add(listed, "Group_Geopositioning", group_id=group.name)
        add(entry, "ULX", f"{group.grid.x:.0f}")
        add(entry, "ULY", f"{group.grid.y:.0f}")
        add(entry, "XDIM", f"{group.grid.xres:.0f}")
        add(entry, "YDIM", f"{-group.grid.yres:.0f}")
        add(entry, "NROWS", group.grid.height)
        add(entry, "NCOLS", group.grid.width)
