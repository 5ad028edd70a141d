"""Two relative orbits of each direction: kept apart, together, or one alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sitsflow.dates import to_date
from sitsflow.errors import ConfigError
from sitsflow.features.catalogue import describe
from sitsflow.plan import SeriesPlan
from sitsflow.planning.planner import make_plan
from sitsflow.radar.safe import find_products
from sitsflow.run.description import as_text, catalogue_text
from sitsflow.simulate import RadarOptions, simulate
from sitsflow.simulate.sentinel1 import ELEVATION, REFERENCES
from sitsflow.timeseries.radar_observations import RadarObservations
from tests.radar.geometry_cases import annotation_at
from tests.radar.requests import radar_run
from tests.requests import calls, tile_values

TILE = "T31TCJ"
FIRST, LAST = date(2018, 1, 4), date(2018, 2, 9)
PASSES = {
    110: ("2018-01-04", "2018-01-16", "2018-01-28", "2018-02-09"),
    8: ("2018-01-09", "2018-01-21", "2018-02-02"),
    30: ("2018-01-04", "2018-01-16", "2018-01-28", "2018-02-09"),
    132: ("2018-01-11", "2018-01-23", "2018-02-04"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("s1")
    options = RadarOptions(tracks=2, relief="slope")
    simulate(out, "Sentinel_1", [TILE], FIRST, LAST, 12, 16, 3, radar=options)
    return out


def planned(root: Path, settings: dict[str, Any] | None = None, **changes: Any):
    known = {"references": root / REFERENCES, "dem": (root / ELEVATION,)} | (settings or {})
    plan, tiles = make_plan(radar_run(root, root / "out", known, **changes))
    return plan, tiles[TILE]


def days_of(series: SeriesPlan, days: tuple[int, ...] | None = None) -> tuple[str, ...]:
    return tuple(str(to_date(day)) for day in (series.days if days is None else days))


def test_each_track_has_its_days_and_its_angle(root: Path) -> None:
    found: dict[int, list[str]] = {}
    angles: dict[int, float] = {}
    for one in find_products(root).products:
        found.setdefault(one.relative_orbit, []).append(one.start.date().isoformat())
        image = annotation_at(one.channels["vv"].annotation)
        angles[one.relative_orbit] = float(image.grid.incidences.mean())
        assert image.ascending == (one.relative_orbit in (30, 132))
    assert {number: tuple(days) for number, days in found.items()} == PASSES
    expected = {110: 38, 30: 38, 8: 32.5, 132: 32.5}
    assert angles == {number: pytest.approx(angle, abs=0.2) for number, angle in expected.items()}


def test_relative_orbits_are_series_of_their_own(root: Path) -> None:
    plan, tile = planned(root, {"separate_orbits": True})
    series = {one.sensor.label: one for one in tile.series}
    assert list(series) == ["Sentinel1DES008", "Sentinel1DES110", "Sentinel1ASC030",
                            "Sentinel1ASC132"]  # fmt: skip
    for label, one in series.items():
        assert days_of(one) == PASSES[int(label[-3:])], label
        # From its own first date to its own last one.
        dates = days_of(one, one.target_days)
        assert dates[0] == days_of(one)[0]
        assert plan.labels[:1] == (f"sentinel1_des_008_vv_{PASSES[8][0].replace('-', '')}",)
        for band in ("vv", "vh"):
            prefix = f"sentinel1_{label[9:12].lower()}_{label[12:]}_{band}_"
            assert tuple(name for name in plan.labels if name.startswith(prefix)) == tuple(
                prefix + day.replace("-", "") for day in dates
            )
    text = as_text(plan, {TILE: tile})
    assert "Sentinel-1 DES 008: 3 passes (3 products of S1" in text
    assert "relative orbit 132" in text
    assert "get_interpolated_Sentinel1_VV_ASC_132(): " in catalogue_text(
        describe(plan, {TILE: tile})
    )


def raw(series: SeriesPlan, grid: Any) -> NDArray[np.float32]:
    with_bands = series.model_copy(update={"read": series.bands})
    return RadarObservations(with_bands, grid, grid.whole, "bicubic").band("VV")


def test_together_they_are_one_series_of_all_days(root: Path) -> None:
    none = {"speckle_filter": "none"}
    _, tile = planned(root, none)
    _, apart = planned(root, none | {"separate_orbits": True})
    for together, (first, second) in zip(
        tile.series, (apart.series[:2], apart.series[2:]), strict=True
    ):
        assert days_of(together) == tuple(sorted((*days_of(first), *days_of(second))))
        merged = raw(together, tile.grid)
        for one in (first, second):
            at = [together.days.index(day) for day in one.days]
            assert np.array_equal(merged[at], raw(one, tile.grid))
    # Dates of one relative orbit are filtered without those of another.
    _, filtered = planned(root)
    _, own = planned(root, {"separate_orbits": True})
    assert not np.array_equal(
        raw(filtered.series[0], tile.grid)[::2], raw(own.series[1], tile.grid)
    )


def test_one_relative_orbit_may_be_chosen(root: Path) -> None:
    plan, tile = planned(root, {"relative_orbits": (8, 132)})
    assert [one.sensor.label for one in tile.series] == ["Sentinel1DES", "Sentinel1ASC"]
    assert [days_of(one) for one in tile.series] == [PASSES[8], PASSES[132]]
    _, apart = planned(root, {"separate_orbits": True, "relative_orbits": (8, 132)})
    for one, other in zip(tile.series, apart.series, strict=True):
        assert np.array_equal(raw(one, tile.grid), raw(other, tile.grid))
    assert plan.labels[0] == "sentinel1_des_vv_20180109"


def test_a_function_reads_each_by_its_number(root: Path, tmp_path: Path) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "import numpy as np\n\n\n"
        "def orbits(self):\n"
        "    vv = self.get_raw_Sentinel1_VV_DES_008()\n"
        "    other = self.get_raw_Sentinel1_VV_DES_110()\n"
        '    days = self.raw_dates["Sentinel1DES008"]\n'
        "    assert list(days) == ['20180109', '20180121', '20180202'], days\n"
        "    assert (vv.shape[2], other.shape[2]) == (3, 4)\n"
        "    return np.dstack([vv[:, :, 1], other[:, :, 1]]), ['steep', 'flat']\n"
    )
    keys = {"module": module, "functions": calls("orbits"), "concat_mode": False}
    settings = {"separate_orbits": True, "speckle_filter": "none"}
    plan, tile = planned(root, settings, **keys)
    steep, flat = tile_values(plan, tile)
    assert np.array_equal(steep, raw(tile.series[0], tile.grid)[1])
    assert np.array_equal(flat, raw(tile.series[1], tile.grid)[1])


def test_three_tracks_cannot_be_simulated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tracks: 3 is not 1 or 2"):
        simulate(tmp_path, "Sentinel_1", [TILE], FIRST, LAST, 12, 16, 3,
                 radar=RadarOptions(tracks=3))  # fmt: skip
