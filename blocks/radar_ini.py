"""iota2's file of Sentinel-1: an INI file of its own, which `chain.s1_path` names."""

from __future__ import annotations

import configparser
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from blocks.section import FilePath, is_off
from sitsflow.errors import ConfigError, Fault
from sitsflow.features.bandmath import split
from sitsflow.radar_settings import RadarSettings

_GRID = "the map's own grid is that of the run"
_NO_EFFECT: Mapping[str, str] = {
    "Paths.Output": "all files are in the output folder of the run",
    "Processing.FilteringMode": "iota2 filters over all dates whatever it says",
    "Processing.ManyProjection": _GRID,
    "Processing.Mode": "GRD products only",
    "Processing.Orthorectification_gridspacing": "no coarse grid of places is made",
    "Processing.OutputSpatialResolution": _GRID,
    "Processing.RAMPerProcess": "task_retry_limits.maximum_ram says what a task may use",
    "Processing.SRTMShapefile": "the rasters tell themselves where they are",
    "Processing.Tiles": "chain.list_tile names the tiles",
    "Processing.TilesShapefile": "tiles lie where other products, a reference or their names say",
    "Processing.getMasks": "masks are always used",
    "Processing.outputStack": "no stack is written",
    "Processing.writeTemporaryFiles": "no file of one date is written",
}
"""Keys of iota2 that change nothing, and why."""

Values = dict[str, str]


class RadarFile(NamedTuple):
    """What the file says, and what its author should know of it."""

    settings: RadarSettings
    notices: tuple[str, ...]


class _Key(NamedTuple):
    """A key that counts: the setting it is, how its text is read, and whether it must be there."""

    setting: str
    read: Callable[[str, Path], Any]
    mandatory: bool = False


def _path(text: str, folder: Path) -> Path:
    path: Path = TypeAdapter(FilePath).validate_python(text, context={"folder": folder})
    return path


def _folder(text: str, folder: Path) -> Path:
    path = _path(text, folder)
    if not path.is_dir():
        raise ValueError(f"no folder {str(path)!r}")
    return path


def _folder_or_none(text: str, folder: Path) -> Path | None:
    return None if is_off(text) else _folder(text, folder)


def _heights(text: str, folder: Path) -> tuple[Path, ...]:
    path = _path(text, folder)
    if not path.exists():
        raise ValueError(f"no folder {str(path)!r}")
    return (path,)


def _file_or_none(text: str, folder: Path) -> Path | None:
    if is_off(text):
        return None
    path = _path(text, folder)
    if not path.is_file():
        raise ValueError(f"no file {str(path)!r}")
    return path


def _unless_off(text: str) -> str:
    return "" if is_off(text) else text


def _expressions(text: str, folder: Path) -> tuple[str, ...]:
    return () if is_off(text) else tuple(split(text))


_KEYS: Mapping[str, _Key] = {
    "Paths.S1Images": _Key("products", _folder, mandatory=True),
    "Paths.SRTM": _Key("dem", _heights, mandatory=True),
    "Paths.GeoidFile": _Key("geoid", _file_or_none, mandatory=True),
    "Processing.ReferencesFolder": _Key("references", _folder_or_none),
    "Processing.RasterPattern": _Key("reference_pattern", lambda text, _: _unless_off(text)),
    "Processing.TemporalResolution": _Key("temporal_resolution", lambda text, _: text),
    "Processing.BorderThreshold": _Key("border_threshold", lambda text, _: text),
    "Processing.gapFilling_interpolation": _Key("interpolation", lambda text, _: text.lower()),
    "Filtering.Window_radius": _Key("window_radius", lambda text, _: text),
    "Features.expression": _Key("expressions", _expressions),
}
_PATHS = ("Paths.S1Images", "Paths.SRTM", "Paths.GeoidFile", "Processing.ReferencesFolder")

INI_KEYS: Mapping[str, str] = {key.setting: place for place, key in _KEYS.items()}
"""The keys of the file that count, by the settings that they are."""

_PLACES = {place.partition(".")[::2]: place for place in (*_KEYS, *_NO_EFFECT)}
_SECTIONS = dict.fromkeys(section for section, _ in _PLACES)


def read_radar_ini(path: Path) -> RadarFile:
    """Read iota2's file of Sentinel-1. Relative paths in it start at its own folder.

    Keys may be written in capitals or small letters, as iota2 reads them.

    Raises
    ------
    ConfigError
        With every fault: the syntax, unknown sections and keys, missing files, wrong values.
    """
    given, faults = _sorted_keys(_parsed(path))
    values: dict[str, Any] = {}
    wrong = {fault.place for fault in faults}
    for place, key in _KEYS.items():
        if place not in given:
            if key.mandatory and place not in wrong:
                faults.append(Fault(place, "mandatory, but not given"))
            continue
        try:
            values[key.setting] = key.read(given[place], path.parent)
        except ValidationError as error:
            faults.append(Fault(place, _message(error.errors()[0]["msg"], given[place])))
        except ValueError as error:
            faults.append(Fault(place, str(error)))
    settings, more = _settings(values, given)
    faults += more
    if faults or settings is None:
        raise ConfigError(faults, str(path))
    return RadarFile(settings, tuple(_notices(path, given)))


def named_paths(path: Path) -> list[tuple[str, Path]]:
    """Return the paths that the file names and that would be read, by their keys.

    What cannot be understood is left out: reading the file as a whole says what is wrong.
    """
    try:
        given, _ = _sorted_keys(_parsed(path))
    except ConfigError:
        return []
    found = []
    for place in _PATHS:
        try:
            if not is_off(given.get(place)):
                found.append((place, _path(given[place], path.parent)))
        except ValueError:
            continue
    return found


def _parsed(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), source=path.name)
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "not text in UTF-8"
        raise ConfigError([Fault("file", what)], str(path)) from None
    except configparser.Error as error:
        message = " ".join(str(error).split())
        raise ConfigError([Fault("syntax", f"not an INI file: {message}")], str(path)) from None
    return parser


def _sorted_keys(parser: configparser.ConfigParser) -> tuple[Values, list[Fault]]:
    """Return the values of known keys by their place in iota2's spelling, and what is unknown."""
    known = {(section, key.lower()): place for (section, key), place in _PLACES.items()}
    given, faults = {}, []
    for section in parser.sections():
        if section not in _SECTIONS:
            faults.append(Fault(section, "no such section" + _meant(section, _SECTIONS)))
            continue
        for key in parser[section]:
            place = known.get((section, key))
            if place is None and key not in parser.defaults():
                names = {name.lower(): name for home, name in _PLACES if home == section}
                faults.append(Fault(f"{section}.{key}", "no such key" + _meant(key, names)))
            if place is None:
                continue
            try:
                given[place] = parser[section][key].strip()
            except configparser.InterpolationError as error:
                faults.append(Fault(place, " ".join(str(error).split())))
    return given, faults


def _meant(name: str, known: Mapping[str, str | None]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean {known[near[0]] or near[0]!r}?" if near else ""


def _settings(
    values: Mapping[str, Any], given: Mapping[str, str]
) -> tuple[RadarSettings | None, list[Fault]]:
    """Validate the settings; what is missing or wrong already does not hide other faults."""
    standins: dict[str, Any] = {"products": Path("/"), "dem": (Path("/"),)}
    places = {key.setting: place for place, key in _KEYS.items()}
    try:
        return RadarSettings.model_validate({**standins, **values}), []
    except ValidationError as error:
        wrong = error.errors(include_url=False)
    faults = []
    for detail in wrong:
        place = places[str(detail["loc"][0])]
        faults.append(Fault(place, _message(detail["msg"], given[place])))
    return None, faults


def _message(text: str, value: str) -> str:
    text = text.removeprefix("Value error, ")
    return f"{text[0].lower()}{text[1:]} (given: {value!r})"


def _notices(path: Path, given: Mapping[str, str]) -> Iterator[str]:
    without: dict[str, list[str]] = {}
    for place in given:
        if place in _NO_EFFECT:
            without.setdefault(_NO_EFFECT[place], []).append(place)
    if without:
        each = "; ".join(f"{', '.join(places)} ({why})" for why, places in without.items())
        yield f"{path}: these keys have no effect: {each}"
