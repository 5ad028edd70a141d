"""Simulated products: what is on the ground is found on the map again, where it truly lies."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import rasterio

from sitsflow.errors import ConfigError, OutputError
from sitsflow.geo.grid import Grid, Window
from sitsflow.radar.annotation import SPEED_OF_LIGHT
from sitsflow.radar.elevation import open_elevation
from sitsflow.radar.ellipsoid import geocentric
from sitsflow.radar.geocoding import image_geometry
from sitsflow.radar.terrain_flattening import flatten, flattening_margin
from sitsflow.simulate.backscatter import gamma_nought
from sitsflow.simulate.landscape import survey
from sitsflow.simulate.sentinel1 import RadarSeries, simulate_sentinel1
from sitsflow.simulate.sentinel1_tables import noise_tables
from tests.radar.geometry_cases import annotation_at, real_product, solved
from tests.radar.simulated import OnMap, image_file, on_map

DAY, SEED, SIZE = date(2018, 1, 4), 7, 40
TILES = ["T31TCJ", "T31TDJ"]
# The first tile's corner is (300000, 4900020); both are 760 m wide together.
TARGETS = ((300_137.0, 4_899_842.0), (300_371.0, 4_899_791.0), (300_602.5, 4_899_877.0))


def series(out: Path, relief: str = "flat", **options: object) -> RadarSeries:
    arguments = {"looks": None, "relief": relief} | options
    return simulate_sentinel1(out, TILES, DAY, DAY, 12, SIZE, SEED, **arguments)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> RadarSeries:
    return series(tmp_path_factory.mktemp("flat"))


@pytest.fixture(scope="module")
def ridge(tmp_path_factory: pytest.TempPathFactory) -> RadarSeries:
    return series(tmp_path_factory.mktemp("ridge"), "ridge", targets=TARGETS)


def both(grids: dict[str, Grid]) -> Grid:
    first, second = grids.values()
    width = round((second.x - first.x) / 10) + second.width
    return first.model_copy(update={"width": width})


def centre_of(power: np.ndarray, row: float, col: float) -> tuple[float, float]:
    """Centre of mass of a bright point near a pixel, above what lies around."""
    top, left = round(row) - 4, round(col) - 4
    part = power[top : top + 9, left : left + 9]
    part = (part - np.median(part)).clip(0)
    rows, cols = np.indices(part.shape)
    return float((part * rows).sum() / part.sum()) + top, float(
        (part * cols).sum() / part.sum()
    ) + left


@pytest.mark.parametrize("direction", [0, 1])
def test_bright_points_lie_at_their_true_place(ridge: RadarSeries, direction: int) -> None:
    grid = both(ridge.grids)
    shown = on_map(ridge.products[direction], ridge.elevation, grid)
    assert np.isfinite(shown.power).all()
    for x, y in TARGETS:
        row, col = (grid.y - y) / 10 - 0.5, (x - grid.x) / 10 - 0.5
        assert shown.power[round(row), round(col)] > 5e7
        found = centre_of(shown.power, row, col)
        assert np.hypot(found[0] - row, found[1] - col) < 0.15


def test_without_their_height_bright_points_lie_elsewhere(ridge: RadarSeries) -> None:
    """160 m of height are 20 pixels in range: the test above would see it."""
    annotation = annotation_at(image_file(ridge.products[0], "annotation"))
    geometry = image_geometry(annotation)
    grid = both(ridge.grids)
    level = np.zeros(grid.shape, np.float32)
    high, low = (geometry.coordinates(grid, grid.whole, level + h).cols for h in (160, 0))
    assert np.abs(high - low).min() > 15


def calibrated(product: Path, shown: OnMap, quantity: str, polarisation: str = "vv") -> np.ndarray:
    """Backscatter by the tables of the product; the simulated one is the same in all lines."""
    root = Xml.parse(tables(product, "calibration", polarisation)).getroot()
    vector = root.find("calibrationVectorList/calibrationVector")
    assert vector is not None
    pixels, table = (
        [float(word) for word in vector.findtext(name, "").split()] for name in ("pixel", quantity)
    )
    size = SimpleNamespace(lines=shown.annotation.lines, samples=shown.annotation.samples)
    along, across = noise_tables(size, shown.samples, shown.lines)  # type: ignore[arg-type]
    return (shown.power - along * across) / np.interp(shown.samples, pixels, table) ** 2


def inside_fields(index: np.ndarray) -> np.ndarray:
    """Away from borders of fields, which an image of 10 m pixels shows soft."""
    inner = np.zeros(index.shape, bool)
    inner[2:-2, 2:-2] = True
    for axis in (0, 1):
        for shift in (-2, -1, 1, 2):
            inner &= np.roll(index, shift, axis) == index
    return inner


@pytest.mark.parametrize("polarisation", ["vv", "vh"])
def test_backscatter_on_the_map_is_that_of_the_land(flat: RadarSeries, polarisation: str) -> None:
    grid, product = both(flat.grids), flat.products[0]
    shown = on_map(product, flat.elevation, grid, polarisation)
    found = calibrated(product, shown, "gamma", polarisation)
    ground = survey(grid, SEED)
    truth = gamma_nought(ground.parcels, DAY, polarisation.upper())[ground.index]
    inner = inside_fields(ground.index)
    assert inner.sum() > 500
    off = 10 * np.log10(found[inner] / truth[inner])
    assert abs(np.median(off)) < 0.01
    assert np.percentile(np.abs(off), 90) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["DES", "ASC"])
def test_flattened_backscatter_is_that_of_the_land(tmp_path: Path, direction: str) -> None:
    steep = series(tmp_path, "ridge", slopes=True, directions=(direction,), polarisations=("VV",))
    grid, (product,) = both(steep.grids), steep.products
    shown = on_map(product, steep.elevation, grid)
    margin = flattening_margin(grid, 180, 340)
    around = Window(
        row=-margin, col=-margin, height=grid.height + 2 * margin, width=grid.width + 2 * margin
    )
    heights = open_elevation([steep.elevation]).read(grid, around)
    assert heights.holes == 0
    level = flatten(image_geometry(shown.annotation), grid, grid.whole, heights.heights, margin)
    ground = survey(grid, SEED)
    inner = inside_fields(ground.index)
    truth = gamma_nought(ground.parcels, DAY, "VV")[ground.index][inner]
    found = calibrated(product, shown, "betaNought")[inner] * level.factor[inner]
    off = 10 * np.log10(found / truth)
    on_slopes = 10 * np.log10(calibrated(product, shown, "gamma")[inner] / truth)
    assert np.abs(off).mean() < 0.15
    assert np.percentile(np.abs(off), 95) < 0.4
    # As much as this is taken away.
    assert np.ptp(on_slopes) > 4


def tables(product: Path, kind: str, polarisation: str = "vv") -> Path:
    (path,) = (product / "annotation" / "calibration").glob(f"{kind}-*-{polarisation}-*.xml")
    return path


def test_speckle_has_its_number_of_looks(flat: RadarSeries, tmp_path: Path) -> None:
    noisy = series(tmp_path, looks=4.0, directions=("DES",), polarisations=("VV",))
    numbers = []
    for product in (noisy.products[0], flat.products[0]):
        with rasterio.open(image_file(product, "measurement")) as raster:
            numbers.append(raster.read(1).astype(float) ** 2)
    ratio = numbers[0] / numbers[1]
    assert ratio.mean() == pytest.approx(1, abs=0.03)
    # Of signal only, so that it is a little less than that of the speckle.
    assert 4 < 1 / ratio.var() < 5


@pytest.mark.parametrize("direction", [0, 1])
def test_the_annotation_agrees_with_its_orbit(ridge: RadarSeries, direction: int) -> None:
    image = annotation_at(image_file(ridge.products[direction], "annotation"))
    assert image.ascending == (direction == 1)
    assert image.orbit.covers(-30, 30)
    geometry, points = image_geometry(image), image.grid
    lines, samples = geometry.places(
        points.longitudes.ravel(), points.latitudes.ravel(), points.heights.ravel()
    )
    assert lines == pytest.approx(points.lines.ravel(), abs=2e-3)
    assert samples == pytest.approx(points.pixels.ravel(), abs=1e-3)
    assert geometry.record_delay == pytest.approx(0.0891, abs=5e-4)
    assert points.incidences == pytest.approx(np.full(points.lines.shape, 38), abs=0.5)
    place, _, _ = image.orbit.at(np.array([0.0]))
    assert np.linalg.norm(place) == pytest.approx(7_071_000, abs=0.1)
    # Seen later than their line by half the echo of the distance to the middle of the swath.
    late = points.azimuth_times - points.lines * image.line_interval
    distance = points.slant_range_times * SPEED_OF_LIGHT / 2
    assert np.ptp(late - distance / SPEED_OF_LIGHT) < 1.1e-6


def test_slices_follow_each_other(tmp_path: Path, flat: RadarSeries) -> None:
    cut = series(tmp_path, slices=2, directions=("DES",), polarisations=("VV",))
    (first, second) = (product.name.split("_")[4:6] for product in cut.products)
    assert first[1] < second[0]
    parts, images = [], []
    for product in cut.products:
        with rasterio.open(image_file(product, "measurement")) as raster:
            parts.append(raster.read(1))
        images.append(annotation_at(image_file(product, "annotation")))
    gap = (images[1].first_line - images[0].first_line) / np.timedelta64(1, "us") * 1e-6
    assert gap == pytest.approx(images[0].lines * images[0].line_interval, abs=2e-6)
    with rasterio.open(image_file(flat.products[0], "measurement")) as raster:
        whole = raster.read(1)
    assert np.concatenate(parts).shape == whole.shape
    # The scalloping of noise begins anew with each slice.
    assert np.abs(np.concatenate(parts).astype(float) - whole)[: images[0].lines].max() <= 1


def tags(root: Xml.Element, path: str = "") -> set[str]:
    """Paths of all elements, without namespaces."""
    here = f"{path}/{root.tag.rpartition('}')[2]}"
    return {here}.union(*(tags(child, here) for child in root))


@pytest.mark.parametrize("kind", ["annotation", "calibration", "noise"])
def test_files_have_the_structure_of_real_ones(flat: RadarSeries, kind: str) -> None:
    real = real_product()
    if kind == "annotation":
        ours, theirs = image_file(flat.products[0], kind), image_file(real, kind)
    else:
        ours, theirs = tables(flat.products[0], kind), tables(real, kind)
    assert tags(Xml.parse(ours).getroot()) <= tags(Xml.parse(theirs).getroot())
    if kind != "annotation":
        assert tags(Xml.parse(ours).getroot()) == tags(Xml.parse(theirs).getroot())


def test_the_manifest_has_the_elements_of_a_real_one(flat: RadarSeries) -> None:
    ours = Xml.parse(flat.products[0] / "manifest.safe").getroot()
    theirs = Xml.parse(real_product() / "manifest.safe").getroot()
    assert {one.tag for one in ours.iter()} <= {one.tag for one in theirs.iter()}
    uri = "{http://www.esa.int/safe/sentinel-1.0/sentinel-1}"
    assert ours.findtext(f".//{uri}pass") == "DESCENDING"
    listed = {one.get("href") for one in ours.iter("fileLocation")}
    product = flat.products[0]
    there = {f"./{path.relative_to(product)}" for path in product.rglob("*.*") if path.is_file()}
    assert listed == there - {"./manifest.safe"}
    text = ours.findtext(".//{http://www.opengis.net/gml}coordinates", "")
    corners = np.array([[float(word) for word in pair.split(",")] for pair in text.split()])
    assert corners.shape == (4, 2)
    assert corners[:, 0] == pytest.approx(np.full(4, 44.23), abs=0.05)
    assert corners[:, 1] == pytest.approx(np.full(4, 0.5), abs=0.05)


def test_names_and_control_points_are_as_in_real_products(flat: RadarSeries) -> None:
    parts = flat.products[0].name.split("_")
    assert parts[:4] == ["S1B", "IW", "GRDH", "1SDV"]
    assert parts[4].startswith("20180104T05")
    assert (int(parts[6]) - 27) % 175 + 1 == 110
    stem = image_file(flat.products[0], "measurement").stem
    assert stem.split("-")[:4] == ["s1b", "iw", "grd", "vv"]
    assert stem.split("-")[6:] == [parts[6], parts[7].lower(), "001"]
    with rasterio.open(image_file(flat.products[0], "measurement")) as raster:
        points, system = raster.gcps
        assert raster.dtypes == ("uint16",)
    image = annotation_at(image_file(flat.products[0], "annotation"))
    assert system.to_epsg() == 4326
    assert [point.x for point in points] == pytest.approx(image.grid.longitudes.ravel())
    assert [point.row for point in points] == pytest.approx(image.grid.lines.ravel())


def test_the_slow_solver_of_the_tests_agrees_with_the_simulation(ridge: RadarSeries) -> None:
    image = annotation_at(image_file(ridge.products[0], "annotation"))
    points = image.grid
    moments, ranges = solved(
        image,
        geocentric(points.longitudes.ravel(), points.latitudes.ravel(), points.heights.ravel()),
    )
    assert moments == pytest.approx(points.azimuth_times.ravel(), abs=2e-6)
    assert ranges * 2 / SPEED_OF_LIGHT == pytest.approx(points.slant_range_times.ravel(), rel=1e-9)


def test_what_cannot_be_simulated_is_refused(tmp_path: Path, flat: RadarSeries) -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)6 faults.*orbits.*relief.*slices.*zones.*start.*every"
    ):
        simulate_sentinel1(
            tmp_path, ["T31TCJ", "T30TYP"], date(2018, 2, 1), DAY, 0, SIZE, SEED,
            directions=("UP",), relief="hilly", slices=0,  # type: ignore[arg-type]
        )  # fmt: skip
    with pytest.raises(OutputError, match="is already there"):
        series(flat.elevation.parent)
