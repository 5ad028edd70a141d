"""docs/sentinel-1.md: its configurations are read, and its function computes."""

import ast
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from blocks.overrides import apply_overrides
from blocks.radar_ini import read_radar_ini
from blocks.resolve import resolve
from sitsflow.radar.multitemporal_filter import filtered_looks
from tests.test_examples import DOCS, blocks_of

PAGE = DOCS / "sentinel-1.md"
NAMES = ("S1", "SRTM", "references", "copernicus_30m", "egm96.grd", "us_nga_egm08_25.tif")


def here(text: str, folder: Path) -> str:
    """Make the folders and files that a configuration names, and name them."""
    for name in NAMES:
        if "." in name:
            (folder / name).touch()
        else:
            (folder / name).mkdir(exist_ok=True)
    return text.replace("/data", str(folder))


def test_its_section_is_read(tmp_path: Path) -> None:
    (text,) = blocks_of(PAGE, "yaml")
    given = apply_overrides(yaml.safe_load(here(text, tmp_path)), [])
    (sensor,) = resolve(given, tmp_path).request().sensors
    assert sensor.radar is not None
    assert sensor.radar.dem == (tmp_path / "copernicus_30m",)
    assert sensor.radar.expressions == ("vh/vv",)


def test_its_ini_file_is_read(tmp_path: Path) -> None:
    (text,) = blocks_of(PAGE, "ini")
    (tmp_path / "s1.ini").write_text(here(text, tmp_path))
    found = read_radar_ini(tmp_path / "s1.ini")
    assert found.notices == ()
    assert found.settings.references == tmp_path / "references"
    assert found.settings.expressions == ("vh/vv",)


def test_its_function_computes() -> None:
    (text,) = blocks_of(PAGE, "python")
    names = {"np": np}
    exec(compile(ast.parse(text), str(PAGE), "exec"), names)
    power = {"VV": np.full((2, 3, 4), 0.1), "VH": np.full((2, 3, 4), 0.02)}
    seen = SimpleNamespace(
        get_interpolated_Sentinel1_VV_DES=lambda: power["VV"],
        get_interpolated_Sentinel1_VH_DES=lambda: power["VH"],
    )
    values, labels = names["vh_over_vv"](seen)
    assert values == pytest.approx(np.full((2, 3), -6.99), abs=0.001)
    assert labels == ["vh_over_vv"]


def test_its_numbers_of_looks_are_right() -> None:
    assert "4.4 become 32 with ten dates and 5 x 5 pixels" in " ".join(PAGE.read_text().split())
    assert filtered_looks(4.4, 10, 2) == pytest.approx(32, abs=0.5)
