"""The manifest of a ground range product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

from sitsflow.simulate.metadata import add, save
from sitsflow.simulate.sentinel1_metadata import Product
from sitsflow.simulate.sentinel1_orbit import to_geographic

_VERSION = "003.40"
_SPACES = {
    "xfdu": "urn:ccsds:schema:xfdu:1",
    "gml": "http://www.opengis.net/gml",
    "safe": "http://www.esa.int/safe/sentinel-1.0",
    "s1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1",
    "s1sarl1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1",
}


def write_manifest(path: Path, product: Product, files: Sequence[str]) -> None:
    """Write the manifest: the pass, the footprint, the processor's version, and the files."""
    for prefix, uri in _SPACES.items():
        Xml.register_namespace(prefix, uri)
    root = Xml.Element(_tag("xfdu:XFDU"))
    section = add(root, "metadataSection")
    _add_processing(section, product)
    platform = add(_wrapped(section, "platform", "DMD"), _tag("safe:platform"))
    add(platform, _tag("safe:familyName"), "SENTINEL-1")
    add(platform, _tag("safe:number"), product.satellite[-1])
    extension = add(add(platform, _tag("safe:instrument")), _tag("safe:extension"))
    mode = add(extension, _tag("s1sarl1:instrumentMode"))
    add(mode, _tag("s1sarl1:mode"), "IW")
    orbit = add(_wrapped(section, "measurementOrbitReference", "DMD"), _tag("safe:orbitReference"))
    for kind in ("start", "stop"):
        add(orbit, _tag("safe:orbitNumber"), product.absolute_orbit, type=kind)
    for kind in ("start", "stop"):
        add(orbit, _tag("safe:relativeOrbitNumber"), product.relative_orbit, type=kind)
    properties = add(add(orbit, _tag("safe:extension")), _tag("s1:orbitProperties"))
    add(properties, _tag("s1:pass"), "ASCENDING" if product.ascending else "DESCENDING")
    _add_general(section, product)
    period = add(_wrapped(section, "acquisitionPeriod", "DMD"), _tag("safe:acquisitionPeriod"))
    add(period, _tag("safe:startTime"), product.start)
    add(period, _tag("safe:stopTime"), product.stop)
    frames = add(_wrapped(section, "measurementFrameSet", "DMD"), _tag("safe:frameSet"))
    print_ = add(add(frames, _tag("safe:frame")), _tag("safe:footPrint"))
    print_.set("srsName", "http://www.opengis.net/gml/srs/epsg.xml#4326")
    add(print_, _tag("gml:coordinates"), _footprint(product))
    objects = add(root, "dataObjectSection")
    for file in files:
        entry = add(objects, "dataObject", ID=Path(file).stem.replace("-", ""))
        stream = add(entry, "byteStream", size=str((path.parent / file).stat().st_size))
        add(stream, "fileLocation", locatorType="URL", href=f"./{file}")
    save(root, path)


def _tag(name: str) -> str:
    prefix, _, rest = name.partition(":")
    return f"{{{_SPACES[prefix]}}}{rest}"


def _wrapped(section: Xml.Element, name: str, category: str) -> Xml.Element:
    entry = add(section, "metadataObject", ID=name, classification="DESCRIPTION", category=category)
    wrap = add(entry, "metadataWrap", mimeType="text/xml", vocabularyName="SAFE")
    return add(wrap, "xmlData")


def _add_processing(section: Xml.Element, product: Product) -> None:
    processing = add(_wrapped(section, "processing", "PDI"), _tag("safe:processing"))
    processing.set("name", "GRD Post Processing")
    processing.set("start", product.stop)
    facility = add(processing, _tag("safe:facility"))
    add(facility, _tag("safe:software"), name="Sentinel-1 IPF", version=_VERSION)


def _add_general(section: Xml.Element, product: Product) -> None:
    general = add(
        _wrapped(section, "generalProductInformation", "DMD"),
        _tag("s1sarl1:standAloneProductInformation"),
    )
    add(general, _tag("s1sarl1:missionDataTakeID"), product.datatake)
    for polarisation in product.polarisations:
        add(general, _tag("s1sarl1:transmitterReceiverPolarisation"), polarisation)
    add(general, _tag("s1sarl1:productType"), "GRD")
    add(general, _tag("s1sarl1:productTimelinessCategory"), "Fast-24h")


def _footprint(product: Product) -> str:
    """Latitude and longitude of the corners, in the order of real manifests."""
    corners = product.points[[0, 0, -1, -1], [0, -1, -1, 0]]
    longitudes, latitudes, _ = to_geographic(corners)
    return " ".join(f"{y:.6f},{x:.6f}" for x, y in zip(longitudes, latitudes, strict=True))
