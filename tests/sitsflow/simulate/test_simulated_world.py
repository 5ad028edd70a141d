"""The simulated world is one: tiles agree where they overlap, and it does not change."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitsflow.geo.grid import Grid
from sitsflow.simulate import simulate
from sitsflow.simulate.cover import COVER_NAMES, COVERS, covers_of, greenness, reflectances
from sitsflow.simulate.landscape import survey
from sitsflow.simulate.weather import sun_on


def overlap(first: Path, second: Path) -> tuple[np.ndarray, np.ndarray]:
    with rasterio.open(first) as one, rasterio.open(second) as other:
        left, right = max(one.bounds[0], other.bounds[0]), min(one.bounds[2], other.bounds[2])
        bottom, top = max(one.bounds[1], other.bounds[1]), min(one.bounds[3], other.bounds[3])
        assert left < right
        assert bottom < top
        parts = [
            raster.read(window=raster.window(left, bottom, right, top)) for raster in (one, other)
        ]
    return parts[0], parts[1]


@pytest.mark.parametrize("series", ["sentinel2", "landsat8_old"])
def test_neighbours_agree_where_they_overlap(request, series):
    products = request.getfixturevalue(series)
    n_tile = len(products) // 2
    n_files = 0
    for first, second in zip(products[:n_tile], products[n_tile:], strict=True):
        for path in [*first.rglob("*.tif"), *first.rglob("*.TIF")]:
            twin = str(path.relative_to(first)).replace(first.parent.name, second.parent.name)
            one, other = overlap(path, second / twin)
            np.testing.assert_array_equal(one, other)
            n_files += 1
    assert n_files >= n_tile * 4


def test_a_second_run_makes_the_same_pixels(sentinel2, tmp_path):
    tiles, first, last = ["T31TCJ", "T31TDJ"], date(2018, 3, 2), date(2018, 4, 1)
    again = simulate(tmp_path, "Sentinel_2", tiles, first, last, 30, 100, 3)
    assert len(again) == 4
    for product in again:
        (twin,) = [one for one in sentinel2 if one.name == product.name]
        for path in product.rglob("*.tif"):
            with rasterio.open(path) as one, rasterio.open(twin / path.relative_to(product)) as two:
                np.testing.assert_array_equal(one.read(), two.read())


def test_another_seed_makes_another_world(tmp_path):
    red = []
    for seed in (0, -1):
        day = date(2018, 6, 1)
        out = tmp_path / str(seed)
        (product,) = simulate(out, "Sentinel_2", ["T31TCJ"], day, day, 10, 32, seed)
        (path,) = product.glob("*_FRE_B4.tif")
        with rasterio.open(path) as raster:
            red.append(raster.read(1))
    assert (red[0] != red[1]).mean() > 0.9


def make_grid(size: int) -> Grid:
    return Grid(crs="EPSG:32631", x=300000, y=4900020, xres=10, yres=10, height=size, width=size)


def test_the_ground_does_not_depend_on_the_window():
    whole = survey(make_grid(600), 5)
    part_grid = make_grid(200).model_copy(update={"x": 301230, "y": 4898000})
    part = survey(part_grid, 5)
    window = (slice(202, 402), slice(123, 323))
    np.testing.assert_array_equal(part.parcels[part.index], whole.parcels[whole.index[window]])
    np.testing.assert_array_equal(part.texture, whole.texture[window])


def test_parcels_are_of_the_size_of_fields():
    ground = survey(make_grid(800), 0)
    areas = np.bincount(ground.index.ravel())
    # The parcel that a pixel taken at random lies in, by the side of a square as large.
    sides = np.sqrt(np.repeat(areas, areas))
    assert 10 < np.median(sides) < 60
    kinds = {COVER_NAMES[kind] for kind in covers_of(ground.parcels)}
    assert kinds >= {"winter crop", "summer crop", "grassland", "broadleaf forest", "water"}


def parcels_of(name: str, n_parcels: int = 400) -> np.ndarray:
    kind = COVER_NAMES.index(name)
    return np.arange(n_parcels, dtype=np.uint64) * np.uint64(8) + np.uint64(kind)


def test_crops_have_their_seasons():
    def mean(name: str, month: int) -> float:
        return float(greenness(parcels_of(name), date(2018, month, 15)).mean())

    assert mean("winter crop", 4) > mean("winter crop", 8) + 0.5
    assert mean("summer crop", 8) > mean("summer crop", 4) + 0.5
    assert mean("broadleaf forest", 7) > mean("broadleaf forest", 1) + 0.5


def test_a_season_crosses_the_turn_of_the_year():
    parcels = parcels_of("bare soil")
    before, after = (greenness(parcels, day) for day in (date(2018, 12, 31), date(2019, 1, 1)))
    assert before.mean() > greenness(parcels, date(2018, 7, 1)).mean() + 0.2
    assert np.abs(after - before).max() < 0.1


def test_spectra_stay_between_their_endmembers():
    for cover in COVERS:
        values = reflectances(parcels_of(cover.name), date(2018, 5, 1), ("red", "nir"))
        assert values.shape == (400, 2)
        assert (values > 0).all()
        assert (values < 0.6).all()


def test_the_sun_is_high_in_june_and_in_the_south_east():
    june, december = sun_on(date(2018, 6, 21)), sun_on(date(2018, 12, 21))
    assert 60 < june.elevation < 70
    assert 15 < december.elevation < 25
    assert 120 < june.azimuth < december.azimuth < 180
