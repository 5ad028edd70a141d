from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from blocks.cfg import parse_cfg
from blocks.files import parse_yaml, read_config
from blocks.resolve import resolve
from sitsflow.errors import ConfigError
from sitsflow.request import Request
from tests.blocks.conftest import TUTORIAL, TUTORIAL_YAML


def request_of(path: Path, text: str) -> Request:
    path.write_text(text.replace("/XXXX", str(path.parent)))
    return resolve(read_config(path), path.parent).request()


LAUGHS = "a: &a [" + "x, " * 10 + "]\n"
"""Each line holds the one before ten times."""
for _before, _name in pairwise("abcdefghij"):
    LAUGHS += f"{_name}: &{_name} [" + f"*{_before}, " * 10 + "]\n"


def test_both_syntaxes_of_the_tutorial_ask_for_the_same(tmp_path: Path) -> None:
    (tmp_path / "IOTA2_TEST_S2/sensor_data/T31TCJ").mkdir(parents=True)
    one = request_of(tmp_path / "tutorial.cfg", TUTORIAL)
    assert one == request_of(tmp_path / "tutorial.yaml", TUTORIAL_YAML)
    assert one == request_of(tmp_path / "tutorial", TUTORIAL)
    assert one == request_of(tmp_path / "tutorial.conf", TUTORIAL)
    assert one == request_of(tmp_path / "misnamed.cfg", TUTORIAL_YAML)
    assert one == request_of(tmp_path / "misnamed.yaml", TUTORIAL)
    assert one.model_dump(mode="json", exclude_defaults=True) == {
        "output_path": f"{tmp_path}/output_path_features",
        "tiles": ["T31TCJ"],
        "sensors": [
            {
                "sensor": "Sentinel_2",
                "root": f"{tmp_path}/IOTA2_TEST_S2/sensor_data",
                "start": "2018-01-01",
                "end": "2018-12-31",
                "temporal_resolution": 10,
            }
        ],
        "crs": "EPSG:2154",
        "resolution": [10.0, 10.0],
        "auto_date": False,
        "functions": [
            {"name": "get_cumulative_productivity"},
            {"name": "get_minimum_productivity"},
            {"name": "get_seasonal_variation"},
        ],
        "concat_mode": False,
        "chunking": {"mode": "split_number", "number": 25},
        "maximum_ram": 180.0,
    }


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a : { b : 1\n c : 'x' }", {"b": 1, "c": "x"}),
        # As iota2's tutorial prints dates: two entries on a line with nothing between them.
        ("a : { b : '20180101'  c : '20181231' }", {"b": "20180101", "c": "20181231"}),
        ("a : { b : 1, c : 'x', }", {"b": 1, "c": "x"}),
        ("a :\n{\n  b : 1 # one\n  # all of it\n  c : 'x'\n}\n", {"b": 1, "c": "x"}),
        ("a : { b : -2.5e-3 c : - 4 d : +1 }", {"b": -0.0025, "c": -4, "d": 1}),
        ("a : { b : True c : false d : None }", {"b": True, "c": False, "d": None}),
        (
            "a : { b : ['x', 'y'\n 'z'] c : [[1, 2], []] }",
            {"b": ["x", "y", "z"], "c": [[1, 2], []]},
        ),
        ("a : { b : { 'c' : { d : 1 } } }", {"b": {"c": {"d": 1}}}),
        ("'a' : { 'b' : 0.5 }", {"b": 0.5}),
        ("a = { b = 1 }", {"b": 1}),
        ("a : { }", {}),
    ],
)
def test_what_iota2s_syntax_says(text: str, values: dict[str, object]) -> None:
    assert parse_cfg(text) == {"a": values}


@pytest.mark.parametrize("day", ["20180101", "2018-01-01", "'20180101'", "'2018-01-01'"])
def test_dates_in_yaml(day: str, raw: dict[str, Any], folder: Path) -> None:
    raw["Sentinel_2"] = parse_yaml(f"start_date: {day}\nend_date: 20181231")
    raw["sensors_data_interpolation"] = {"auto_date": False}
    assert str(resolve(raw, folder).request().sensors[0].start) == "2018-01-01"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a : {\n  b : 1\n", "line 3, column 1", "end of the file"),
        ("a : {\n  b ; 1\n}", "line 2, column 5", "b ; 1"),
        ("a : {\n  b : foo\n}", "line 2, column 7", "put text in quotes"),
        ("a : {\n  b : 'foo\n}", "line 2, column 7", "Unterminated"),
        ("a : {\n  b : 1\n  b : 2\n}", "line 3, column 3", "given twice"),
        ("a : { b : 1 } }", "line 1, column 15", "'}'"),
        ("a : { b : ${a.c} }", "line 1, column 13", "references"),
        ("a : { b : 1 + 2 }", "line 1, column 11", "sums"),
        ("a : { b : [1, 2 }", "line 1, column 17", "]"),
    ],
)
def test_a_mistake_in_iota2s_syntax_is_located(text: str, place: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cfg(text, "my.cfg")
    (fault,) = caught.value.faults
    assert fault.place == place
    assert words in fault.message
    assert "my.cfg" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a:\n  b: [1, 2\nc: 3\n", "line 3, column 2", "c: 3"),
        ("a:\n  b: 1\n  b: 2\n", "line 3, column 3", "given twice"),
        ("a: !!timestamp noon\n", "line 1, column 4", "not a date"),
        ("a: !!set b\n", "line 1, column 4", "not a mapping"),
        ("a: !!int ''\n", "line 1, column 4", "not a value that can be read"),
        ("a\n", "file", "no sections"),
        ("", "file", "no sections"),
        ("a:\n  b: 2018-02-30\n", "line 2, column 6", "day is out of range"),
        ("a:\n  b: 010\n", "line 2, column 6", "octal"),
        ("a:\n  b: 1:30:00\n", "line 2, column 6", "base 60"),
        ("a:\n  b: 1:30.5\n", "line 2, column 6", "base 60"),
        ("a:\n  ? [1, 2]\n  : 3\n", "line 2, column 5", "must be a word"),
        ("a:\n  b: !!float x\n", "line 2, column 6", "could not convert"),
        ("a:\n  b: " + "9" * 5000, "line 2, column 6", "4300 digits"),
        ("a: " + "[" * 3000 + "]" * 3000, "line 1, column 53", "more than 50 deep"),
        ("a: &a [*a]", "line 1, column 8", "holds itself"),
        (LAUGHS, "line 5, column 4", "more than 100,000 values"),
        ("a: !!python/name:os.system x", "line 1, column 4", "python/name"),
    ],
)
def test_a_mistake_in_yaml_is_located(text: str, place: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text)
    (fault,) = caught.value.faults
    assert fault.place == place
    assert words in fault.message


def test_a_file_is_told_in_the_terms_of_its_own_syntax(tmp_path: Path) -> None:
    path = tmp_path / "bad.cfg"
    path.write_text("a : { b ; 1 }")
    with pytest.raises(ConfigError, match="line 1, column 9"):
        read_config(path)
    path = tmp_path / "bad.yaml"
    path.write_text("a:\n  b: {c\n")
    with pytest.raises(ConfigError, match=r"expected ',' or '}'"):
        read_config(path)


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_config(tmp_path / "none.cfg")
    with pytest.raises(ConfigError, match="directory"):
        read_config(tmp_path)
    (tmp_path / "latin.cfg").write_bytes(b"chain : { output_path : '/donn\xe9es' }")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_config(tmp_path / "latin.cfg")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "windows.cfg"
    path.write_bytes(b"\xef\xbb\xbfa :\r\n{\r\n  b : 1\r\n  c : 2\r\n}\r\n")
    assert read_config(path) == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize(
    ("path", "words"),
    [("/a\\0b", "NUL"), ("/a\\ud800b", "UTF-8"), ("/" + "a" * 300, "a name of 300 bytes")],
)
def test_a_path_that_no_file_can_have(tmp_path: Path, path: str, words: str) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(f'chain:\n  area_of_interest: "{path}"\n')
    with pytest.raises(ConfigError) as caught:
        resolve(read_config(file), tmp_path)
    messages = [one.message for one in caught.value.faults if "area" in one.place]
    assert [words in message for message in messages] == [True]


def test_a_value_of_thousands_of_characters_is_not_shown_whole() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cfg("a : { b : " + "9" * 5000 + " }")
    assert len(str(caught.value)) < 1000
