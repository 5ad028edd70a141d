"""One polarisation of a Sentinel-1 product: its numbers read and calibrated, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from sitsflow.errors import ProductError
from sitsflow.geo.grid import Window
from sitsflow.io.opening import opened
from sitsflow.io.read import read_layer
from sitsflow.products.scenes import Layer
from sitsflow.radar.border_noise import has_border_noise, side_mask
from sitsflow.radar.calibration import calibrate, read_calibration
from sitsflow.radar.lookup_table import LookupTable
from sitsflow.radar.safe import MEASUREMENT_DRIVERS, Sentinel1Product
from sitsflow.radar.thermal_noise import ThermalNoise, read_thermal_noise
from sitsflow.radar_settings import Backscatter, Polarisation

_CO_POLARISED: tuple[Polarisation, ...] = ("vv", "hh")


@dataclass(frozen=True)
class Border:
    """Where the sides of an old product are told from ground: its co-polarised image."""

    measurement: Path
    noise: ThermalNoise | None


class Numbers:
    """Amplitudes of windows of measurements, each read once.

    The border of an image is found in one of its channels, whose backscatter may be wanted too.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Path, Window], NDArray[np.uint16]] = {}

    def read(self, measurement: Path, window: Window) -> NDArray[np.uint16]:
        """Return a window of a measurement; not the caller's own.

        Raises
        ------
        ReadError, InputChangedError or ProductError
            See `sitsflow.io.read.read_layer`.
        """
        if (measurement, window) not in self._kept:
            # Blocks that were never written are the border, which is 0.
            layer = Layer(path=measurement, nodata=0, drivers=MEASUREMENT_DRIVERS)
            self._kept[measurement, window] = read_layer(layer, window)
        return self._kept[measurement, window]


@dataclass(frozen=True)
class Channel:
    """What one polarisation of a product needs to be calibrated.

    Attributes
    ----------
    measurement : Path
        The image; in an archive its path goes on below the archive's.
    shape, block : (int, int)
        Its lines and pixels, and those of the blocks that its file is decoded in.
    gains : LookupTable
    noise : ThermalNoise or None
        None: the processor has subtracted it.
    border : Border or None
        None: the processor has set the sides to 0.
    """

    measurement: Path
    shape: tuple[int, int]
    block: tuple[int, int]
    gains: LookupTable
    noise: ThermalNoise | None
    border: Border | None

    def power(
        self,
        row: int,
        col: int,
        shape: tuple[int, int],
        *,
        without_noise: bool = True,
        numbers: Numbers | None = None,
    ) -> NDArray[np.float32]:
        """Read and calibrate a window of the image, which may reach out of it.

        Parameters
        ----------
        row, col : int
            The window's first line and pixel, from 0; negative before the image.
        shape : (int, int)
            Its lines and pixels.
        without_noise : bool
            Whether to subtract the thermal noise, see `calibrate`.
        numbers : Numbers, optional
            Those of channels of the same image, which read the same windows of the same files.

        Returns
        -------
        ndarray of float32, shape (row, col)
            Linear power; NaN where the image is 0, outside it, and in the border of old products.

        Raises
        ------
        ReadError, InputChangedError or ProductError
            If the image cannot be read, see `sitsflow.io.read.read_layer`.
        """
        out = np.full(shape, np.nan, np.float32)
        top, left = max(row, 0), max(col, 0)
        height = min(row + shape[0], self.shape[0]) - top
        width = min(col + shape[1], self.shape[1]) - left
        if height <= 0 or width <= 0:
            return out
        window, inside = Window(row=top, col=left, height=height, width=width), (height, width)
        numbers = Numbers() if numbers is None else numbers
        values = numbers.read(self.measurement, window)
        if self.border is not None:
            seen = numbers.read(self.border.measurement, window)
            sides = side_mask(seen, top, left, self.shape, self.border.noise)
            values = np.where(sides, np.uint16(0), values)
        noise = self.noise.over(top, left, inside) if self.noise and without_noise else None
        found = calibrate(values, top, left, self.gains, noise)
        out[top - row : top - row + height, left - col : left - col + width] = found
        return out


def read_channel(
    product: Sentinel1Product, polarisation: Polarisation, quantity: Backscatter = "gamma0"
) -> Channel:
    """Read what calibrates one polarisation of a product, which must have been read with it.

    The border of products of processors before 2.9 is that of their co-polarised image, if the
    product was read with it, or else of the image itself.

    Raises
    ------
    ProductError
        If a file cannot be read, or the image is not one band of 16 bits.
    """
    files = product.channels[polarisation]
    noise = read_thermal_noise(product.product, files, product.ipf_version)
    border = None
    if has_border_noise(product.ipf_version):
        told_by = next((one for one in _CO_POLARISED if one in product.channels), polarisation)
        other = product.channels[told_by]
        border = Border(
            other.measurement,
            noise
            if told_by == polarisation
            else read_thermal_noise(product.product, other, product.ipf_version),
        )
    shape, block = _shape_and_block(files.measurement)
    return Channel(
        measurement=files.measurement,
        shape=shape,
        block=block,
        gains=read_calibration(product.product, files.calibration, quantity),
        noise=noise,
        border=border,
    )


def _shape_and_block(measurement: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    try:
        with opened(measurement, MEASUREMENT_DRIVERS) as image:
            kind = (image.count, image.dtypes[0])
            shape, block = (image.height, image.width), image.block_shapes[0]
    except (OSError, RasterioError) as error:
        raise ProductError(f"{measurement}: cannot be opened ({error})") from None
    if kind != (1, "uint16"):
        raise ProductError(
            f"{measurement}: {kind[0]} bands of {kind[1]}, but amplitudes are one band of uint16"
        )
    return shape, (int(block[0]), int(block[1]))
