"""Where the pixels of a map lie in a radar image: range-Doppler geocoding, backwards.

A point is seen at the moment at which it lies across the track (zero Doppler), so far from the
satellite; the image's polynomials turn that distance into a sample. Lines and samples are
continuous, 0.0 at the centre of the first pixel.

Between two polynomials the ground range is linear in time, as for SNAP, sarsen and Orfeo ToolBox;
the times of the polynomials are moved so that the points which a product lists are met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.coordinates import Coordinates, window_around
from sitsflow.geo.frame import anchored
from sitsflow.geo.grid import Grid, Window
from sitsflow.radar.annotation import Annotation
from sitsflow.radar.ellipsoid import geocentric, node_step, on_ellipsoid
from sitsflow.radar.geocoding_kernels import locate_pixels, zero_doppler
from sitsflow.radar.grid_timing import azimuth_timing, record_delay

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ImageGeometry:
    """What geocoding needs of an image, made once for it.

    `azimuth_shift` (s) and `shift_rate` (s/m) tell how much later than its line a point at a slant
    range is seen across the track, `record_delay` (s) how much later than the line that it holds
    for a range polynomial is dated: see `sitsflow.radar.grid_timing`.
    """

    annotation: Annotation
    azimuth_shift: float
    shift_rate: float
    record_delay: float

    @property
    def orbit(self) -> tuple[Floats, Floats]:
        """Times of the state vectors and the cubics between them, as kernels take them."""
        return self.annotation.orbit.times, self.annotation.orbit.cubics

    @property
    def _image(self) -> tuple[float, float, float, float, Floats, Floats, Floats]:
        about, ranges = self.annotation, self.annotation.conversions
        return (
            self.azimuth_shift,
            self.shift_rate,
            1.0 / about.line_interval,
            1.0 / about.range_spacing,
            ranges.times - self.record_delay,
            ranges.slant_origins,
            ranges.to_ground,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and samples."""
        return self.annotation.lines, self.annotation.samples

    def moments(self, points: Floats) -> Floats:
        """Return when points (ECEF, shape (..., 3)) are seen, seconds after the first line."""
        found = np.empty(points.shape[:-1])
        flat = np.ascontiguousarray(points.reshape(-1, 3))
        zero_doppler(flat, *self.orbit, self.annotation.last_line / 2, found.reshape(-1))
        return found

    def places(
        self, longitudes: Floats, latitudes: Floats, heights: Floats
    ) -> tuple[Floats, Floats]:
        """Locate single points in the image.

        Parameters
        ----------
        longitudes, latitudes, heights : ndarray of float64, shape (point,)
            Degrees, and metres above the ellipsoid (WGS 84).

        Returns
        -------
        tuple of ndarray of float64, shape (point,)
            Lines and samples; NaN for points left of the track.
        """
        lines, samples = self._located(geocentric(longitudes, latitudes, heights)[None])
        return lines[0], samples[0]

    def places_of(
        self, grid: Grid, rows: Floats, cols: Floats, height: float
    ) -> tuple[Floats, Floats]:
        """Locate fractional pixels of a map that lie at one height.

        Parameters
        ----------
        grid : Grid
        rows, cols : ndarray of float64, shape (row, col)
            0.0 at the centre of the first pixel; may lie outside the map.
        height : float
            Metres above the ellipsoid.

        Returns
        -------
        tuple of ndarray of float64, shape (row, col)
            Lines and samples; NaN for places left of the track.
        """
        nodes = on_ellipsoid(grid, rows, cols)
        points = nodes[..., :3] + height * nodes[..., 3:]
        return self._located(points)

    def _located(self, points: Floats) -> tuple[Floats, Floats]:
        """Lines and samples of ECEF places, shape (row, col, 3)."""
        moments = self.moments(points)[..., None]
        nodes = np.concatenate([points, np.zeros_like(points), moments], axis=-1)
        lines, samples = np.empty((2, *points.shape[:-1]))
        level = np.zeros(points.shape[:-1], np.float32)
        locate_pixels(nodes, (1, 0, 0), level, self.orbit, self._image, lines, samples)
        return lines, samples

    def coordinates(self, grid: Grid, window: Window, heights: NDArray[np.float32]) -> Coordinates:
        """Locate the pixels of one window of a map in the image, each at its own height.

        Every pixel is solved (one step of Newton's from the moment between nodes): within 0.002
        pixel of the exact solution, and the same to the last bit in every window that holds it.

        Parameters
        ----------
        grid : Grid
            The whole map.
        window : Window
            The pixels wanted, in `grid`.
        heights : ndarray of float32, shape (row, col)
            Metres above the ellipsoid; NaN where there is none.

        Returns
        -------
        Coordinates
            Lines as `rows` and samples as `cols`, float64, one value a pixel (`step` is 1); NaN
            where the height is. Values outside the image are kept: see `source_window`.
        """
        nodes, frame = self.nodes(grid, window)
        lines, samples = np.empty((2, *window.shape))
        level = np.ascontiguousarray(heights, np.float32)
        locate_pixels(nodes, frame, level, self.orbit, self._image, lines, samples)
        return Coordinates(lines, samples, 1, 0, 0, window.height, window.width)

    def nodes(self, grid: Grid, window: Window) -> tuple[Floats, tuple[int, int, int]]:
        """Solve the nodes around a window of a map, as kernels take them.

        Returns
        -------
        ndarray of float64, shape (node row, node col, 7)
            Place on the ellipsoid (ECEF, m), its normal, and when it is seen.
        tuple of int
            Pixels between nodes, row and col of the window's first pixel after the first node.
        """
        step = node_step(grid)
        grid, window = anchored(grid, window, step)
        first_row, first_col = window.row // step, window.col // step
        after = 0 if step == 1 else 1
        rows, cols = np.meshgrid(
            step * np.arange(first_row, (window.row + window.height - 1) // step + after + 1.0),
            step * np.arange(first_col, (window.col + window.width - 1) // step + after + 1.0),
            indexing="ij",
        )
        on_ground = on_ellipsoid(grid, rows, cols)
        moments = self.moments(on_ground[..., :3])[..., None]
        frame = (step, window.row - first_row * step, window.col - first_col * step)
        return np.concatenate([on_ground, moments], axis=-1), frame

    def pixel_areas(self, part: Window) -> Floats:
        """Return the areas of a part of the image's pixels in slant range, square metres.

        They are the reference of beta nought: slant range from sample to sample, times the way of
        the line of sight over the ground from line to line. Shape (line, sample). A pixel has the
        same area in every part.
        """
        about, ranges = self.annotation, self.annotation.conversions
        times = (part.row + np.arange(part.height, dtype=np.float64)) * about.line_interval
        ground = np.arange(part.col, part.col + part.width) * about.range_spacing
        places, speeds, _ = about.orbit.at(times)
        far = np.linalg.norm(places, axis=-1)[:, None]
        middle = about.grid.latitudes.mean(), about.grid.heights.mean()
        near = np.linalg.norm(geocentric(np.array(0.0), *(np.array(one) for one in middle)))
        dates = ranges.times - self.record_delay
        records = np.abs(dates - times[:, None]).argmin(axis=1)
        areas = np.empty(part.shape)
        for record in np.unique(records):
            slant = np.polynomial.Polynomial(ranges.to_slant[record])
            x = ground - ranges.ground_origins[record]
            rows = records == record
            # The way over the ground at the angle between the satellite and the pixel, at the
            # centre.
            cosine = (far[rows] ** 2 + near**2 - slant(x) ** 2) / (2 * far[rows] * near)
            along = np.linalg.norm(speeds[rows], axis=-1)[:, None] * about.line_interval
            areas[rows] = (
                along * near / far[rows] * cosine * (slant.deriv()(x) * about.range_spacing)
            )
        return areas

    def reach(self, grid: Grid, window: Window, low: float, high: float) -> Window | None:
        """Bound the part of the image that a window of a map needs, without its heights.

        Parameters
        ----------
        grid, window
            As in `coordinates`.
        low, high : float
            Least and greatest height that may occur, metres above the ellipsoid.

        Returns
        -------
        Window or None
            Lines and samples, with a margin of 4; None where the window misses the image.
        """
        edges = [
            np.unique(np.linspace(start - 0.5, start + size - 0.5, 5))
            for start, size in ((window.row, window.height), (window.col, window.width))
        ]
        rows, cols = np.meshgrid(*edges, indexing="ij")
        places = [self.places_of(grid, rows, cols, height) for height in (low, high)]
        lines, samples = (np.stack(one) for one in zip(*places, strict=True))
        return window_around(lines, samples, self.shape, 4)


def image_geometry(annotation: Annotation) -> ImageGeometry:
    """Prepare an image for geocoding: measure how its times differ from those of its grid."""
    return ImageGeometry(annotation, *azimuth_timing(annotation), record_delay(annotation))


def source_window(coordinates: Coordinates, shape: tuple[int, int], margin: int) -> Window | None:
    """Find the pixels of an image that one window of a map needs.

    Parameters
    ----------
    coordinates : Coordinates
        From `ImageGeometry.coordinates`.
    shape : tuple of int
        Lines and samples of the image.
    margin : int
        Pixels that the kernel reaches further: `sitsflow.geo.resampling.MARGINS`.

    Returns
    -------
    Window or None
        Lines and samples; None where no pixel of the map lies in the image.
    """
    return window_around(coordinates.rows, coordinates.cols, shape, margin)
