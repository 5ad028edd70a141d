"""What runs of deployments may use: folders and clusters that the operator of their worker allows.

Whoever fills in a form names files on a machine that is not theirs. On the command line nothing
is restricted: there people use their own rights.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from blocks.checks import PATH_KEYS
from blocks.cluster import DaskCluster
from blocks.fault_sources import with_sources
from blocks.names import SECTIONS
from blocks.old_names import in_todays_names
from blocks.overrides import Override, merge, parse_overrides
from blocks.radar_ini import named_paths
from blocks.run_form import PARAMETERS
from blocks.section import NoEffect, expand_path, is_off
from sitsflow.errors import ConfigError, Fault, NotAllowedError
from sitsflow.radar_settings import NAME, PATH_KEY

MODULE_PATHS = "SITSFLOW_MODULE_PATHS"
DATA_ROOTS = "SITSFLOW_DATA_ROOTS"
CLUSTERS = "SITSFLOW_CLUSTERS"
_LINKS_SHOWN = 3
_RADAR = f"chain.{PATH_KEY}"
_SEARCHED = (f"{NAME}.dem", f"{NAME}.references", f"{NAME}.orbit_files")
"""Folders of Sentinel-1 that are looked through, whatever tiles there are."""


@dataclass(frozen=True)
class Allowed:
    """Folders and clusters that runs may use; what a symbolic link leads to counts.

    `modules` are the folders of user functions, `data` those of all other inputs and of outputs,
    `clusters` names of cluster classes and addresses of schedulers. Local workers always may.
    """

    modules: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    clusters: tuple[str, ...] = ()

    @classmethod
    def by_environment(cls, environment: Mapping[str, str]) -> Allowed:
        """Return what the variables say; without `SITSFLOW_DATA_ROOTS` data lie in the home folder.

        Raises
        ------
        ConfigError
            If one of them names a folder by a relative path.
        """
        faults: list[Fault] = []
        modules = _folders(MODULE_PATHS, environment, faults)
        data = _folders(DATA_ROOTS, environment, faults)
        if faults:
            raise ConfigError(faults, "the environment of the worker")
        home = _real(Path.home())
        # The home of some users of services is the root folder.
        default = () if home == Path(home.anchor) else (home,)
        return cls(modules, data or default, tuple(environment.get(CLUSTERS, "").split()))

    def check(
        self,
        raw: Mapping[str, Any],
        overrides: Sequence[Override],
        source: str,
        cluster: DaskCluster,
    ) -> None:
        """Refuse a run that names what is not allowed, before any of it is opened.

        Parameters
        ----------
        raw : mapping
            Nested plain values, checked by nobody yet.
        overrides : sequence of Override
            What wins over them.
        source : str
            What the error calls the configuration.
        cluster : DaskCluster
            Where the tasks are to run.

        Raises
        ------
        NotAllowedError
            With all that is not allowed.
        """
        parsed, _ = parse_overrides(overrides)
        merged, _ = merge(raw, parsed)
        faults = list(self._faults(merged))
        alone = list(self._faults(raw))
        faults = [
            *with_sources(faults, alone, parsed, raw, source),
            *self._cluster_faults(cluster),
        ]
        if faults:
            # Those of the configuration first.
            raise NotAllowedError(sorted(faults, key=lambda fault: bool(fault.source)), source)

    def _cluster_faults(self, cluster: DaskCluster) -> Iterator[Fault]:
        """Yield what is not allowed of a cluster: a class is code, and a scheduler sends some."""
        there = ", ".join(self.clusters) or "none: local workers alone"
        for key in ("address", "cluster_class"):
            name = getattr(cluster, key)
            if name and name not in self.clusters:
                message = f"{name!r} is none of those that {CLUSTERS} of the worker names ({there})"
                yield Fault(f"cluster.{key}", message, PARAMETERS)

    def _faults(self, given: Mapping[str, Any]) -> Iterator[Fault]:
        raw, _, _ = in_todays_names(given)  # a path counts under whatever name it is read
        for place, path in _named(raw):
            if place == "external_features.module":
                # Modules beside it are imported from where it is named, whatever it leads to.
                beside = _real(path.parent) / path.name
                yield from _outside(place, path, (beside, _real(path)), self.modules, MODULE_PATHS)
                continue
            found = list(_outside(place, path, (_real(path),), self.data, DATA_ROOTS))
            yield from found
            if found:
                continue
            if place == _RADAR and path.is_file():
                yield from self._named_in(place, path)
            elif place == _RADAR or place in _SEARCHED:
                yield from self._links(place, path, [path])
            elif _holds_products(place):
                yield from self._links(place, path, [path / tile for tile in _tiles(raw)])

    def _named_in(self, place: str, ini: Path) -> Iterator[Fault]:
        """Yield what a file names that is outside: the file itself is not."""
        for key, path in named_paths(ini):
            found = list(_outside(place, path, (_real(path),), self.data, DATA_ROOTS))
            for fault in found or self._links(place, path, [path]):
                yield Fault(place, f"{ini}: {key}: {fault.message}")

    def _links(self, place: str, root: Path, folders: Sequence[Path]) -> Iterator[Fault]:
        """Yield links in folders of products that lead out of what is allowed."""
        out = [link for one in folders for link in _links_out(one, self.data, set())]
        for link in out[:_LINKS_SHOWN]:
            yield from _outside(place, link, (_real(link),), self.data, DATA_ROOTS)
        if (more := len(out) - _LINKS_SHOWN) > 0:
            yield Fault(place, f"{more} more links in {str(root)!r} lead outside as well")


def _folders(name: str, environment: Mapping[str, str], faults: list[Fault]) -> tuple[Path, ...]:
    folders = []
    for entry in filter(None, environment.get(name, "").split(os.pathsep)):
        path = Path(entry).expanduser()
        if path.is_absolute():
            folders.append(_real(path))
        else:
            message = f"{entry!r} is a relative path; give the absolute one"
            faults.append(Fault(name, message))
    return tuple(folders)


def _named(raw: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Yield all paths that a configuration names, by their place."""
    for section, values in raw.items():
        if section not in SECTIONS or not isinstance(values, Mapping):
            continue
        fields = SECTIONS[section].model_fields
        for key, value in values.items():
            if key in fields and not (_is_path(fields[key].annotation) and _is_used(fields[key])):
                continue
            if key not in fields and section != "chain":  # else perhaps a described sensor's root
                continue
            for text in _texts(value):
                for path in _paths(text, _tiles(raw)):
                    yield f"{section}.{key}", path


def _is_path(annotation: Any) -> bool:
    return annotation is Path or any(map(_is_path, get_args(annotation)))


def _is_used(field: Any) -> bool:
    return not any(isinstance(mark, NoEffect) for mark in field.metadata)


def _holds_products(place: str) -> bool:
    section, _, key = place.partition(".")
    if section != "chain":
        return False
    return key in (*PATH_KEYS, "other_sensor_paths") or key not in SECTIONS["chain"].model_fields


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    values = value if isinstance(value, list | tuple) else [value]
    return [str(one) for one in values if isinstance(one, str | Path) and not is_off(str(one))]


def _paths(text: str, tiles: Sequence[str]) -> Iterator[Path]:
    try:
        path = expand_path(text)
    except ValueError:
        return
    # Relative paths, and those that no system has, are faults of their own.
    if path.is_absolute() and "\0" not in text:
        names = tiles if "$TILE" in text else [""]
        yield from (Path(str(path).replace("$TILE", name)) for name in names)


def _tiles(raw: Mapping[str, Any]) -> list[str]:
    chain = raw.get("chain")
    tiles = chain.get("list_tile") if isinstance(chain, Mapping) else None
    tiles = tiles.split() if isinstance(tiles, str) else tiles
    return [one for one in tiles if isinstance(one, str)] if isinstance(tiles, list | tuple) else []


def _outside(
    place: str, path: Path, leads_to: Sequence[Path], folders: Sequence[Path], name: str
) -> Iterator[Fault]:
    """Yield a fault if one of the places that a path leads to is outside the folders."""
    lost = next((one for one in leads_to if not _is_inside(one, folders)), None)
    if lost is None:
        return
    leads = "" if lost == path else f", which leads to {str(lost)!r},"
    there = ", ".join(map(str, folders)) or "none is"
    message = f"{str(path)!r}{leads} is outside the folders that {name} of the worker allows"
    yield Fault(place, f"{message} ({there})")


def _real(path: Path) -> Path:
    # Not `Path.resolve`, which raises an error for links that go round in circles.
    return Path(os.path.realpath(path))


def _is_inside(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _links_out(folder: Path, folders: Sequence[Path], seen: set[Path]) -> Iterator[Path]:
    """Yield `folder`, or what lies in it at any depth, where it is a link out of the folders."""
    real = _real(folder)
    if not _is_inside(real, folders):
        yield folder
    elif real.is_dir() and real not in seen:
        seen.add(real)
        with os.scandir(real) as entries:
            below = [Path(one.path) for one in entries if one.is_symlink() or one.is_dir()]
        for path in sorted(below):
            yield from _links_out(path, folders, seen)
