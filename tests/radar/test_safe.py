import shutil

import pytest
from shapely import Point

from sitsflow.errors import MissingInputError, ProductError
from sitsflow.products.files import read_text
from sitsflow.radar.manifest import footprint
from sitsflow.radar.metadata import read_metadata
from sitsflow.radar.product_name import parse_product_name, relative_orbit
from sitsflow.radar.safe import find_products, read_product
from tests.radar.safe_product import NAME, packed, write_product

PERIOD = (
    "<acquisitionPeriod><startTime>2018-01-03T05:51:0{}</startTime>"
    "<stopTime>2018-01-03T05:51:0{}</stopTime></acquisitionPeriod>"
)


def test_a_name_tells_mission_time_and_orbit(tmp_path):
    name = parse_product_name(tmp_path / f"{NAME}.SAFE")
    assert (name.mission, name.mode, name.product_type) == ("S1A", "IW", "GRDH")
    assert name.polarisations == ("vv", "vh")
    assert name.start.isoformat() == "2018-01-03T05:51:21"
    assert name.stop.isoformat() == "2018-01-03T05:51:46"
    assert (name.absolute_orbit, name.data_take, name.unique) == (19994, "0220F2", "2A5C")
    assert name.day.isoformat() == "2018-01-03"
    assert not name.cog


@pytest.mark.parametrize(
    ("code", "polarisations"),
    [("SV", ["vv"]), ("SH", ["hh"]), ("DV", ["vv", "vh"]), ("DH", ["hh", "hv"])],
)
def test_polarisations_are_those_that_the_name_tells(tmp_path, code, polarisations):
    product = read_product(write_product(tmp_path, name=NAME.replace("1SDV", f"1S{code}")))
    assert list(product.channels) == polarisations
    for polarisation, files in product.channels.items():
        assert all(f"-grd-{polarisation}-" in str(path) for _, path in files)


@pytest.mark.parametrize(
    ("mission", "absolute", "relative"),
    [
        # Of products whose relative orbit is known: forum.step.esa.int/t/7042, the real manifest
        # in shared/data, isce2's pull requests 951, 28123 and 28130.
        ("S1A", 18302, 30),
        ("S1B", 7231, 30),
        ("S1B", 30148, 22),
        ("S1C", 1681, 110),
        ("S1C", 8018, 147),
        ("S1C", 8019, 46),
        ("S1D", 2389, 73),
        ("S1A", 72, 175),
    ],
)
def test_relative_orbits(mission, absolute, relative):
    assert relative_orbit(mission, absolute) == relative


@pytest.mark.parametrize(
    "name",
    [
        NAME.replace("IW", "EW"),
        NAME.replace("GRDH", "SLC_"),
        NAME.replace("S1A", "S1E"),
        NAME.replace("1SDV", "1SXX"),
        NAME.replace("20180103T055121", "20181303T055121"),
        NAME[:-5],
    ],
)
def test_other_names_are_refused(tmp_path, name):
    with pytest.raises(ProductError, match=name):
        parse_product_name(tmp_path / name)


def test_a_product_is_read(tmp_path):
    product = read_product(write_product(tmp_path))
    assert (product.orbit_pass, product.orbit, product.relative_orbit) == ("DESCENDING", "des", 147)
    assert product.start.isoformat() == "2018-01-03T05:51:21.594441"
    assert product.ipf_version == (2, 91)
    assert product.footprint.covers(Point(0.5, 44))
    assert not product.footprint.covers(Point(44, 0.5))
    assert list(product.channels) == ["vv", "vh"]
    vh = product.channels["vh"]
    assert vh.measurement.name == (
        "s1a-iw-grd-vh-20180103t055121-20180103t055146-019994-0220f2-002.tiff"
    )
    for path in (vh.measurement, vh.annotation, vh.calibration, vh.noise):
        assert path.is_file()
    assert len({vh.measurement, vh.annotation, vh.calibration, vh.noise}) == 4
    assert type(product).model_validate_json(product.model_dump_json()) == product


@pytest.mark.parametrize("ending", [".zip", ".SAFE.zip"])
def test_an_archive_is_read_in_its_place(tmp_path, ending):
    folder = write_product(tmp_path / "folder", name=f"{NAME}_COG")
    archive = packed(folder, tmp_path / f"{NAME}_COG{ending}")
    product, unpacked = read_product(archive), read_product(folder)
    assert product.corners == unpacked.corners
    vv = product.channels["vv"]
    assert vv.measurement.name.endswith("-001-cog.tiff")
    assert vv.measurement.is_relative_to(archive)
    assert read_text(archive, vv.noise) == "<noise/>"
    assert sorted(path.name for path in tmp_path.iterdir()) == [archive.name, "folder"]


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("manifest.safe", "no file is called manifest.safe"),
        ("measurement/*vh*", "no file is called measurement/s1[a-d]-iw-grd-vh"),
        ("annotation/s1a*vv*", "no file is called annotation/s1[a-d]-iw-grd-vv"),
        ("annotation/calibration/calibration*vv*", "calibration-s1[a-d]-iw-grd-vv"),
        ("annotation/calibration/noise*vh*", "noise-s1[a-d]-iw-grd-vh"),
    ],
)
def test_what_is_missing_is_named(tmp_path, gone, message):
    product = write_product(tmp_path)
    (path,) = product.glob(gone)
    path.unlink()
    with pytest.raises(ProductError) as caught:
        read_product(product)
    assert message in str(caught.value)
    assert str(product) in str(caught.value)


def test_all_that_is_missing_is_named_at_once(tmp_path):
    product = write_product(tmp_path)
    shutil.rmtree(product / "measurement")
    (product / "manifest.safe").unlink()
    with pytest.raises(ProductError, match=r"manifest.*measurement.*vv.*measurement.*vh"):
        read_product(product)


def test_an_empty_measurement_is_named(tmp_path):
    product = write_product(tmp_path)
    next(product.glob("measurement/*vv*")).write_bytes(b"")
    with pytest.raises(ProductError, match=r"vv.*tiff is empty"):
        read_product(product)


def test_only_the_polarisations_that_are_wanted_must_be_there(tmp_path):
    product = write_product(tmp_path)
    next(product.glob("measurement/*vh*")).unlink()
    assert list(read_product(product, ["vv"]).channels) == ["vv"]
    with pytest.raises(ProductError, match="no polarisation hh, but vv and vh"):
        read_product(product, ["hh"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<a><b></a>", "not XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "not XML"),
        ("<a/>", "it has no acquisitionPeriod/startTime"),
        (f"<a>{PERIOD.format(4, 3)}</a>", "startTime 2018-01-03 05:51:04 is not before"),
        (
            f"<a>{PERIOD.format(3, 'x')}</a>",
            "acquisitionPeriod/stopTime is '2018-01-03T05:51:0x', not a time",
        ),
        (f"<a>{PERIOD.format(3, 4)}</a>", "it has no pass"),
        (f"<a>{PERIOD.format(3, 4)}<pass>UPWARDS</pass></a>", "pass is 'UPWARDS'"),
    ],
)
def test_a_manifest_that_says_nothing_is_an_error(tmp_path, text, message):
    product = write_product(tmp_path)
    (product / "manifest.safe").write_text(text)
    with pytest.raises(ProductError, match=rf"manifest\.safe: {message}"):
        read_product(product)


@pytest.mark.parametrize("coordinates", ["1,2 3,4", "1,2 3,x 5,6", "1,2,3 4,5,6", "95,0 0,9 8,8",
                                         "0,0 1,1 0,1 1,0", "nan,0 0,9 8,8"])  # fmt: skip
def test_a_footprint_that_is_no_polygon_is_an_error(tmp_path, coordinates):
    product = write_product(tmp_path, coordinates=coordinates)
    with pytest.raises(ProductError, match="manifest"):
        read_product(product)


def test_a_footprint_over_the_antimeridian_is_cut_there():
    shape = footprint(((179, 65), (-178, 64.5), (-177, 66), (180, 66.4)))
    assert shape.covers(Point(179.5, 65.5))
    assert shape.covers(Point(-178.5, 65.5))
    assert not shape.covers(Point(0, 65.5))
    assert shape.area < 10


def test_products_are_found_in_time_wherever_they_lie(tmp_path):
    later = NAME.replace("20180103", "20180115").replace("019994", "020169")
    write_product(tmp_path / later, name=later)
    archive = packed(write_product(tmp_path / "x"), tmp_path / f"{NAME}.zip")
    shutil.rmtree(tmp_path / "x")
    next_one = NAME.replace("T055121", "T055146").replace("T055146_0", "T055211_0")
    write_product(tmp_path / "sub", name=next_one)
    (tmp_path / NAME.replace("GRDH", "SLC_").replace("IW", "IW", 1)).mkdir()
    (tmp_path / f"{NAME}.tar").write_text("")
    (tmp_path / "notes.txt").write_text("")
    found = find_products(tmp_path)
    assert [one.product for one in found.products] == [
        archive,
        next((tmp_path / "sub").iterdir()),
        tmp_path / later / f"{later}.SAFE",
    ]
    assert found.broken == []
    (notice,) = found.notices
    assert "SLC_" in notice
    assert f"{NAME}.tar" in notice
    assert "notes" not in notice


def test_of_one_acquisition_the_newest_processor_counts(tmp_path):
    old = write_product(tmp_path, ipf="002.84")
    new = write_product(tmp_path, name=f"{NAME[:-4]}0000".replace("5121", "5120"), ipf="003.71")
    packed(new, tmp_path / f"{new.stem}.zip")
    found = find_products(tmp_path)
    assert [one.product for one in found.products] == [new]
    assert len(found.notices) == 2
    assert any(old.name in notice for notice in found.notices)


def test_a_broken_product_hides_no_other(tmp_path):
    good = write_product(tmp_path)
    bad = write_product(tmp_path, name=NAME.replace("20180103", "20180115"))
    (bad / "manifest.safe").unlink()
    (tmp_path / f"{NAME.replace('20180103', '20180127')}.zip").write_bytes(b"PK cut")
    found = find_products(tmp_path)
    assert [one.product for one in found.products] == [good]
    assert [one.product.name[17:25] for one in found.broken] == ["20180115", "20180127"]
    assert "manifest.safe" in found.broken[0].reason
    assert "download it again" in found.broken[1].reason


def test_a_folder_without_products_is_an_error(tmp_path):
    with pytest.raises(MissingInputError, match="no such folder"):
        find_products(tmp_path / "none")
    with pytest.raises(MissingInputError, match="no Sentinel-1 IW GRDH product"):
        find_products(tmp_path)
    (tmp_path / NAME.replace("IW", "EW")).mkdir()
    with pytest.raises(MissingInputError, match=r"it has S1A_EW"):
        find_products(tmp_path)


def test_the_manifest_of_a_real_product(real_sentinel1):
    (safe,) = real_sentinel1.glob("*.SAFE")
    product = read_product(safe, ["vv"])
    assert (product.mission, product.orbit_pass) == ("S1B", "DESCENDING")
    assert product.relative_orbit == parse_product_name(safe).relative_orbit == 22
    assert product.ipf_version == (3, 40)
    assert product.footprint.covers(Point(12.5, 41.9))  # Rome
    assert 12 < product.footprint.bounds[2] - product.footprint.bounds[0] + 9 < 13
    root = read_metadata(safe, product.channels["vv"].calibration)
    assert str(root.time("adsHeader/startTime")).endswith(".594441")
    with pytest.raises(ProductError, match="no file is called measurement"):
        read_product(safe)
