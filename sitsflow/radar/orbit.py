"""Where a satellite is: its state vectors, and the curve through them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import ProductError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StateVectors:
    """Positions and velocities of a satellite in the frame that turns with the Earth (ECEF).

    Between two vectors the orbit is the cubic that has both positions and both velocities
    (Hermite). Its error is at most f'''' h^4 / 384 for positions: with vectors 10 s apart and
    Sentinel-1's 7071 km and 98.6 minutes, 0.3 mm; of velocities 0.1 mm/s, which moves the moment
    of zero Doppler by 1.5 microseconds, a thousandth of a line.

    Attributes
    ----------
    reference : datetime64
        What `times` count from (UTC).
    times : ndarray of float64, shape (vector,)
        Seconds after `reference`, increasing.
    positions, velocities : ndarray of float64, shape (vector, 3)
        Metres, and metres a second.
    """

    reference: np.datetime64
    times: Floats
    positions: Floats
    velocities: Floats

    @cached_property
    def cubics(self) -> Floats:
        """Coefficients between vectors, shape (vector - 1, 4, 3), of seconds after the earlier."""
        step = np.diff(self.times)[:, None]
        start, end = self.positions[:-1], self.positions[1:]
        speed, last_speed = self.velocities[:-1], self.velocities[1:]
        chord = (end - start) / step
        second = (3 * chord - 2 * speed - last_speed) / step
        third = (speed + last_speed - 2 * chord) / step**2
        return np.stack([start, speed, second, third], axis=1)

    def at(self, times: Floats) -> tuple[Floats, Floats, Floats]:
        """Interpolate the orbit.

        Parameters
        ----------
        times : ndarray of float64, shape (...)
            Seconds after `reference`. Outside the vectors the nearest cubic goes on.

        Returns
        -------
        tuple of ndarray of float64, shape (..., 3)
            Positions (m), velocities (m/s) and accelerations (m/s2), in ECEF.
        """
        times = np.asarray(times, np.float64)
        piece = (np.searchsorted(self.times, times, side="right") - 1).clip(0, len(self.times) - 2)
        after = (times - self.times[piece])[..., None]
        first, speed, second, third = np.moveaxis(self.cubics[piece], -2, 0)
        return (
            first + after * (speed + after * (second + after * third)),
            speed + after * (2 * second + after * 3 * third),
            2 * second + after * 6 * third,
        )

    def referred_to(self, reference: np.datetime64) -> StateVectors:
        """Return the same vectors with times that count from another moment."""
        moved = (self.reference - reference) / np.timedelta64(1, "us") * 1e-6
        return StateVectors(reference, self.times + moved, self.positions, self.velocities)

    def covers(self, first: float, last: float) -> bool:
        """Whether both moments, seconds after `reference`, lie between the vectors."""
        return bool(self.times[0] <= first and last <= self.times[-1])


def check_vectors(orbit: StateVectors, source: str) -> None:
    """Refuse state vectors that are no orbit.

    Raises
    ------
    ProductError
        If there are fewer than two, their times do not increase, or they are no orbit of a
        satellite near the Earth in its rotating frame; names `source`.
    """
    times = orbit.times
    if len(times) < 2:
        raise ProductError(f"{source}: {len(times)} orbit state vectors, at least 2 are needed")
    if not (np.diff(times) > 0).all():
        raise ProductError(f"{source}: the times of its orbit state vectors do not increase")
    radius, speed = (
        np.linalg.norm(values, axis=1) for values in (orbit.positions, orbit.velocities)
    )
    if not (((radius > 6.5e6) & (radius < 8e6)).all() and ((speed > 6e3) & (speed < 9e3)).all()):
        raise ProductError(
            f"{source}: its orbit state vectors are not those of a low orbit in metres and metres "
            f"a second (radius {radius.min():.0f} to {radius.max():.0f}, speed {speed.min():.0f} "
            f"to {speed.max():.0f})"
        )
