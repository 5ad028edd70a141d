"""Whatever a file holds, reading it gives sections or named faults, and ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.cfg import parse_cfg
from blocks.files import parse_yaml, read_config
from sitsflow.errors import ConfigError
from tests.blocks.conftest import TUTORIAL, TUTORIAL_YAML

PIECES = (
    "{", "}", "[", "]", "(", ")", ":", "=", ",", "'", '"', "'''", '"""', "\\", "#", "@", "$", "${",
    "`", "|", ">", "?", "-", "--- ", "...", "&a ", "*a ", "<<: ", "!!python/object:os.system ",
    "!!set ", "!!binary ", "!!timestamp ", "%YAML 9", "%", "\n", "\n  ", "\r", "\t", " ", "\0",
    "\x85", "\u2028", "\ufeff", "é", "\U0001d4b3", "a", "b: ", "chain", "true", "None", "0", "-1",
    "010", "0x", "0o9", "1:30:00", "1e999", "1e", "1j", "_1", "9" * 5000, ".inf", "2018-02-30",
    "2018-13-01T99:00:00", "+", "**", "//", "\\x", "\\u12", "\\N{", "? [a]: b", "{{}: 1}", "[" * 40,
    "{a: " * 40,
)  # fmt: skip
"""What has a meaning in one syntax or the other, or nearly so."""

nonsense = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Return a configuration with pieces put in or cut out."""
    text = draw(st.sampled_from((TUTORIAL, TUTORIAL_YAML)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from((0, 0, 1, 5, 200))))
        text = text[:start] + draw(st.sampled_from(("", *PIECES))) + text[end:]
    return text


def answer(read: Callable[[Any], Any], text: Any) -> Any:
    """What reading gives: sections, or the error that names the faults."""
    try:
        return read(text)
    except ConfigError as error:
        return error


@pytest.mark.parametrize("read", [parse_cfg, parse_yaml])
@settings(max_examples=400)
@given(text=nonsense | letters | damaged())
def test_text_is_sections_or_a_fault(read: Callable[[str], Any], text: str) -> None:
    found = answer(read, text)
    if isinstance(found, ConfigError):
        assert found.faults
        assert all(fault.place and fault.message for fault in found.faults)
    else:
        assert all(isinstance(name, str) for name in dict(found))


@settings(max_examples=150)
@given(
    data=st.binary(max_size=60) | (nonsense | damaged()).map(str.encode),
    name=st.sampled_from(("junk.cfg", "junk.yaml", "junk")),
)
def test_bytes_of_a_file_are_sections_or_a_fault(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found = answer(read_config, path)
    assert isinstance(found, dict) or name in str(found)
