"""The table of built-in sensors, from their files: ``python -m blocks.sensor_table PAGE``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from sitsflow.products.sensors.model import Band, Mask, Sensor, in_order, load_sensors

BEGIN = "<!-- Written by `make docs` from sitsflow/products/sensors/. Change those files. -->"
END = "<!-- End of the table. -->"
_HEAD = ("section", "root key", "label", "a product", "bands", "invalid where", "values", "days")


def render() -> str:
    """Return the table as Markdown, in the order of the native features."""
    rows = [_HEAD, ("---",) * len(_HEAD), *map(_row, in_order(list(load_sensors().values())))]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(sensor: Sensor) -> tuple[str, ...]:
    return (
        f"`{sensor.name}`",
        f"`{sensor.path_key}`",
        f"`{sensor.label}`",
        f"`{sensor.example}`",
        _bands(sensor.bands),
        "; ".join(map(_rule, sensor.masks)) or "never",
        _values(sensor),
        str(sensor.temporal_resolution),
    )


def _bands(bands: Iterable[Band]) -> str:
    by_resolution: dict[float, list[str]] = {}
    for band in bands:
        by_resolution.setdefault(band.resolution, []).append(band.name)
    return ", ".join(f"{' '.join(names)} ({res:g} m)" for res, names in by_resolution.items())


def _rule(mask: Mask) -> str:
    # As files have it, MASKS/*_CLM_R1.tif for one, where names alone leave open which is meant.
    name = f"`{mask.file.rpartition('/')[2].removeprefix('*_').rpartition('.')[0]}`"
    values = mask.invalid.values
    if mask.invalid.how == "nonzero":
        return f"{name} is not 0"
    if mask.invalid.how == "bits":
        return f"{name} has {'bit' if len(values) == 1 else 'any of bits'} {_numbers(values)}"
    return f"{name} is one of {_numbers(values)}"


def _numbers(values: Sequence[int]) -> str:
    first, last = values[0], values[-1]
    if len(values) > 2 and list(values) == list(range(first, last + 1)):
        return f"{first} to {last}"
    return ", ".join(map(str, values))


def _values(sensor: Sensor) -> str:
    scalings = dict.fromkeys((band.scale, band.offset) for band in sensor.bands)
    text = sensor.unit_text
    for scale, offset in scalings:
        if (scale, offset) != (1, 0):
            text += f" = number x {scale:g} {'-' if offset < 0 else '+'} {abs(offset):g}"
    if sensor.metadata is not None:
        text += f", numbers as `{sensor.metadata.file}` says"
    return text


def with_table(text: str) -> str:
    """Return a page with the table in its place.

    Raises
    ------
    ValueError
        If the page does not say where the table belongs.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{render()}\n\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the table into a page, or check with ``--check`` that it is current."""
    check = arguments[:1] == ["--check"]
    if len(arguments) != 1 + check:
        sys.stderr.write("usage: python -m blocks.sensor_table [--check] PAGE\n")
        return 2
    path = Path(arguments[-1])
    text = path.read_text(encoding="utf-8")
    if not check:
        path.write_text(with_table(text), encoding="utf-8")
        sys.stdout.write(f"{path} written\n")
    elif with_table(text) != text:
        sys.stderr.write(f"{path} does not say what the sensors' files say; run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
