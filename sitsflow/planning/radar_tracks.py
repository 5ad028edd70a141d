"""The directions of orbits that a run maps of Sentinel-1, and the products of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sitsflow.errors import MissingInputError, ProductError
from sitsflow.products.sensors.model import Sensor
from sitsflow.radar.safe import FoundProducts, Sentinel1Product, find_products
from sitsflow.radar.sensor import radar_sensor
from sitsflow.radar_settings import Orbit, Polarisation, RadarSettings
from sitsflow.request import SensorRequest

_PASSES: dict[str, Orbit] = {"ASCENDING": "asc", "DESCENDING": "des"}


class RadarTrack(NamedTuple):
    """One direction of a run: the sensor that it is, and which products are its."""

    sensor: Sensor
    orbit: Orbit
    relative_orbit: int | None
    found: FoundProducts

    def has(self, product: Sentinel1Product, settings: RadarSettings) -> bool:
        """Whether a product is one of these."""
        wanted = settings.relative_orbits
        return (
            _PASSES[product.orbit_pass] == self.orbit
            and (not wanted or product.relative_orbit in wanted)
            and self.relative_orbit in (None, product.relative_orbit)
        )


def radar_tracks(wanted: SensorRequest) -> list[RadarTrack]:
    """Find all products, and the directions that they have of those that are asked for.

    Raises
    ------
    MissingInputError
        If there is no product of any.
    """
    settings = wanted.radar_settings
    found = find_products(wanted.root, with_co_polarised(settings.polarisations))
    tracks = []
    for orbit in settings.orbits:
        track = RadarTrack(radar_sensor(settings, orbit), orbit, None, found)
        its = [one for one in found.products if track.has(one, settings)]
        numbers = sorted({one.relative_orbit for one in its}) if settings.separate_orbits else ()
        if numbers:
            tracks += [
                RadarTrack(radar_sensor(settings, orbit, number), orbit, number, found)
                for number in numbers
            ]
        elif its:
            tracks.append(track)
    if not tracks and found.broken and not found.products:
        reasons = [f"  {one.reason}" for one in found.broken]
        raise ProductError("\n".join([f"{wanted.root}: no product can be used:", *reasons]))
    if not tracks:
        orbits = " or ".join(settings.orbits)
        listed = ", ".join(map(str, settings.relative_orbits))
        of_orbits = f" of relative orbit {listed}" if listed else ""
        raise MissingInputError(
            f"{wanted.root}: none of its {len(found.products)} products is {orbits}{of_orbits}; "
            f"they are of {_orbits_of(found)}"
        )
    return tracks


def _orbits_of(found: FoundProducts) -> str:
    numbers: dict[str, set[int]] = {}
    for one in found.products:
        numbers.setdefault(_PASSES[one.orbit_pass], set()).add(one.relative_orbit)
    return " and ".join(
        f"{orbit} ({', '.join(map(str, sorted(its)))})" for orbit, its in sorted(numbers.items())
    )


def with_co_polarised(polarisations: Sequence[Polarisation]) -> tuple[Polarisation, ...]:
    """Return what products must have: the border is found in the co-polarised channel."""
    first: Polarisation = "vv" if {"vv", "vh"} & {*polarisations} else "hh"
    return (first, *(name for name in polarisations if name != first))
