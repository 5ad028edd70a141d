from pathlib import Path

import pytest

from blocks.names import SECTIONS
from blocks.radar_ini import read_radar_ini
from sitsflow.errors import ConfigError

FILE = """[Paths]
Output = /somewhere/else
S1Images = products
SRTM: {folder}/srtm
geoidfile = egm96.grd

[Processing]
ManyProjection = True
FilteringMode = mono
TemporalResolution = 12
BorderThreshold = 0.002
RAMPerProcess = 1000
gapFilling_interpolation = Spline

[Filtering]
Window_radius = 3

[Features]
expression = (vv+vh)/2, max(vv, vh)
"""


@pytest.fixture
def ini(tmp_path):
    for name in ("products", "srtm"):
        (tmp_path / name).mkdir()
    (tmp_path / "egm96.grd").write_text("")

    def write(text: str) -> Path:
        path = tmp_path / "s1.cfg"
        path.write_text(text.format(folder=tmp_path))
        return path

    return write


def faults_of(path: Path) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read_radar_ini(path)
    assert str(path) in str(caught.value)
    return {fault.place: fault.message for fault in caught.value.faults}


def test_a_whole_file(ini, tmp_path):
    found = read_radar_ini(ini(FILE))
    settings = found.settings
    assert settings.products == tmp_path / "products"
    assert settings.dem == (tmp_path / "srtm",)
    assert settings.geoid == tmp_path / "egm96.grd"
    assert settings.temporal_resolution == 12
    assert settings.border_threshold == 0.002
    assert settings.interpolation == "spline"
    assert settings.window_radius == 3
    assert settings.expressions == ("(vv+vh)/2", "max(vv, vh)")
    # What iota2's file does not say.
    assert settings.calibration == "gamma0"
    assert settings.thermal_noise
    assert settings.speckle_filter == "quegan"
    assert settings.polarisations == ("vv", "vh")
    assert settings.orbits == ("des", "asc")
    (notice,) = found.notices
    for place in ("Paths.Output", "Processing.FilteringMode", "Processing.RAMPerProcess"):
        assert place in notice
    assert "TemporalResolution" not in notice
    assert "task_retry_limits.maximum_ram" in notice
    assert "maximum_ram" in SECTIONS["task_retry_limits"].model_fields


def test_what_is_not_given_has_its_default(ini):
    found = read_radar_ini(
        ini("[Paths]\nS1Images=products\nSRTM=srtm\nGeoidFile=None\n[Features]\nexpression=None")
    )
    assert found.settings.geoid is None
    assert found.settings.expressions == ()
    assert found.settings.temporal_resolution == 10
    assert found.settings.interpolation == "linear"
    assert found.notices == ()


def test_all_faults_are_found_at_once(ini):
    found = faults_of(
        ini("""[Paths]
S1Images = gone
GeoidFile = egm08.grd
SRTN = srtm
[Processing]
TemporalResolution = often
BorderThreshold = -1
gapFilling_interpolation = cubic
Sandbox = 1
[Filter]
Window_radius = 2
[Filtering]
window_radius = 0
""")
    )
    assert list(found)[:3] == ["Paths.srtn", "Processing.sandbox", "Filter"]
    assert set(found) == {
        "Paths.srtn", "Processing.sandbox", "Filter", "Paths.S1Images", "Paths.SRTM",
        "Paths.GeoidFile", "Processing.TemporalResolution", "Processing.BorderThreshold",
        "Processing.gapFilling_interpolation", "Filtering.Window_radius",
    }  # fmt: skip
    assert "did you mean 'SRTM'?" in found["Paths.srtn"]
    assert "did you mean 'Filtering'?" in found["Filter"]
    assert found["Processing.sandbox"] == "no such key"
    assert "no folder" in found["Paths.S1Images"]
    assert "/gone'" in found["Paths.S1Images"]
    assert found["Paths.SRTM"] == "mandatory, but not given"
    assert "no file" in found["Paths.GeoidFile"]
    assert "(given: 'often')" in found["Processing.TemporalResolution"]
    assert "greater than 0 (given: '-1')" in found["Processing.BorderThreshold"]
    assert "'linear' or 'spline'" in found["Processing.gapFilling_interpolation"]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("S1Images = x", "syntax", "line: 1"),
        ("[Paths]\nS1Images = x\nS1Images = y", "syntax", "already exists"),
        ("[Paths]\nS1Images", "syntax", "s1.cfg"),
        ("[Paths]\nS1Images = %(home)s/x", "Paths.S1Images", "home"),
        ("[Paths]\nS1Images = https://x.org/y", "Paths.S1Images", "not a path of a file"),
    ],
)
def test_what_cannot_be_understood_says_where(ini, text, place, message):
    found = faults_of(ini(text))
    assert message in found[place]
    assert "not given" not in found[place]


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    assert faults_of(tmp_path / "none.cfg") == {"file": "No such file or directory"}
    (tmp_path / "s1.cfg").write_bytes(b"\xff\xfe\x00")
    assert faults_of(tmp_path / "s1.cfg") == {"file": "not text in UTF-8"}


def test_keys_may_refer_to_others_as_configparser_lets_them(ini, tmp_path):
    text = "[DEFAULT]\nroot = {folder}\n[Paths]\nS1Images = %(root)s/products\n"
    found = read_radar_ini(ini(text + "SRTM = %(root)s/srtm\nGeoidFile = None\n"))
    assert found.settings.products == tmp_path / "products"
