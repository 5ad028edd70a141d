"""Sentinel-1 in a configuration: its section, iota2's INI file, and both."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from blocks.allowed import DATA_ROOTS, Allowed
from blocks.cfg import parse_cfg
from blocks.cluster import DaskCluster
from blocks.files import parse_yaml, write_cfg, write_yaml
from blocks.resolve import ResolvedConfig, resolve
from blocks.run_form import RunForm
from sitsflow.errors import ConfigError, NotAllowedError
from sitsflow.radar_settings import RadarSettings

Raw = dict[str, Any]

INI = """[Paths]
S1Images = {folder}/s1
SRTM = {folder}/srtm
GeoidFile = {folder}/egm96.tif
[Processing]
ReferencesFolder = {folder}/s2
RasterPattern = STACK
TemporalResolution = 12
OutputSpatialResolution = 10
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    for name in ("s1", "srtm"):
        (folder / name).mkdir()
    (folder / "egm96.tif").write_bytes(b"")
    (folder / "dem.tif").write_bytes(b"")
    (folder / "s1.cfg").write_text(INI.format(folder=folder))
    return folder


def alone(section: Raw | None = None, **chain: Any) -> Raw:
    keys = {"output_path": "out", "list_tile": "T31TCJ", "s1_path": "s1"}
    return {
        "chain": keys | chain,
        "Sentinel_1": {"dem": "srtm"} if section is None else section,
        "external_features": {"functions": "get_raw_s1"},
    }


def settings_of(found: ResolvedConfig) -> RadarSettings:
    (one,) = found.request().sensors
    assert one.radar is not None
    return one.radar


def faults_of(raw: Raw, folder: Path) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        resolve(raw, folder, "my.cfg")
    found: dict[str, str] = {}
    for fault in caught.value.faults:
        found[fault.place] = f"{found.get(fault.place, '')}{fault.message}; "
    return found


def test_a_folder_alone_has_the_defaults(folder: Path) -> None:
    found = resolve(alone(), folder)
    (one,) = found.request().sensors
    assert (one.sensor, one.root, one.temporal_resolution) == ("Sentinel_1", folder / "s1", 10)
    assert (one.start, one.end, one.additional_features, one.keep_bands) == (None, None, (), None)
    assert one.radar == RadarSettings(products=folder / "s1", dem=(folder / "srtm",))
    assert found.warnings == ()


def test_every_key_counts(folder: Path) -> None:
    given = {
        "polarisations": "VH, vv",
        "orbits": "ascending DES",
        "relative_orbits": "30 132",
        "separate_orbits": True,
        "references": "s2",
        "reference_pattern": "STACK",
        "calibration": "Sigma0",
        "thermal_noise": False,
        "border_threshold": 0.002,
        "speckle_filter": "refined_lee",
        "window_radius": 3,
        "dem": ["srtm", "dem.tif"],
        "geoid": "egm96.tif",
        "orbit_files": "s1",
        "terrain_flattening": True,
        "temporal_resolution": 6,
        "start_date": "20180110",
        "end_date": 20180210,
        "interpolation": "spline",
        "decibels": True,
        "expressions": "vh/vv, max(vv, vh)",
    }
    # Dates of radar count though those of other sensors are guessed.
    (one,) = resolve(alone(given), folder).request().sensors
    assert (one.start, one.end) == (date(2018, 1, 10), date(2018, 2, 10))
    assert one.temporal_resolution == 6
    assert one.radar == RadarSettings(
        products=folder / "s1", polarisations=("vh", "vv"), orbits=("asc", "des"),
        relative_orbits=(30, 132), separate_orbits=True, references=folder / "s2",
        reference_pattern="STACK", calibration="sigma0", thermal_noise=False,
        border_threshold=0.002, speckle_filter="refined_lee", window_radius=3,
        dem=(folder / "srtm", folder / "dem.tif"), geoid=folder / "egm96.tif",
        orbit_files=folder / "s1", terrain_flattening=True, temporal_resolution=6,
        interpolation="spline", decibels=True, expressions=("vh/vv", "max(vv, vh)"),
    )  # fmt: skip


def test_heights_may_be_said_to_be_above_the_ellipsoid(folder: Path) -> None:
    found = resolve(alone({"dem": "srtm", "ellipsoidal_heights": True}), folder)
    assert settings_of(found).ellipsoidal_heights
    messages = faults_of(alone({"ellipsoidal_heights": True}, s1_path="s1.cfg"), folder)
    assert "heights of a geoid are added" in messages["Sentinel_1.ellipsoidal_heights"]


def test_a_file_of_iota2_says_all_itself(folder: Path) -> None:
    found = resolve(alone({}, s1_path="s1.cfg"), folder)
    (one,) = found.request().sensors
    assert (one.root, one.temporal_resolution) == (folder / "s1", 12)
    assert one.radar == RadarSettings(
        products=folder / "s1", dem=(folder / "srtm",), geoid=folder / "egm96.tif",
        references=folder / "s2", reference_pattern="STACK", temporal_resolution=12,
    )  # fmt: skip
    (notice,) = found.notices
    assert "Processing.OutputSpatialResolution" in notice
    assert "ReferencesFolder" not in notice


def test_the_section_adds_to_the_file_and_does_not_contradict_it(folder: Path) -> None:
    more = {"orbits": ["des"], "start_date": "20180110", "temporal_resolution": 12}
    found = resolve(alone(more, s1_path="s1.cfg"), folder)
    assert settings_of(found).orbits == ("des",)
    assert found.request().sensors[0].start == date(2018, 1, 10)
    other = {"temporal_resolution": 6, "dem": "dem.tif", "constant_height": 3}
    messages = faults_of(alone(other, s1_path="s1.cfg"), folder)
    assert "s1.cfg says Processing.TemporalResolution" in messages["Sentinel_1.temporal_resolution"]
    assert "Paths.SRTM" in messages["Sentinel_1.dem"]
    assert "remove one of them" in messages["Sentinel_1.constant_height"]


def test_faults_of_the_file_stand_beside_those_of_the_configuration(folder: Path) -> None:
    (folder / "s1.cfg").write_text("[Paths]\nS1Images = gone\nSRTN = srtm\n[Processing]\nTile=1\n")
    raw = alone({"orbits": "north"}, s1_path="s1.cfg", proj="2154")
    messages = faults_of(raw, folder)
    assert {"chain.proj", "chain.s1_path", "Sentinel_1.orbits"} == set(messages)
    for part in ("s1.cfg: Paths.S1Images: no folder", "did you mean 'SRTM'", "Processing.tile"):
        assert part in messages["chain.s1_path"]


WRONG: dict[str, tuple[Raw, dict[str, str]]] = {
    "no heights": ({}, {"Sentinel_1.dem": "mandatory"}),
    "two kinds of heights": (
        {"dem": "srtm", "constant_height": 10},
        {"Sentinel_1.constant_height": "remove one of them"},
    ),
    "relief of flat land": (
        {
            "constant_height": 10, "terrain_flattening": True, "geoid": "egm96.tif",
            "ellipsoidal_heights": True,
        },
        {
            "Sentinel_1.ellipsoidal_heights": "needs an elevation model",
            "Sentinel_1.terrain_flattening": "needs an elevation model",
            "Sentinel_1.geoid": "needs an elevation model",
        },
    ),
    "files that are not there": (
        {"dem": ["srtm", "gone.tif"], "geoid": "none.tif", "references": "nowhere"},
        {
            "Sentinel_1.dem": "/gone.tif'",
            "Sentinel_1.geoid": "/none.tif'",
            "Sentinel_1.references": "/nowhere'",
        },
    ),
    "misspelt and misplaced keys": (
        {"dem": "srtm", "polarizations": "vv", "keep_bands": "vv"},
        {"Sentinel_1.polarizations": "'polarisations'", "Sentinel_1.keep_bands": "Sentinel_2"},
    ),
    "values that are none": (
        {
            "dem": "srtm", "polarisations": "vv xx", "orbits": [], "relative_orbits": [0, 44.5],
            "calibration": "delta0", "speckle_filter": "frost", "window_radius": 0,
            "border_threshold": 0, "interpolation": "cubic", "temporal_resolution": 0,
            "start_date": "2018", "decibels": "often", "constant_height": "high",
        },
        {
            f"Sentinel_1.{key}": "given"
            for key in (
                "polarisations", "orbits", "relative_orbits", "calibration", "speckle_filter",
                "window_radius", "border_threshold", "interpolation", "temporal_resolution",
                "start_date", "decibels", "constant_height",
            )
        },
    ),
    "what is given twice": (
        {"dem": "srtm", "polarisations": "vv vv", "orbits": "des des", "relative_orbits": [8, 8]},
        {
            "Sentinel_1.polarisations": "given twice: vv",
            "Sentinel_1.orbits": "given twice: des",
            "Sentinel_1.relative_orbits": "given twice: 8",
        },
    ),
    "polarisations of two modes": (
        {"dem": "srtm", "polarisations": "vv hh"},
        {"Sentinel_1.polarisations": "no product has both"},
    ),
    "a number that no orbit has": (
        {"dem": "srtm", "relative_orbits": 176},
        {"Sentinel_1.relative_orbits": "1 to 175, not 176"},
    ),
    "dates that run backwards": (
        {"dem": "srtm", "start_date": "20180201", "end_date": "20180131"},
        {"Sentinel_1.end_date": "before start_date"},
    ),
    "expressions of what is not there": (
        {"dem": "srtm", "polarisations": "vv", "expressions": "vh/vv, b1+1, vv+"},
        {"Sentinel_1.expressions": "no vh among the polarisations vv"},
    ),
    "a pattern without a folder": (
        {"dem": "srtm", "reference_pattern": "STACK"},
        {"Sentinel_1.reference_pattern": "needs a folder"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_all_at_once(name: str, folder: Path) -> None:
    section, expected = WRONG[name]
    messages = faults_of(alone(section), folder)
    assert set(messages) == set(expected)
    for place, part in expected.items():
        assert part in messages[place]


def test_every_wrong_expression_is_named(folder: Path) -> None:
    messages = faults_of(alone({"dem": "srtm", "expressions": "vh/hh, b1+vv, vv+"}), folder)
    for part in ("no hh among", "no b1; polarisations are vv, vh", "is not an expression"):
        assert part in messages["Sentinel_1.expressions"]


@pytest.mark.parametrize("off", [None, "None", ""])
def test_it_is_off_as_other_sensors_are(off: Any, folder: Path) -> None:
    assert "no sensor is in use" in faults_of(alone(s1_path=off), folder)["chain"]
    found = resolve(alone(s1_path=off, s2_path="s2"), folder)
    assert [one.sensor for one in found.request().sensors] == ["Sentinel_2"]
    assert "section Sentinel_1 is ignored: chain.s1_path is not set" in found.warnings


def test_neither_folder_nor_file(folder: Path) -> None:
    messages = faults_of(alone(s1_path="gone"), folder)
    assert "no folder of products and no INI file" in messages["chain.s1_path"]


def test_it_stands_before_sentinel_2_and_after_landsat(folder: Path) -> None:
    raw = alone(s2_path="s2", l8_path="l8", user_feat_path="s2")
    raw["sensors_data_interpolation"] = {"use_additional_features": True}
    raw["Sentinel_2"] = {"additional_features": "b1/b2"}
    sensors = resolve(raw, folder).request().sensors
    assert [one.sensor for one in sensors] == ["Landsat8", "Sentinel_1", "Sentinel_2", "userFeat"]
    # Rasters without dates may stand beside it alone: a reference or a name gives the grid.
    sensors = resolve(alone(user_feat_path="s2"), folder).request().sensors
    assert [one.sensor for one in sensors] == ["Sentinel_1", "userFeat"]


def test_dates_are_not_mandatory_where_those_of_others_are(folder: Path) -> None:
    raw = alone(s2_path="s2")
    raw["sensors_data_interpolation"] = {"auto_date": False}
    assert set(faults_of(raw, folder)) == {"Sentinel_2.start_date", "Sentinel_2.end_date"}


def test_dates_of_a_run_are_its_too(folder: Path) -> None:
    form = RunForm(config=None, first_date="2018-01-10", last_date="2018-03-01")
    raw = alone(s2_path="s2")
    found = resolve(raw, folder, overrides=form.changes(raw)).request()
    assert {(one.start, one.end) for one in found.sensors} == {
        (date(2018, 1, 10), date(2018, 3, 1))
    }


def test_the_output_folder_may_not_hold_what_is_read(folder: Path) -> None:
    messages = faults_of(alone(output_path=str(folder)), folder)
    assert {"chain.s1_path", "Sentinel_1.dem"} <= set(messages)
    inside = alone({}, s1_path="s1.cfg", output_path=str(folder / "s1"))
    assert "lies in output_path" in faults_of(inside, folder)["chain.s1_path"]


def test_it_is_the_same_after_a_file(folder: Path) -> None:
    raw = alone({"dem": ["srtm", "dem.tif"], "orbits": "des", "relative_orbits": [8]})
    found = resolve(raw, folder)
    for text in (write_cfg(found.configuration), write_yaml(found.configuration)):
        again = parse_cfg(text) if "{" in text else parse_yaml(text)
        assert resolve(again, folder).request() == found.request()


def refused(raw: Raw, data: Path) -> dict[str, str]:
    rules = Allowed.by_environment({DATA_ROOTS: str(data)})
    with pytest.raises(NotAllowedError) as caught:
        rules.check(raw, [], "config", DaskCluster())
    return {fault.place: fault.message for fault in caught.value.faults}


def whole(folder: Path, **changes: Any) -> Raw:
    raw = alone({"dem": str(folder / "srtm")}, output_path=str(folder / "out"))
    raw["chain"] |= {"s1_path": str(folder / "s1"), **changes}
    return raw


def test_deployments_read_it_from_allowed_folders_only(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}_outside"
    outside.mkdir()
    rules = Allowed.by_environment({DATA_ROOTS: str(folder)})
    rules.check(whole(folder), [], "config", DaskCluster())
    assert str(outside) in refused(whole(folder, s1_path=str(outside)), folder)["chain.s1_path"]
    (folder / "s1" / "link.SAFE").symlink_to(outside)
    assert "link.SAFE" in refused(whole(folder), folder)["chain.s1_path"]
    (folder / "s1" / "link.SAFE").unlink()
    (folder / "srtm" / "N43.tif").symlink_to(outside / "N43.tif")
    assert "N43.tif" in refused(whole(folder), folder)["Sentinel_1.dem"]


def test_what_an_ini_file_names_must_be_allowed_too(folder: Path, tmp_path: Path) -> None:
    ini = folder / "s1.cfg"
    rules = Allowed.by_environment({DATA_ROOTS: str(folder)})
    rules.check(whole(folder, s1_path=str(ini)), [], "config", DaskCluster())
    text = INI.format(folder=folder)
    for key, line in (
        ("Paths.S1Images", f"S1Images = {folder}/s1"),
        ("Paths.SRTM", f"SRTM = {folder}/srtm"),
        ("Paths.GeoidFile", f"GeoidFile = {folder}/egm96.tif"),
        ("Processing.ReferencesFolder", f"ReferencesFolder = {folder}/s2"),
    ):
        assert line in text
        ini.write_text(text.replace(line, f"{line.partition(' ')[0]} = /etc"))
        message = refused(whole(folder, s1_path=str(ini)), folder)["chain.s1_path"]
        assert f"{key}: '/etc' is outside" in message
    ini.write_text(text)
    (folder / "srtm" / "N43.tif").symlink_to("/etc/hosts")
    message = refused(whole(folder, s1_path=str(ini)), folder)["chain.s1_path"]
    assert "Paths.SRTM" in message
    assert "N43.tif" in message


def test_the_method_of_others_is_not_its_own(folder: Path) -> None:
    raw = alone() | {"sensors_data_interpolation": {"method": "whittaker"}}
    (warning,) = resolve(raw, folder).warnings
    assert "is not that of Sentinel-1, the only sensor in use: Sentinel_1.interpolation" in warning
    assert not resolve(alone(), folder).warnings
