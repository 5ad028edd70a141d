"""What each pixel of one image of Sentinel-1 shows of the simulated world."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.grid import Lattice
from sitsflow.simulate import noise
from sitsflow.simulate.backscatter import gamma_nought
from sitsflow.simulate.landscape import survey
from sitsflow.simulate.relief import Ground
from sitsflow.simulate.sentinel1_image import LINE_S, Image, gathered_area, image_over
from sitsflow.simulate.sentinel1_metadata import Product, grid_axes
from sitsflow.simulate.sentinel1_orbit import orbit_over, to_geocentric, to_geographic
from sitsflow.simulate.sentinel1_tables import BETA, gamma_table, noise_tables

Floats = NDArray[np.float64]
Place = tuple[float, float]


class Track(NamedTuple):
    """A relative orbit that passes over the land.

    `hour` is the local solar time, `incidence` that in the middle of the land (degrees), and
    `later` how many days after a date of the first track of its direction it passes.
    """

    ascending: bool
    hour: float
    relative_orbit: int
    incidence: float
    later: int

    @property
    def direction(self) -> str:
        """ASC or DES."""
        return "ASC" if self.ascending else "DES"


TRACKS = {
    "ASC": (Track(True, 17.9, 30, 38.0, 0), Track(True, 17.9, 132, 32.5, 7)),
    "DES": (Track(False, 5.9, 110, 38.0, 0), Track(False, 5.9, 8, 32.5, 5)),
}
"""Those over the south of France, by direction; the second one passes further west or east."""

_TARGET_DN, _TARGET_SAMPLES = 2.0e4, 0.85
_SPECKLE, _BASELINE = 501, 502
_FIRST_DAY = date(2014, 4, 3)  # of Sentinel-1A, which passes everywhere again after 12 days


class Pixels:
    """The image of a day and a track, and what each of its pixels shows."""

    def __init__(
        self,
        ground: Ground,
        day: date,
        track: Track,
        seed: int,
        looks: float | None,
        targets: tuple[Place, ...],
        *,
        slopes: bool,
    ) -> None:
        self.ground, self.day, self.track = ground, day, track
        self.seed, self.looks = seed, looks
        west, south, east, north = ground.bounds
        xs, ys = (axis.ravel() for axis in np.meshgrid([west, east], [south, north]))
        longitude, latitude = ground.geographic(*(np.array(one) for one in ground.middle))
        # Tracks of one relative orbit lie some hundred metres beside each other.
        off = 0.02 * (noise.draw(seed, _BASELINE, day.toordinal()) - 0.5)
        orbit = orbit_over(
            float(longitude), float(latitude), track.incidence + off, ascending=track.ascending
        )
        heights = ground.height(np.linspace(west, east, 41, dtype=np.float64))
        corners = [(*ground.geographic(xs, ys), np.full(4, h)) for h in
                   (heights.min(), heights.max())]  # fmt: skip
        self.image = image_over(orbit, *(np.concatenate(one) for one in zip(*corners, strict=True)))
        lines, samples = self.image.lines, self.image.samples
        rows, cols = np.indices((lines, samples)).astype(np.float64)
        self.points = self.image.ground(rows, cols, ground.at)
        self.bright = self._spots(targets)
        xs, ys = ground.on_map(*to_geographic(self.points)[:2])
        seen = Lattice(crs=ground.crs, xres=10, yres=10).grid_over(
            (xs.min(), ys.min(), xs.max(), ys.max())
        )
        self.land = survey(seen, seed)
        down = np.floor((seen.y - ys) / 10).astype(int).clip(0, seen.height - 1)
        right = np.floor((xs - seen.x) / 10).astype(int).clip(0, seen.width - 1)
        self.parcels = self.land.index[down, right]
        self.gathered = (
            gathered_area(self.image, rows, self.points, ground.upwards(xs, ys)) if slopes else None
        )

    def _spots(self, targets: tuple[Place, ...]) -> Floats:
        """Squared numbers of the bright points; shape (line, sample)."""
        total = np.zeros((self.image.lines, self.image.samples))
        if not targets:
            return total
        xs, ys = np.array(targets, np.float64).T
        points = to_geocentric(*self.ground.geographic(xs, ys), self.ground.height(xs))
        rows, cols = np.ogrid[: self.image.lines, : self.image.samples]
        for line, sample in zip(*self.image.place(points), strict=True):
            away = (rows - line) ** 2 + (cols - sample) ** 2
            total += _TARGET_DN**2 * np.exp(-away / (2 * _TARGET_SAMPLES**2))
        return total

    def numbers(self, product: Product, polarisation: str) -> NDArray[np.uint16]:
        """Amplitudes of a product's lines."""
        first = self.first_line(product.image)
        rows = slice(first, first + product.image.lines)
        samples = np.arange(self.image.samples, dtype=np.float64)
        shown = gamma_nought(self.land.parcels, self.day, polarisation)[self.parcels[rows]]
        power = shown * (
            gamma_table(product, samples) ** 2
            if self.gathered is None
            else BETA**2 * self.gathered[rows]
        )
        if self.looks is not None:
            which = (_SPECKLE, self.day.toordinal(), first, *map(ord, self.track.direction[0]))
            random = np.random.default_rng(noise.key(self.seed, *which, *map(ord, polarisation)))
            power *= random.gamma(self.looks, 1 / self.looks, power.shape)
        lines = np.arange(product.image.lines, dtype=np.float64)
        along, across = noise_tables(product.image, samples, lines)
        power += self.bright[rows] + across[:, None] * along
        numbers: NDArray[np.uint16] = np.sqrt(power).round().clip(1, 65535).astype(np.uint16)
        return numbers

    def first_line(self, image: Image) -> int:
        """Line of the whole image with which a slice of it begins."""
        return round((image.first - self.image.first) / LINE_S)

    def product(self, image: Image, polarisations: tuple[str, ...]) -> Product:
        """Describe the product of a slice."""
        ascending, hour, relative = self.track[:3]
        longitude = float(to_geographic(self.points[0, 0])[0])
        clock = np.timedelta64(round((hour - longitude / 15) * 3600), "s")
        # A second begins with the second slice: names of products tell whole seconds only.
        cut = self.image.first + LINE_S * (self.image.lines // 2)
        days = (self.day - _FIRST_DAY).days
        # Sentinel-1B failed on 2021-12-23; until then both took turns, six days apart.
        second = self.day < date(2021, 12, 23) and self.day.toordinal() // 6 % 2
        # Relative orbit: (absolute - 73) % 175 + 1 of Sentinel-1A, (absolute - 27) % 175 + 1 of 1B.
        absolute = days // 12 * 175 + (26 if second else 72) + relative
        lines, pixels = (axis.astype(int) for axis in grid_axes(image))
        first = self.first_line(image)
        return Product(
            image=image,
            epoch=np.datetime64(self.day, "us") + clock - np.timedelta64(round(cut * 1e6), "us"),
            satellite="S1B" if second else "S1A",
            ascending=ascending,
            absolute_orbit=absolute,
            relative_orbit=relative,
            datatake=absolute * 4,
            polarisations=polarisations,
            points=self.points[np.ix_(first + lines, pixels)],
        )
