"""`sitsflow simulate --sensor Sentinel_1`: what is asked is written, and what cannot be is refused.

What the images show is looked at in tests/radar.
"""

from datetime import date
from pathlib import Path

import pytest
import rasterio
from typer.testing import CliRunner

from flows.cli.command import app
from sitsflow.errors import ConfigError, OutputError
from sitsflow.radar.safe import find_products
from sitsflow.simulate import SIMULATORS, RadarOptions, simulate

DAY = date(2018, 1, 4)
GOOD = {
    "sensor": "Sentinel_1", "tiles": ["T31TCJ", "T31TDJ"], "start": DAY, "end": DAY, "every": None,
    "size": 16, "seed": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sentinel1")
    arguments = ["--sensor", "Sentinel_1", "--tiles", "T31TCJ T31TDJ", "--start", "20180104"]
    arguments += ["--end", "20180116", "--size", "16", "--relief", "ridge", "--no-speckle"]
    said = CliRunner().invoke(app, ["simulate", str(out), *arguments])
    assert said.exit_code == 0, said.output
    assert f"4 products in {out}" in said.output
    return out


def test_products_of_both_orbits_lie_beside_heights_and_references(products: Path) -> None:
    found = find_products(products)
    assert not found.broken
    assert not found.notices
    told = [(one.start.date().isoformat(), one.orbit) for one in found.products]
    assert told == [
        (day, orbit) for day in ("2018-01-04", "2018-01-16") for orbit in ("des", "asc")
    ]
    assert {frozenset(one.channels) for one in found.products} == {frozenset(("vv", "vh"))}
    others = {path.name for path in products.iterdir() if path.suffix != ".SAFE"}
    assert others == {"elevation.tif", "references"}
    with rasterio.open(products / "elevation.tif") as heights:
        assert heights.read(1).max() == pytest.approx(340, abs=1), "a ridge"


def test_references_lie_on_the_grids_of_the_tiles(products: Path) -> None:
    grids = SIMULATORS["Sentinel_2"].layout(["T31TCJ", "T31TDJ"], 16)
    for tile, grid in grids.items():
        with rasterio.open(products / "references" / tile / "reference.tif") as raster:
            assert raster.shape == grid.shape
            assert raster.transform == grid.transform
            assert raster.crs == grid.rasterio_crs


def test_archives_hold_what_folders_do(tmp_path: Path, products: Path) -> None:
    options = RadarOptions(orbits=("DES",), relief="ridge", looks=None)
    told: list[tuple[int, int]] = []
    made = simulate(
        tmp_path, **GOOD, radar=options, zipped=True, progress=lambda *count: told.append(count)
    )
    assert [path.suffix for path in made] == [".zip"]
    assert told == [(1, 1)]
    (packed,), plain = find_products(tmp_path).products, find_products(products).products[0]
    assert packed.product.stem == plain.product.stem
    inside = [one.channels["vh"].measurement for one in (packed, plain)]
    opened = [f"/vsizip/{inside[0]}", inside[1]]
    values = []
    for path in opened:
        with rasterio.open(path) as raster:
            values.append(raster.read(1))
    assert (values[0] == values[1]).all()


@pytest.mark.parametrize(
    ("changed", "place", "said"),
    [
        ({"sensor": "Sentinel1"}, "sensor", "did you mean Sentinel_1"),
        ({"tiles": ["31TCJ"]}, "tiles", "'31TCJ'.*T31TCJ"),
        ({"tiles": []}, "tiles", "at least one"),
        ({"tiles": ["T31TCJ", "T30TYP"]}, "tiles", "several UTM zones"),
        ({"end": date(2018, 1, 3)}, "start", "2018-01-04 is after the end, 2018-01-03"),
        ({"every": 0}, "every", "at least 1"),
        ({"size": 14}, "size", "at least 16"),
        ({"size": 17}, "size", "multiple of 2"),
        ({"baseline": "0400"}, "baseline", "only products of Sentinel_2_S2C"),
        ({"radar": RadarOptions(relief="hilly")}, "relief", "not one of flat, slope, ridge"),  # type: ignore[arg-type]
        ({"radar": RadarOptions(orbits=("des",))}, "orbits", "'des' is not one of ASC, DES"),
        ({"radar": RadarOptions(orbits=())}, "orbits", "at least one"),
        ({"radar": RadarOptions(slices=0)}, "slices", "0 is not 1 or 2"),
        ({"sensor": "Sentinel_2", "radar": RadarOptions()}, "sensor", "only Sentinel_1 has"),
    ],
)
def test_a_bad_argument_is_named(tmp_path, changed, place, said):
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match=said) as caught:
        simulate(out, **{**GOOD, **changed})
    assert [fault.place for fault in caught.value.faults] == [place]
    assert not out.exists()


def test_nothing_is_written_beside_other_products(products: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in products.rglob("*")}
    later = {**GOOD, "start": date(2019, 1, 4), "end": date(2019, 1, 4)}
    with pytest.raises(OutputError, match=r"elevation\.tif is already there: remove it"):
        simulate(products, **later)
    assert {path: path.stat().st_mtime_ns for path in products.rglob("*")} == before


def test_the_options_of_radar_are_told_on_the_command_line(tmp_path: Path) -> None:
    arguments = ["--tiles", "T31TCJ", "--start", "20180104", "--end", "20180104"]
    for more in (["--relief", "flat"], ["--orbits", "DES"], ["--no-speckle"]):
        said = CliRunner().invoke(app, ["simulate", str(tmp_path / "out"), *arguments, *more])
        assert isinstance(said.exception, ConfigError), more
        assert "only Sentinel_1 has" in str(said.exception)
    help_text = CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "300"}).stdout
    assert "Sentinel_1 " in help_text
