"""Orbit files: positions of a satellite that are better than those in its products.

Format: Sentinels POD Service File Format Specification, GMES-GSEG-EOPG-FS-10-0075. A precise file
(POEORB) comes three weeks after the day, a restituted one (RESORB) within hours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sitsflow.errors import ProductError
from sitsflow.radar.annotation import Annotation
from sitsflow.radar.metadata import read_metadata, seconds
from sitsflow.radar.orbit import StateVectors, check_vectors

_NAME = re.compile(
    r"(S1[A-Z])_OPER_AUX_(POE|RES)ORB_OPOD_(\d{8}T\d{6})_V(\d{8}T\d{6})_(\d{8}T\d{6})\.EOF",
    re.IGNORECASE,
)
_AROUND_S = 60.0
"""Vectors kept before the first line and after the last one."""


class OrbitFile(NamedTuple):
    """What the name of an orbit file says; times are UTC."""

    path: Path
    mission: str
    precise: bool
    created: np.datetime64
    start: np.datetime64
    end: np.datetime64


def find_orbit_files(folder: Path) -> list[OrbitFile]:
    """List the orbit files of a folder and the folders in it, by name; unpacked ones only.

    Raises
    ------
    ProductError
        If the folder is none.
    """
    if not folder.is_dir():
        raise ProductError(f"{folder}: is no folder of orbit files")
    found = []
    for path in sorted(folder.rglob("*.EOF")):
        match = _NAME.fullmatch(path.name)
        if match is not None:
            created, start, end = (_from_name(match[k]) for k in (3, 4, 5))
            found.append(
                OrbitFile(path, match[1].upper(), match[2].upper() == "POE", created, start, end)
            )
    return found


def _from_name(text: str) -> np.datetime64:
    day, clock = text.upper().split("T")
    iso = f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}"
    return np.datetime64(iso, "us")


def choose_orbit_file(
    files: Sequence[OrbitFile], mission: str, first: np.datetime64, last: np.datetime64
) -> OrbitFile | None:
    """Choose the best orbit file of an image: precise before restituted, then the newest.

    Parameters
    ----------
    files : sequence of OrbitFile
    mission : str
        As S1A.
    first, last : datetime64
        Times of the first and the last line (UTC); a file must cover both.

    Returns
    -------
    OrbitFile or None
        None where no file of the mission covers the image.
    """
    covering = [
        file
        for file in files
        if file.mission == mission and file.start <= first and last <= file.end
    ]
    return max(covering, key=lambda file: (file.precise, file.created), default=None)


def read_orbit_file(path: Path, first: np.datetime64, last: np.datetime64) -> StateVectors:
    """Read the state vectors around an image.

    Parameters
    ----------
    path : Path
        An EOF file.
    first, last : datetime64
        Times of the first and the last line (UTC).

    Returns
    -------
    StateVectors
        From one minute before the first line to one minute after the last; times count from
        `first`.

    Raises
    ------
    ProductError
        If it cannot be read, or its vectors do not cover the image.
    """
    root = read_metadata(path.parent, path)
    times, states = [], []
    for vector in root.all("Data_Block/List_of_OSVs/OSV"):
        time = seconds(vector.time("UTC"), first)
        if -_AROUND_S <= time <= seconds(last, first) + _AROUND_S:
            states.append([vector.number(name) for name in ("X", "Y", "Z", "VX", "VY", "VZ")])
            times.append(time)
    table = np.array(states, np.float64).reshape(-1, 6)
    if not times or times[0] > 0 or times[-1] < seconds(last, first):
        raise ProductError(
            f"{path}: its state vectors do not cover {first} to {last}: take the orbit file of "
            "that day, or leave orbit files out"
        )
    orbit = StateVectors(first, np.array(times), table[:, :3], table[:, 3:])
    check_vectors(orbit, str(path))
    return orbit


def seen_from(annotation: Annotation, path: Path) -> Annotation:
    """Return an image seen from the orbit of a file.

    Raises
    ------
    ProductError
        If it cannot be read, or does not cover the image.
    """
    first = annotation.first_line
    last = first + np.timedelta64(round(annotation.last_line * 1e6), "us")
    return annotation.with_orbit(read_orbit_file(path, first, last))
