"""The whole way of a series: from SAFE products to filtered backscatter on a tile's grid."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from sitsflow.dates import to_date
from sitsflow.geo.grid import Grid, Window
from sitsflow.planning.planner import make_plan
from sitsflow.radar_settings import RadarSettings
from sitsflow.request import Request, SensorRequest
from sitsflow.simulate.backscatter import gamma_nought
from sitsflow.simulate.landscape import survey
from sitsflow.simulate.sentinel1 import simulate_sentinel1
from sitsflow.timeseries.radar_observations import RadarObservations

TILE, SEED, SIZE = "T31TCJ", 7, 48
WHOLE = Window(row=0, col=0, height=SIZE, width=SIZE)


@dataclass(frozen=True)
class Simulated:
    request: Request
    grid: Grid

    def observed(
        self,
        window=WHOLE,
        method="bicubic",
        within=None,
        label="Sentinel1DES",
        grid=None,
        **changes,
    ):
        grid = grid or self.grid
        return RadarObservations(self.plan(label, **changes), grid, window, method, within)

    def plan(self, label="Sentinel1DES", **changes):
        sensor = self.request.sensors[0]
        radar = sensor.radar.model_copy(update=changes)
        sensors = (sensor.model_copy(update={"radar": radar}),)
        _, tiles = make_plan(self.request.model_copy(update={"sensors": sensors}))
        (series,) = (one for one in tiles[TILE].series if one.sensor.label == label)
        return series.model_copy(update={"read": series.bands})


def simulated(folder, **options) -> Simulated:
    made = simulate_sentinel1(
        folder / "products", [TILE], date(2018, 1, 4), date(2018, 1, 28), 12, SIZE, SEED, **options
    )
    settings = RadarSettings(
        products=folder / "products", dem=(made.elevation,), references=folder / "references"
    )
    request = Request(
        output_path=folder / "output",
        tiles=(TILE,),
        sensors=(
            SensorRequest(
                sensor="Sentinel_1", root=folder / "products", temporal_resolution=10,
                radar=settings,
            ),
        ),
    )  # fmt: skip
    _write_reference(folder / "references" / TILE, made.grids[TILE])
    return Simulated(request, made.grids[TILE])


def _write_reference(folder, grid):
    from sitsflow.simulate.raster import write_raster

    folder.mkdir(parents=True)
    write_raster(folder / "reference.tif", np.ones((1, *grid.shape), np.uint8), grid)


@pytest.fixture(scope="module")
def ridge(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("ridge"), relief="ridge", slices=2)


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("smooth"), looks=None)


@pytest.mark.parametrize("band", ["VV", "VH"])
def test_backscatter_is_that_of_the_land(smooth, band):
    series = smooth.observed(speckle_filter="none")
    ground = survey(smooth.grid, SEED)
    inner = np.ones(smooth.grid.shape, bool)
    for axis in (0, 1):  # an image of 20 m resolution shows borders of fields soft
        for shift in (-2, -1, 1, 2):
            inner &= np.roll(ground.index, shift, axis) == ground.index
    inner[:2] = inner[-2:] = inner[:, :2] = inner[:, -2:] = False
    found = series.band(band)
    for at, day in enumerate(smooth.plan().days):
        truth = gamma_nought(ground.parcels, to_date(day), band)[ground.index]
        wrong = np.abs(found[at] / truth - 1)[inner & (truth > 0.01)]
        assert np.median(wrong) < 0.02, band
    assert series.valid.all()


@pytest.mark.parametrize("speckle_filter", ["none", "quegan", "lee", "refined_lee"])
def test_a_pixel_is_the_same_in_every_window(ridge, speckle_filter):
    whole = ridge.observed(speckle_filter=speckle_filter)
    parts = [Window(row=0, col=0, height=17, width=30), Window(row=17, col=11, height=31, width=37)]
    for part in parts:
        rows, cols = part.slices
        alone = ridge.observed(part, speckle_filter=speckle_filter)
        shared = ridge.observed(part, within=whole, speckle_filter=speckle_filter)
        for band in ("VV", "VH"):
            assert np.array_equal(alone.band(band), whole.band(band)[:, rows, cols])
            assert np.array_equal(shared.band(band), whole.band(band)[:, rows, cols])
        assert np.array_equal(alone.valid, whole.valid[:, rows, cols])


def test_slices_leave_no_seam(tmp_path, smooth):
    cut = simulated(tmp_path, looks=None, slices=2, directions=("DES",))
    joined, whole = (one.observed(speckle_filter="none").band("VV") for one in (cut, smooth))
    # Numbers are rounded, and the noise that changes along the flight begins anew in each slice.
    assert np.allclose(joined, whole, rtol=0.02)


def test_a_polarisation_alone_is_that_of_both(ridge):
    alone = ridge.observed(polarisations=("vh",)).band("VH")
    assert np.array_equal(alone, ridge.observed().band("VH"))


def test_both_directions_show_the_same_fields(smooth):
    des, asc = (
        smooth.observed(label=label, speckle_filter="none").band("VV").mean(axis=0)
        for label in ("Sentinel1DES", "Sentinel1ASC")
    )
    assert (
        np.corrcoef(np.log(des).ravel(), np.log(asc).ravel())[0, 1] > 0.93
    )  # a pixel aside it is 0.88


def test_the_footprint_is_where_images_reach(ridge):
    assert ridge.observed().footprint().all()
    far = ridge.observed(Window(row=0, col=9000, height=4, width=4))
    assert not far.footprint().any()
    assert not far.valid.any()
    assert np.isnan(far.band("VV")).all()


def test_noise_stays_where_it_is_not_subtracted(smooth):
    clean, noisy = (
        smooth.observed(thermal_noise=kept, speckle_filter="none").band("VH")
        for kept in (True, False)
    )
    assert (noisy > clean).all()
