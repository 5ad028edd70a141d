"""Configurations saved on a server: `sitsflow config`, and runs that start from them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.cluster import DaskCluster
from blocks.files import read_config
from deployments.register import register
from flows import server
from flows.cli import saved
from flows.cli.load import load
from flows.cli.saved_cluster import find_cluster
from sitsflow.errors import ClusterError
from tests.flows.conftest import copy_database, prefect_home
from tests.flows.test_cli import run

pytestmark = pytest.mark.engine


@pytest.fixture
def here(engine: dict[str, str]) -> Iterator[None]:
    """The tests' server as the one that is configured, for this process."""
    with server.use(engine["PREFECT_API_URL"]):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_a_configuration_is_saved_shown_exported_and_deleted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    monkeypatch.chdir(config.parent)
    change = ["--set", "external_features.module=functions.py"]
    assert run(monkeypatch, "config", "save", "two-tiles", "tutorial.cfg", *change) == 0
    capsys.readouterr()

    assert run(monkeypatch, "config", "list") == 0
    assert f"two-tiles  T31TCJ T31TDJ  {config.parent / 'out'}" in capsys.readouterr().out

    assert run(monkeypatch, "config", "show", "two-tiles") == 0
    shown = capsys.readouterr().out
    assert f"module: {config.parent / 'functions.py'}" in shown, "paths are absolute"

    (config.parent / "shown.yaml").write_text(shown)
    wanted = load(str(config)).request()
    for name in ("shown.yaml", "mine.cfg", "mine.yaml"):
        if name != "shown.yaml":
            assert run(monkeypatch, "config", "export", "two-tiles", name) == 0
        assert load(name).request() == wanted
    assert read_config(Path("mine.yaml")) == read_config(Path("shown.yaml"))
    assert "{" in Path("mine.cfg").read_text()
    assert load("block:two-tiles", ["chain.spatial_resolution=20"]).request().resolution == (20, 20)

    assert run(monkeypatch, "config", "export", "two-tiles", "mine.cfg") == 2
    assert "mine.cfg exists; --force replaces it" in capsys.readouterr().err
    assert run(monkeypatch, "config", "save", "two-tiles", "tutorial.cfg") == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert run(monkeypatch, "config", "save", "two-tiles", "tutorial.cfg", "--force") == 0

    for command in (["show"], ["delete"], ["export", "x.cfg"]):
        verb, *file = command
        assert run(monkeypatch, "config", verb, "two-tile", *file) == 2
        assert "did you mean 'two-tiles'?" in capsys.readouterr().err
    assert run(monkeypatch, "config", "save", "Two_Tiles", "tutorial.cfg") == 2
    assert "lower-case letters" in capsys.readouterr().err
    wrong = ["--set", "chain.list_tiles=T31TCJ"]
    assert run(monkeypatch, "config", "save", "other", "tutorial.cfg", *wrong) == 2
    assert "chain.list_tiles" in capsys.readouterr().err

    assert run(monkeypatch, "config", "delete", "two-tiles") == 0
    assert "two-tiles" not in saved.names()


@pytest.mark.slow
def test_looking_leaves_no_server_behind(
    engine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prefect_home(copy_database(engine, tmp_path / "home")):
        assert run(monkeypatch, "config", "list") == 0
        assert server.running_server() is None


@pytest.mark.usefixtures("here")
def test_registering_twice_changes_nothing() -> None:
    first = register({"step:mosaic": 2})
    assert register({"step:mosaic": 2}) == first
    assert "work pool sitsflow" in first


@pytest.mark.usefixtures("here")
def test_a_cluster_is_found_by_address_or_name() -> None:
    assert find_cluster("tcp://10.0.0.1:8786").address == "tcp://10.0.0.1:8786"
    with pytest.raises(ClusterError, match=r"'big'.*there is none"):
        find_cluster("big")
    DaskCluster(n_workers=3, memory_gb=12).save("large")
    found = find_cluster("large")
    assert (found.n_workers, found.memory_gb) == (3, 12)
    with pytest.raises(ClusterError, match=r"'big'.*there is large"):
        find_cluster("big")
