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
    add(characteristics, "PRODUCT_LEVEL", product.split("_")[2])
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


_SAFE = "https://psd-14.sentinel2.eo.esa.int/PSD/"
_N_BANDS = 13
"""Of the instrument; `band_id` counts them from 0."""


def write_user_product(path: Path, product: str, added: int) -> None:
    """Write the MTD_MSIL2A file of a SAFE product.

    From processing baseline 04.00 on it tells what is added to the numbers of each band; before,
    it does not have that list.
    """
    satellite, _, moment, baseline, orbit, _, _ = product.removesuffix(".SAFE").split("_")
    root = Xml.Element(f"{{{_SAFE}User_Product_Level-2A.xsd}}Level-2A_User_Product")
    general = add(root, f"{{{_SAFE}User_Product_Level-2A.xsd}}General_Info")
    about = add(general, "Product_Info")
    when = datetime.strptime(moment, "%Y%m%dT%H%M%S").isoformat() + ".000Z"
    add(about, "PRODUCT_START_TIME", when)
    add(about, "PRODUCT_URI", product)
    add(about, "PROCESSING_LEVEL", "Level-2A")
    add(about, "PROCESSING_BASELINE", f"{baseline[1:3]}.{baseline[3:]}")
    taken = add(about, "Datatake")
    add(taken, "SPACECRAFT_NAME", f"Sentinel-2{satellite[2]}")
    add(taken, "SENSING_ORBIT_NUMBER", int(orbit[1:]))
    image = add(general, "Product_Image_Characteristics")
    for name, value in (("NODATA", 0), ("SATURATED", 65535)):
        special = add(image, "Special_Values")
        add(special, "SPECIAL_VALUE_TEXT", name)
        add(special, "SPECIAL_VALUE_INDEX", value)
    units = add(image, "QUANTIFICATION_VALUES_LIST")
    add(units, "BOA_QUANTIFICATION_VALUE", 10000, unit="none")
    if baseline >= "N0400":
        listed = add(image, "BOA_ADD_OFFSET_VALUES_LIST")
        for number in range(_N_BANDS):
            add(listed, "BOA_ADD_OFFSET", added, band_id=str(number))
    save(root, path)


def write_granule(path: Path, product: str, scene: Scene) -> None:
    """Write the MTD_TL file of the tile in a SAFE product: where it lies, and the sun."""
    root = Xml.Element(f"{{{_SAFE}S2_PDI_Level-2A_Tile_Metadata.xsd}}Level-2A_Tile_ID")
    general = add(root, "General_Info")
    add(general, "TILE_ID", product.removesuffix(".SAFE"))
    place = add(add(root, "Geometric_Info"), "Tile_Geocoding")
    add(place, "HORIZONTAL_CS_CODE", scene.grid.crs)
    for grid in (scene.grid, scene.coarse_grid):
        size = add(place, "Size", resolution=f"{grid.xres:.0f}")
        add(size, "NROWS", grid.height)
        add(size, "NCOLS", grid.width)
        corner = add(place, "Geoposition", resolution=f"{grid.xres:.0f}")
        for tag, value in (
            ("ULX", grid.x), ("ULY", grid.y), ("XDIM", grid.xres), ("YDIM", -grid.yres)
        ):  # fmt: skip
            add(corner, tag, f"{value:.0f}")
    sun = sun_on(scene.day)
    angle = add(add(root[-1], "Tile_Angles"), "Mean_Sun_Angle")
    add(angle, "ZENITH_ANGLE", f"{90 - sun.elevation:.4f}", unit="deg")
    add(angle, "AZIMUTH_ANGLE", f"{sun.azimuth:.4f}", unit="deg")
    save(root, path)
