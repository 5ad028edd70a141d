from pathlib import Path

import pytest

from sitsflow.io.record import TaskRecord, is_current, lack_of, load_record, save_record


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    output = tmp_path / "final" / "map.tif"
    output.parent.mkdir()
    output.write_bytes(b"pixels")
    record = TaskRecord(
        task="mosaic", outputs=(output,), fingerprint="abc", seconds=1.5, nan_counts={"x": 2}
    )
    path = tmp_path / "records" / "mosaic.json"
    save_record(path, record, tmp_path)
    return path


def test_a_record_comes_back_as_it_was(kept: Path, tmp_path: Path) -> None:
    record = load_record(kept, tmp_path)
    assert record is not None
    assert record.outputs == (tmp_path / "final" / "map.tif",)
    assert (record.fingerprint, record.seconds, record.nan_counts) == ("abc", 1.5, {"x": 2})
    assert is_current(kept, "abc", tmp_path)


def test_another_fingerprint_is_not_current(kept: Path, tmp_path: Path) -> None:
    assert not is_current(kept, "abd", tmp_path)


def test_an_output_that_is_gone_or_changed_is_not_current(kept: Path, tmp_path: Path) -> None:
    output = tmp_path / "final" / "map.tif"
    output.write_bytes(b"pixel")
    assert not is_current(kept, "abc", tmp_path)
    output.unlink()
    assert not is_current(kept, "abc", tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"record": {}}'])
def test_a_damaged_record_counts_as_none(kept: Path, tmp_path: Path, text: str) -> None:
    kept.write_text(text)
    assert load_record(kept, tmp_path) is None
    assert not is_current(kept, "abc", tmp_path)


def test_a_record_moves_with_its_folder(kept: Path, tmp_path: Path) -> None:
    moved = tmp_path.with_name(tmp_path.name + "_moved")
    tmp_path.rename(moved)
    assert is_current(moved / kept.relative_to(tmp_path), "abc", moved)
    moved.rename(tmp_path)


def test_a_missing_output_is_not_recorded(tmp_path: Path) -> None:
    record = TaskRecord(task="mosaic", outputs=(tmp_path / "none.tif",))
    with pytest.raises(FileNotFoundError):
        save_record(tmp_path / "record.json", record, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_lacking_is_named(kept: Path, tmp_path: Path) -> None:
    output = tmp_path / "final" / "map.tif"
    assert lack_of(kept, "abc", tmp_path) == ""
    assert lack_of(kept, "abd", tmp_path) == f"{kept} is of an earlier run"
    output.write_bytes(b"pixel")
    assert lack_of(kept, "abc", tmp_path) == f"{output} has 5 bytes, and had 6 when it was written"
    output.unlink()
    assert lack_of(kept, "abc", tmp_path) == f"{output} is not there"
    kept.unlink()
    assert lack_of(kept, "abc", tmp_path) == f"{kept} is not there"
