from pathlib import Path

import pytest
import yaml

from blocks.sensor_table import BEGIN, END, main, render, with_table
from sitsflow.errors import SensorFileError
from sitsflow.products.sensors import load_sensors
from sitsflow.products.sensors.model import read_sensor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sensors.md"


def test_the_table_is_current() -> None:
    assert main(["--check", str(PAGE)]) == 0


def test_every_sensor_has_a_row_with_all_that_matters() -> None:
    _, _, *rows = render().splitlines()
    sensors = load_sensors()
    assert {row.split("`")[1] for row in rows} == set(sensors)
    assert all(row.count("|") == 9 for row in rows)
    for row in rows:
        sensor = sensors[row.split("`")[1]]
        assert sensor.example is not None
        for text in (sensor.path_key, sensor.label, sensor.example, *sensor.band_names):
            assert text in row
    words = "\n".join(rows)
    for text in (
        "`DIV` has bit 0; `NUA` is not 0",
        "`QA_PIXEL` has any of bits 0 to 4",
        "`SCL_20m` is one of 0, 1, 3, 8, 9, 10",
        "reflectance x 10000 = number x 0.275 - 2000",
        "kelvin = number x 0.00341802 + 149",
        "B2 B3 B4 B8 (10 m), B5 B6 B7 B8A B11 B12 (20 m)",
    ):
        assert text in words


def test_a_stale_table_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "sensors.md"
    page.write_text(f"before\n{BEGIN}\n| old |\n{END}\nafter\n")
    assert main(["--check", str(page)]) == 1
    assert "make docs" in capsys.readouterr().err
    assert main([str(page)]) == 0
    assert main(["--check", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "| old |" not in text
    assert main([]) == 2


def test_a_page_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no lines"):
        with_table("no table\n")


def test_an_example_must_be_named_like_a_product(tmp_path: Path) -> None:
    fields = load_sensors()["Landsat8"].model_dump(mode="json", exclude_defaults=True)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields | {"example": "LANDSAT5_20100101"}))
    with pytest.raises(SensorFileError, match="LANDSAT5_20100101 is not named like a product"):
        read_sensor(tmp_path / "mine.yaml")
