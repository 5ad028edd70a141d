"""Sentinel-1 of a configuration: iota2's INI file, or a folder and the section; or both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.configuration import Configuration
from blocks.radar_ini import INI_KEYS, read_radar_ini
from blocks.radar_section import Sentinel1Section
from sitsflow.errors import ConfigError, ExpressionError, Fault
from sitsflow.features.bandmath import parse_of
from sitsflow.radar_settings import NAME, PATH_KEY, RadarSettings

PLACE = f"chain.{PATH_KEY}"
_DAYS = "start_date", "end_date"
_FILES = "dem", "geoid", "references", "orbit_files"


@dataclass(frozen=True)
class RadarConfig:
    """What a configuration says of Sentinel-1.

    `settings` are None where Sentinel-1 is not in use, or where `faults` say why there are none.
    """

    settings: RadarSettings | None = None
    faults: tuple[Fault, ...] = ()
    notices: tuple[str, ...] = ()
    paths: tuple[tuple[str, Path], ...] = ()
    """What a run would read, by the place that names it."""


def read_radar(configuration: Configuration, wrong: Collection[str]) -> RadarConfig:
    """Read the INI file, if there is one, and add what the section says.

    Parameters
    ----------
    configuration : Configuration
        With defaults in place of what is wrong.
    wrong : collection of str
        The places of values that are at fault already.
    """
    path, section = configuration.chain.s1_path, configuration.Sentinel_1
    if path is None:
        return RadarConfig()
    faults: list[Fault] = list(_day_faults(section))
    notices: tuple[str, ...] = ()
    values: dict[str, Any] = {}
    if path.is_file():
        try:
            file = read_radar_ini(path)
        except ConfigError as error:
            faults += [Fault(PLACE, f"{path}: {one.place}: {one.message}") for one in error.faults]
        else:
            values, notices = _explicit(file.settings), file.notices
    elif path.is_dir():
        values["products"] = path
    else:
        faults.append(Fault(PLACE, f"no folder of products and no INI file {str(path)!r}"))
    own = {key: getattr(section, key) for key in section.model_fields_set if key not in _DAYS}
    faults += _given_twice(path, values, own)
    in_file, values = values, {**values, **own}
    faults += _missing_files(own)
    if in_file:
        faults += _disagreements(values, in_file, wrong)
    sound = not faults and not any(place.startswith(f"{NAME}.") for place in wrong)
    settings = RadarSettings.model_validate(values) if sound else None
    return RadarConfig(settings, tuple(faults), notices, tuple(_paths(path, values, own)))


def _explicit(settings: RadarSettings) -> dict[str, Any]:
    return {key: getattr(settings, key) for key in settings.model_fields_set}


def _place(key: str, in_file: Collection[str]) -> str:
    return PLACE if key in in_file else f"{NAME}.{key}"


def _given_twice(path: Path, file: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[Fault]:
    """Refuse other values than those of the INI file: neither place is the newer one."""
    for key, value in own.items():
        if key in file and file[key] != value:
            yield Fault(
                f"{NAME}.{key}",
                f"{path} says {INI_KEYS[key]}, which is the same setting; remove one of them",
            )


def _missing_files(own: Mapping[str, Any]) -> Iterator[Fault]:
    for path in own.get("dem", ()):
        if not path.exists():
            yield Fault(f"{NAME}.dem", f"no file or folder {str(path)!r}")
    if (geoid := own.get("geoid")) is not None and not geoid.is_file():
        yield Fault(f"{NAME}.geoid", f"no file {str(geoid)!r}")
    for key in ("references", "orbit_files"):
        if (folder := own.get(key)) is not None and not folder.is_dir():
            yield Fault(f"{NAME}.{key}", f"no folder {str(folder)!r}")


def _disagreements(
    values: Mapping[str, Any], in_file: Collection[str], wrong: Collection[str]
) -> Iterator[Fault]:
    """Yield what settings do not agree on, as far as they are sound."""

    def sound(*keys: str) -> bool:
        return not {f"{NAME}.{key}" for key in keys} & {*wrong}

    yield from _of_heights(values, in_file, sound)
    if values.get("reference_pattern") and not values.get("references") and sound("references"):
        yield Fault(_place("reference_pattern", in_file), "needs a folder of references")
    names: Sequence[str] = values.get("polarisations", ("vv", "vh"))
    for text in values.get("expressions", ()) if sound("polarisations", "expressions") else ():
        try:
            parse_of(text, names)
        except ExpressionError as error:
            yield Fault(_place("expressions", in_file), str(error))


def _of_heights(
    values: Mapping[str, Any], in_file: Collection[str], sound: Callable[..., bool]
) -> Iterator[Fault]:
    """Yield what the settings of heights do not agree on; `sound` tells which are no faults yet."""
    dem, height = bool(values.get("dem")), values.get("constant_height") is not None
    if sound("dem", "constant_height"):
        if dem and height:
            message = "the heights of the elevation model count already; remove one of them"
            yield Fault(f"{NAME}.constant_height", message)
        elif not (dem or height):
            message = "mandatory: rasters of heights, or folders of them; or give constant_height"
            yield Fault(f"{NAME}.dem", message)
    for key in ("geoid", "ellipsoidal_heights", "terrain_flattening"):
        if values.get(key) and not dem and sound("dem", key):
            yield Fault(_place(key, in_file), "needs an elevation model, dem")
    if values.get("geoid") and values.get("ellipsoidal_heights"):
        message = "the heights of a geoid are added to those above the sea; remove one of them"
        yield Fault(_place("ellipsoidal_heights", in_file), message)


def _day_faults(section: Sentinel1Section) -> Iterator[Fault]:
    first, last = section.start_date, section.end_date
    if first and last and last < first:
        yield Fault(f"{NAME}.end_date", f"{last:%Y%m%d} is before start_date {first:%Y%m%d}")


def _paths(
    path: Path, values: Mapping[str, Any], own: Collection[str]
) -> Iterator[tuple[str, Path]]:
    yield PLACE, path
    if values.get("products", path) != path:
        yield PLACE, values["products"]
    for key in _FILES:
        found = values.get(key) or ()
        for one in found if isinstance(found, tuple) else (found,):
            yield (f"{NAME}.{key}" if key in own else PLACE), one
