"""A configuration with iota2's names of 2020, in those of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blocks.names import OBSOLETE, RENAMED_SECTIONS, is_known, today
from sitsflow.errors import Fault


def in_todays_names(
    raw: Mapping[str, Any],
) -> tuple[dict[str, Any], list[tuple[str, str]], list[Fault]]:
    """Bring the sections and keys of 2020 to their places of today.

    Returns
    -------
    dict, list, list
        The configuration; places of 2020 with what is to be said of them; faults, where a place of
        today is given as well.
    """
    notes: list[tuple[str, str]] = []
    faults: list[Fault] = []
    found: dict[str, Any] = {
        str(name): dict(section) if isinstance(section, Mapping) else section
        for name, section in raw.items()
    }
    for name, section in raw.items():
        if not isinstance(section, Mapping):
            continue
        for key, value in section.items():
            home, now = today(str(name), str(key))
            place = f"{name}.{key}"
            reason = OBSOLETE.get(home, {}).get(now)
            if reason is None and ((home, now) == (name, key) or not is_known(home, now)):
                continue
            del found[name][key]
            if reason is not None:
                notes.append((place, f"has no effect: {reason}"))
            elif now in (found.get(home) or {}):
                faults.append(Fault(place, f"given twice: {home}.{now} is given too"))
            else:
                found[home] = {**(found.get(home) or {}), now: value}
                notes.append((place, f"is {home}.{now} today"))
        if name in RENAMED_SECTIONS and not found[name]:
            del found[name]
    return found, notes, faults
