"""What a run of a deployment may name: the folders and clusters of the worker's environment."""

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from blocks.allowed import CLUSTERS, DATA_ROOTS, MODULE_PATHS, Allowed
from blocks.cluster import DaskCluster
from blocks.names import SECTIONS
from blocks.overrides import Override
from blocks.resolve import resolve
from blocks.section import NoEffect
from sitsflow.errors import ConfigError, NotAllowedError

HERE = DaskCluster()


@pytest.fixture
def raw(folder: Path) -> dict[str, dict[str, Any]]:
    """A configuration of whole paths, all in one folder."""
    return {
        "chain": {
            "output_path": str(folder / "out"),
            "list_tile": "T31TCJ",
            "s2_path": str(folder / "s2"),
            "sensor_folders": [str(folder / "sensors")],
            "venus_path": str(folder / "venus"),
            "area_of_interest": str(folder / "area.geojson"),
        },
        "external_features": {
            "functions": "f",
            "module": str(folder / "mine.py"),
            "exogeneous_data": str(folder / "exo_$TILE.tif"),
        },
    }


def allowed(modules: Path | None = None, data: Path | None = None, clusters: str = "") -> Allowed:
    given = {MODULE_PATHS: modules, DATA_ROOTS: data, CLUSTERS: clusters}
    return Allowed.by_environment({name: str(value) for name, value in given.items() if value})


def refused(
    rules: Allowed, raw: Mapping[str, Any], *overrides: Override, cluster: DaskCluster = HERE
) -> dict[str, str]:
    with pytest.raises(NotAllowedError) as caught:
        rules.check(raw, overrides, "config", cluster)
    return {fault.place: fault.message for fault in caught.value.faults}


def test_what_lies_in_the_allowed_folders_may_run(folder: Path, raw: dict[str, Any]) -> None:
    allowed(folder, folder).check(raw, [], "config", HERE)
    resolve(raw)


def test_without_a_word_of_the_operator_functions_are_the_built_in_ones(
    folder: Path, raw: dict[str, Any]
) -> None:
    for unset in ({}, {MODULE_PATHS: ""}):
        rules = Allowed.by_environment({DATA_ROOTS: str(folder), **unset})
        said = refused(rules, raw)
        assert list(said) == ["external_features.module"]
        assert MODULE_PATHS in said["external_features.module"]
        assert "(none is)" in said["external_features.module"]
    del raw["external_features"]["module"]
    rules.check(raw, [], "config", HERE)


def test_without_a_word_of_the_operator_data_lie_in_their_home(
    folder: Path, raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    allowed(folder).check(raw, [], "config", HERE)
    monkeypatch.setenv("HOME", str(folder / "s2"))
    assert "chain.output_path" in refused(allowed(folder), raw)
    monkeypatch.setenv("HOME", "/")  # of some users of services: not the whole disk
    assert "chain.output_path" in refused(allowed(folder), raw)


def test_a_path_counts_under_iota2s_names_of_2020_too(folder: Path, raw: dict[str, Any]) -> None:
    """They are read as those of today, so they must be looked at as those of today."""
    chain, external = raw["chain"], raw["external_features"]
    chain["S2Path"], chain["listTile"] = "/etc", chain.pop("list_tile")
    del chain["s2_path"]
    external["Module"] = "/etc/evil.py"
    del external["module"]
    said = refused(allowed(folder, folder), raw)
    assert {"chain.s2_path", "external_features.module"} <= set(said)
    (folder / "s2" / "T31TCJ").mkdir(parents=True, exist_ok=True)
    (folder / "s2" / "T31TCJ" / "product").symlink_to("/etc")
    chain["S2Path"] = str(folder / "s2")
    assert "leads to" in refused(allowed(folder, folder), raw)["chain.s2_path"]


def path_keys() -> list[tuple[str, str]]:
    """Every key whose schema or description says that it is a path, found without `allowed`."""
    return [
        (section, key)
        for section, model in SECTIONS.items()
        for key, field in model.model_fields.items()
        if "Path" in repr(field.annotation)
        and not any(isinstance(mark, NoEffect) for mark in field.metadata)
    ]


@pytest.mark.parametrize(("section", "key"), path_keys(), ids=".".join)
@pytest.mark.parametrize("given", ["/elsewhere/x", ["/elsewhere/x"], {"Venus": "/elsewhere/x"}])
def test_every_key_that_is_a_path_is_checked(
    folder: Path, raw: dict[str, Any], section: str, key: str, given: Any
) -> None:
    raw.setdefault(section, {})[key] = given
    assert list(refused(allowed(folder, folder), raw)) == [f"{section}.{key}"]


def test_the_root_of_a_sensor_that_a_folder_describes_is_checked(
    folder: Path, raw: dict[str, Any]
) -> None:
    raw["chain"]["venus_path"] = "/elsewhere"
    assert list(refused(allowed(folder, folder), raw)) == ["chain.venus_path"]


def test_one_error_lists_all_paths_and_where_each_was_given(
    folder: Path, raw: dict[str, Any]
) -> None:
    raw["chain"]["s2_path"] = "/archive"
    output = Override("chain.output_path", "/etc/map", "output_path", "the parameters of the run")
    cluster = DaskCluster(cluster_class="subprocess.Popen", cluster_kwargs={"args": "id"})
    with pytest.raises(NotAllowedError) as caught:
        allowed(None, folder).check(raw, [output], "the saved configuration x", cluster)
    text = str(caught.value)
    assert text.startswith("2 faults in the saved configuration x\n")
    assert "  chain.s2_path: '/archive' is outside the folders that SITSFLOW_DATA_ROOTS" in text
    assert "  external_features.module: " in text
    assert "2 faults in the parameters of the run\n" in text
    assert "  output_path: '/etc/map' is outside" in text
    assert "  cluster.cluster_class: 'subprocess.Popen' is none of those that SITSFLOW_" in text
    assert str(pickle.loads(pickle.dumps(caught.value))) == text


@pytest.mark.parametrize(
    "written",
    ["{0}/../else", "{0}/link", "{0}/link/deeper", "~root/x", "$ELSEWHERE/x", "{0}x", "{0}/loop"],
)
def test_ways_out_of_a_folder_are_none(
    tmp_path: Path, raw: dict[str, Any], written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELSEWHERE", "/elsewhere")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path)
    (tmp_path / "round").symlink_to(tmp_path / "loop")
    (tmp_path / "loop").symlink_to(tmp_path / "round")
    (inside / "loop").symlink_to(tmp_path / "loop")
    raw = {"chain": {"output_path": written.format(inside), "list_tile": "T31TCJ"}}
    assert list(refused(allowed(None, inside), raw)) == ["chain.output_path"]


def test_a_folder_that_is_a_link_allows_what_it_leads_to(
    tmp_path: Path, folder: Path, raw: dict[str, Any]
) -> None:
    (tmp_path / "data").symlink_to(folder)
    allowed(tmp_path / "data", tmp_path / "data").check(raw, [], "config", HERE)


def test_a_link_to_an_allowed_module_brings_no_modules_of_its_own_folder(
    tmp_path: Path, folder: Path, raw: dict[str, Any]
) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "good.py").touch()
    (tmp_path / "linked.py").symlink_to(modules / "good.py")
    raw["external_features"]["module"] = str(tmp_path / "linked.py")
    assert list(refused(allowed(modules, tmp_path), raw)) == ["external_features.module"]
    raw["external_features"]["module"] = str(modules / "good.py")
    allowed(modules, tmp_path).check(raw, [], "config", HERE)


@pytest.mark.parametrize("depth", ["tile", "product", "file"])
def test_products_that_are_links_out_are_named(
    tmp_path: Path, folder: Path, raw: dict[str, Any], depth: str
) -> None:
    inside = tmp_path / "inside"
    tile = inside / "T31TCJ"
    places = {"tile": tile, "product": tile / "P1", "file": tile / "P0" / "B4.tif"}
    places[depth].parent.mkdir(parents=True, exist_ok=True)
    places[depth].symlink_to(folder / "s2")
    raw = {"chain": {"output_path": str(inside / "out"), "list_tile": ["T31TCJ"]}}
    raw["chain"]["s2_path"] = str(inside)
    said = refused(allowed(None, inside), raw)["chain.s2_path"]
    assert f"{str(places[depth])!r}, which leads to {str(folder / 's2')!r}, is outside" in said


def test_of_many_links_some_are_named_and_the_others_counted(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (inside / "T31TCJ").mkdir(parents=True)
    for number in range(5):
        (inside / "T31TCJ" / f"P{number}").symlink_to("/etc")
    raw = {"chain": {"list_tile": "T31TCJ", "s2_path": str(inside)}}
    with pytest.raises(NotAllowedError) as caught:
        allowed(None, inside).check(raw, [], "config", HERE)
    assert len(caught.value.faults) == 4
    assert "2 more links in" in str(caught.value)


def test_nothing_that_is_not_allowed_is_opened(
    tmp_path: Path, raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    opened = []
    monkeypatch.setattr(Path, "read_text", lambda path, *_, **__: opened.append(path))
    refused(allowed(inside, inside), raw)
    assert opened == []


@pytest.mark.parametrize(
    "cluster",
    [
        DaskCluster(address="tcp://10.0.0.5:8786"),
        DaskCluster(cluster_class="dask_jobqueue.SLURMCluster"),
        DaskCluster(cluster_class="os.system"),
    ],
)
def test_clusters_are_those_that_are_named(cluster: DaskCluster) -> None:
    said = refused(allowed(), {}, cluster=cluster)
    assert "none: local workers alone" in "".join(said.values())
    named = cluster.address or cluster.cluster_class
    allowed(clusters=f"other.Cluster {named}").check({}, [], "config", cluster)
    allowed().check({}, [], "config", DaskCluster(n_workers=2, memory_gb=3))


def test_a_relative_folder_is_refused_with_the_name_of_its_variable() -> None:
    given = {MODULE_PATHS: "mine", DATA_ROOTS: os.pathsep.join(["/data", "archive"])}
    with pytest.raises(ConfigError) as caught:
        Allowed.by_environment(given)
    assert "2 faults in the environment of the worker" in str(caught.value)
    assert "  SITSFLOW_DATA_ROOTS: 'archive' is a relative path" in str(caught.value)


@pytest.mark.parametrize("broken", [{"chain": 3}, {"chain": {"s2_path": 3, "list_tile": 4}}, {}])
def test_what_is_no_configuration_is_left_to_its_own_check(broken: dict[str, Any]) -> None:
    allowed().check(broken, [Override("chain", 3, "chain", "x")], "config", HERE)


def test_a_path_that_no_system_has_is_left_to_its_own_check() -> None:
    allowed().check({"chain": {"output_path": "/a\0b"}}, [], "config", HERE)
