"""One picture: the ground under the sky of a day, as digital numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sitsflow.geo.grid import Grid
from sitsflow.products.sensors.model import Band
from sitsflow.simulate import noise
from sitsflow.simulate.cover import reflectances
from sitsflow.simulate.landscape import Ground
from sitsflow.simulate.weather import Sky, sun_on

_NOISE, _HAZE = 301, 302
_NOISE_AMPLITUDE = np.float32(0.0045)  # in reflectance, uniform about 0
_SHADE = np.float32(0.42)
_SATURATED = 1.6  # reflectance
_CLOUD_KELVIN = np.float32(255)
# Clouds are white in the visible and darken where ice absorbs.
_CLOUD = {"coastal": 1.03, "swir1": 0.72, "swir2": 0.55}
# Denser vegetation inside a parcel is brighter in the near infrared and darker elsewhere.
_BRIGHTER_WHERE_DENSE = ("rededge2", "rededge3", "nir", "nir08")


@dataclass(frozen=True)
class Scene:
    """A tile on a day. `ground` and `sky` are on `grid`, at the sensor's finest resolution."""

    tile: str
    grid: Grid
    day: date
    seed: int
    ground: Ground
    sky: Sky

    @cached_property
    def coarse_grid(self) -> Grid:
        """The grid of the bands with pixels twice as wide."""
        return self.grid.model_copy(
            update={
                "xres": self.grid.xres * 2,
                "yres": self.grid.yres * 2,
                "height": self.grid.height // 2,
                "width": self.grid.width // 2,
            }
        )

    def view(self) -> View:
        """Look at the finest resolution."""
        return View(self, self.grid, (self.ground.index,), self.ground.texture, self.sky)

    def coarse_view(self) -> View:
        """Look in pixels twice as wide: two of four fine pixels stand for each."""
        index, texture = self.ground.index, self.ground.texture
        both = (index[0::2, 0::2], index[1::2, 1::2])
        mean = (texture[0::2, 0::2] + texture[1::2, 1::2]) * np.float32(0.5)
        return View(self, self.coarse_grid, both, mean, self.sky.coarser())


@dataclass(frozen=True)
class View:
    """A scene at one resolution; arrays have the shape of `grid`, (row, col).

    `parts` index the ground's parcels: a pixel is the mean of as many parcels as there are parts.
    """

    scene: Scene
    grid: Grid
    parts: tuple[NDArray[np.int32], ...]
    texture: NDArray[np.float32]
    sky: Sky

    @cached_property
    def _hashes(self) -> noise.Keys:
        base = noise.key(self.scene.seed, _NOISE, self.scene.day.toordinal())
        # Down, for Landsat's pixels lie half a pixel beside the lattice.
        west = math.floor(self.grid.x / self.grid.xres)
        north = math.floor(-self.grid.y / self.grid.yres)
        return noise.lattice(
            base,
            np.arange(west, west + self.grid.width)[None, :],
            np.arange(north, north + self.grid.height)[:, None],
        )

    def saturation(self, n_bands: int) -> NDArray[np.uint8]:
        """Bit per band where it is saturated, uint8, shape (row, col), 0 outside the swath.

        Glints are rare on the ground and ten times less rare on the brightest clouds.
        """
        chance = noise.uniform(self._hashes)
        hit = chance < np.where(self.sky.opacity >= 1, 4e-4, 4e-5)
        hit &= ~self.sky.outside
        bits = np.zeros(self.grid.shape, np.uint8)
        spread = noise.scramble(self._hashes[hit])
        first = np.uint64(1) << (spread % np.uint64(n_bands))
        others = (spread >> np.uint64(8)) & (spread >> np.uint64(24))
        bits[hit] = ((first | others) & np.uint64((1 << n_bands) - 1)).astype(np.uint8)
        return bits

    def bands(
        self,
        bands: Sequence[Band],
        quantification: float,
        nodata: float,
        saturated: NDArray[np.uint8],
        dtype: DTypeLike = np.int16,
    ) -> Iterator[tuple[Band, NDArray[Any]]]:
        """Yield each band with its digital numbers.

        Parameters
        ----------
        bands : sequence of Band
            At most eight, each with a common name.
        quantification, nodata : float
            Value of reflectance 1, from which a band's scale and offset lead to the numbers; and
            the number of a pixel outside the swath.
        saturated : ndarray of uint8, shape (row, col)
            Bit k is set where band k is saturated.
        dtype : int16 or uint16
            Of the numbers.

        Yields
        ------
        Band, ndarray of `dtype`, shape (row, col)
            At least 1 inside the swath.
        """
        names = tuple(band.common for band in bands if band.common)
        parcels = reflectances(self.scene.ground.parcels, self.scene.day, names)
        day = self.scene.day.toordinal()
        parcels *= np.float32(0.985 + 0.03 * noise.draw(self.scene.seed, _HAZE, day))
        grains = self._hashes.view(np.int8).reshape(*self.grid.shape, 8)
        for column, band in enumerate(bands):
            value = self._signal(np.ascontiguousarray(parcels[:, column]), band)
            value += grains[..., column] * (_NOISE_AMPLITUDE / np.float32(128))
            value *= np.float32(quantification)
            brightest = _SATURATED * quantification
            if (band.scale, band.offset) != (1, 0):
                value -= np.float32(band.offset)
                value /= np.float32(band.scale)
                brightest = (brightest - band.offset) / band.scale
            highest = np.iinfo(dtype).max
            numbers = np.rint(value, out=value).clip(1, highest).astype(dtype)
            numbers[(saturated >> column) & 1 == 1] = min(round(brightest), highest)
            numbers[self.sky.outside] = round(nodata)
            yield band, numbers

    def temperature(self) -> NDArray[np.float32]:
        """Temperature of what is seen, in kelvin, shape (row, col): plants cool, clouds are cold.

        No model of physics: what rises with the sun and falls with NDVI, as in summer pictures.
        """
        day = self.scene.day
        red, nir = reflectances(self.scene.ground.parcels, day, ("red", "nir")).T
        height = np.sin(np.radians(sun_on(day).elevation), dtype=np.float32)
        of_parcel = 262 + 56 * height - 12 * (nir - red) / (nir + red)
        kelvin: NDArray[np.float32] = of_parcel[self.parts[0]].astype(np.float32)
        kelvin += self._hashes.view(np.int8).reshape(*self.grid.shape, 8)[..., 7] / np.float32(256)
        kelvin += (_CLOUD_KELVIN - kelvin) * self.sky.opacity
        return kelvin

    def _signal(self, of_parcel: NDArray[np.float32], band: Band) -> NDArray[np.float32]:
        """Reflectance of one band, float32, shape (row, col)."""
        value = of_parcel[self.parts[0]]
        for part in self.parts[1:]:
            value += of_parcel[part]
        if len(self.parts) > 1:
            value *= np.float32(1 / len(self.parts))
        sign = 1 if band.common in _BRIGHTER_WHERE_DENSE else -1
        value *= 1 + np.float32(sign) * self.texture
        dark = self.sky.shadow | self.sky.stray
        if dark.any():
            value[dark] *= _SHADE
        if self.sky.opacity.any():
            white = np.float32(_CLOUD.get(band.common or "", 1.0))
            cloud = (np.float32(0.45) + np.float32(0.35) * self.sky.opacity) * white
            value += (cloud - value) * self.sky.opacity
        return value
