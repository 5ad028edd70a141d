"""Waiting for what another machine wrote."""

import time
from pathlib import Path

import pytest

from sitsflow.io import shared_folder
from sitsflow.io.shared_folder import wait_while


def test_what_is_there_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "sleep")
    said: list[str] = []
    assert wait_while(lambda: "", said.append) == ""
    assert not said


def test_what_comes_late_is_waited_for_and_both_are_said(tmp_path: Path) -> None:
    path, looks, said = tmp_path / "late", iter(range(9)), list[str]()

    def lacking() -> str:
        if next(looks) == 2:
            path.touch()
        return "" if path.exists() else f"{path} is not there"

    assert wait_while(lacking, said.append) == ""
    assert len(said) == 2
    assert said[0].endswith(f"up to 90 s: {path} is not there")
    assert said[1].startswith("all is there after 0.")


def test_what_does_not_come_is_named_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_folder, "WAIT_SECONDS", 0.1)
    began = time.monotonic()
    lack = wait_while(lambda: "/shared/file is not there")
    assert lack == "/shared/file is not there"
    assert time.monotonic() - began < 30
