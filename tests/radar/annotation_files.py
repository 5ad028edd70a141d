"""Calibration and noise files of a product, as its processor writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sitsflow.radar.safe import ChannelFiles

Vector = tuple[int, Sequence[float], Sequence[float]]
"""A line, its pixels, and a value for each."""


def _words(values: Iterable[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def vectors(name: str, element: str, given: Iterable[Vector]) -> str:
    """Return the list of vectors called `name`, whose values are in `element`."""
    each = "".join(
        f"<{name}><line>{line}</line><pixel>{_words(pixels)}</pixel>"
        f"<{element}>{_words(values)}</{element}></{name}>"
        for line, pixels, values in given
    )
    return f"<{name}List>{each}</{name}List>"


def block(bounds: tuple[int, int, int, int], lines: Sequence[float], lut: Sequence[float]) -> str:
    """Return a noiseAzimuthVector; bounds are first and last line, first and last sample."""
    names = ("firstAzimuthLine", "lastAzimuthLine", "firstRangeSample", "lastRangeSample")
    ends = "".join(f"<{n}>{b}</{n}>" for n, b in zip(names, bounds, strict=True))
    return (
        f"<noiseAzimuthVector><swath>IW1</swath>{ends}<line>{_words(lines)}</line>"
        f"<noiseAzimuthLut>{_words(lut)}</noiseAzimuthLut></noiseAzimuthVector>"
    )


def write_channel(
    folder: Path, *, calibration: str = "", noise: str = "", annotation: str = ""
) -> ChannelFiles:
    """Write the three annotation files of one polarisation; measurements are not looked at."""
    done = f"<product>{annotation}</product>"
    texts = {
        "annotation": done,
        "calibration": f"<calibration>{calibration}</calibration>",
        "noise": f"<noise>{noise}</noise>",
    }
    paths = {name: folder / f"{name}.xml" for name in texts}
    for name, path in paths.items():
        path.write_text(texts[name])
    return ChannelFiles(measurement=folder / "vv.tiff", **paths)
