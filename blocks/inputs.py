"""Whether the files and folders that a configuration names are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from blocks.partial_config import PartialConfig
from sitsflow.errors import Fault
from sitsflow.products.rasters import PATH_KEY


def input_faults(partial: PartialConfig) -> Iterator[Fault]:
    """Yield what is missing, as far as its name is sound. Nothing is opened."""
    yield from _products(partial)
    yield from _files(partial)
    yield from _output(partial)


def _products(partial: PartialConfig) -> Iterator[Fault]:
    chain = partial.configuration.chain
    for sensor in partial.enabled:
        root = partial.root(sensor)
        place = f"chain.{sensor.path_key}"
        if root is None or not root.is_dir():
            yield Fault(place, f"no folder {str(root)!r}")
        elif partial.sound("chain.list_tile"):
            missing = [tile for tile in chain.list_tile if not (root / tile).is_dir()]
            if missing and not _may_lack(partial, missing):
                there = sorted(path.name for path in root.iterdir() if path.is_dir())
                shown = ", ".join(there[:10]) + (", ..." if len(there) > 10 else "")
                names = ", ".join(map(repr, missing))
                yield Fault(place, f"{str(root)!r} has no folder {names}; it has {shown or 'none'}")


def _may_lack(partial: PartialConfig, tiles: Sequence[str]) -> bool:
    """Whether tiles that one of several sensors lacks are left out: another one has them."""
    if partial.configuration.chain.missing_sensor_tile != "skip":
        return False
    if partial.has_radar:
        return True  # its products do not tell by their names which tiles they show
    roots = [root for sensor in partial.enabled if (root := partial.root(sensor))]
    return all(any((root / tile).is_dir() for root in roots) for tile in tiles)


def _files(partial: PartialConfig) -> Iterator[Fault]:
    chain = partial.configuration.chain
    external = partial.configuration.external_features
    rasters = chain.user_feat_path
    if rasters is not None and not rasters.is_dir():
        yield Fault(f"chain.{PATH_KEY}", f"no folder {str(rasters)!r}")
    module = external.module
    if module is not None and not (module.is_file() and module.suffix == ".py"):
        what = "not a Python file (.py)" if module.is_file() else "no file"
        yield Fault("external_features.module", f"{what} {str(module)!r}")
    area = chain.area_of_interest
    # Some vector formats, a file geodatabase for one, are folders.
    if area is not None and not area.exists():
        yield Fault("chain.area_of_interest", f"no file {str(area)!r}")
    for folder in chain.sensor_folders:
        if not (folder.is_dir() and any(folder.glob("*.yaml"))):
            what = "holds no .yaml file" if folder.is_dir() else "is no folder"
            yield Fault("chain.sensor_folders", f"{str(folder)!r} {what}")
    if (exogenous := external.exogeneous_data) is not None and partial.sound("chain.list_tile"):
        paths = dict.fromkeys(_of_tile(exogenous, tile) for tile in chain.list_tile)
        for path in paths:
            if not path.is_file():
                yield Fault("external_features.exogeneous_data", f"no file {str(path)!r}")


def _of_tile(path: Path, tile: str) -> Path:
    return Path(str(path).replace("$TILE", tile))


def _output(partial: PartialConfig) -> Iterator[Fault]:
    chain = partial.configuration.chain
    if not partial.sound("chain.output_path"):
        return
    output = chain.output_path
    blocking = next((path for path in (output, *output.parents) if path.exists()), None)
    if blocking is not None and not blocking.is_dir():
        yield Fault("chain.output_path", f"{str(blocking)!r} is a file, not a folder")
    external = partial.configuration.external_features
    inputs = [
        *((f"chain.{sensor.path_key}", partial.root(sensor)) for sensor in partial.enabled),
        *partial.radar.paths,
        (f"chain.{PATH_KEY}", chain.user_feat_path),
        ("chain.area_of_interest", chain.area_of_interest),
        ("external_features.module", external.module),
        ("external_features.exogeneous_data", external.exogeneous_data),
    ]
    for place, path in inputs:
        if path is not None and chain.remove_output_path and path.is_relative_to(output):
            message = (
                f"{str(path)!r} lies in output_path, whose files remove_output_path makes anew"
            )
            yield Fault(place, message)
