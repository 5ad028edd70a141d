from pathlib import Path

import pytest

from blocks.names import SECTIONS
from blocks.reference import main, render

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def test_the_reference_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render()


def test_every_key_is_in_the_reference() -> None:
    text = render()
    for model in SECTIONS.values():
        for key in model.model_fields:
            assert f"`{key}`" in text or f".{key}`" in text


def test_a_stale_reference_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "docs" / "configuration.md"
    assert main(["--check", str(path)]) == 1
    assert "make docs" in capsys.readouterr().err
    assert main([str(path)]) == 0
    assert main(["--check", str(path)]) == 0
    path.write_text(path.read_text() + "more\n")
    assert main(["--check", str(path)]) == 1
    assert main([]) == 2
