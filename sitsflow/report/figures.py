"""How numbers, days and durations are written for readers."""

from __future__ import annotations

import math
from datetime import datetime

from sitsflow.dates import to_date

THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: float | None, digits: int = 4) -> str:
    """Write a value with about `digits` significant digits, a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(value)
    if size and (size >= 1e9 or size < 1e-4):
        text = f"{value:.{digits - 1}e}"
    elif size >= 10 ** (digits - 1):
        text = f"{value:,.0f}".replace(",", THIN)
    else:
        text = f"{value:.{digits}g}"
    return "0" if text in ("-0", "0") else text.replace("-", MINUS)


def whole(value: int) -> str:
    """Write a count, its thousands apart."""
    return f"{value:,}".replace(",", THIN)


def percent(share: float | None) -> str:
    """Write a fraction as a percentage, which is 0 or 100 only where it is so."""
    if share is None or not math.isfinite(share):
        return NONE
    hundredths = 100 * share
    if share > 0 and hundredths < 0.05:
        text = "< 0.1"
    elif share < 1 and hundredths >= 99.95:
        text = "> 99.9"
    else:
        text = f"{hundredths:.1f}".removesuffix(".0")
    return f"{text}{THIN}%"


def duration(seconds: float) -> str:
    """Write seconds in the units a reader would use."""
    if seconds < 60:
        return f"{seconds:.2g}{THIN}s" if seconds < 10 else f"{seconds:.0f}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{THIN}min {rest:02d}{THIN}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{THIN}h {minutes:02d}{THIN}min"


def memory(megabytes: float) -> str:
    """Write megabytes, from a thousand on as gigabytes."""
    if megabytes < 1000:
        return f"{megabytes:.0f}{THIN}MB"
    return f"{megabytes / 1000:.2f}{THIN}GB"


def rate(pixels_per_second: float) -> str:
    """Write pixels a second."""
    if pixels_per_second >= 1e6:
        return f"{pixels_per_second / 1e6:.2f}{THIN}M"
    if pixels_per_second >= 1e3:
        return f"{pixels_per_second / 1e3:.3g}{THIN}k"
    return f"{pixels_per_second:.0f}"


def moment(when: datetime) -> str:
    """Write a time of day with its zone."""
    zone = when.strftime("%z")
    shown = f" UTC{zone[:3]}:{zone[3:]}" if zone and zone[1:] != "0000" else " UTC" if zone else ""
    return f"{when:%Y-%m-%d %H:%M}{shown}"


def period(first: int, last: int) -> str:
    """Write a range of days, e.g. 4 Jan to 30 Dec 2018."""
    one, other = to_date(first), to_date(last)
    end = f"{other.day} {MONTHS[other.month - 1]} {other.year}"
    if one == other:
        return end
    start = f"{one.day} {MONTHS[one.month - 1]}"
    return f"{start} to {end}" if one.year == other.year else f"{start} {one.year} to {end}"


def plural(count: int, noun: str) -> str:
    """Write a count and its noun."""
    return f"{whole(count)} {noun}" if count == 1 else f"{whole(count)} {noun}s"
