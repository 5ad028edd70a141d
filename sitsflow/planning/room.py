"""Whether what a run writes has room: on its file system, and within reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from sitsflow.errors import ConfigError, Fault
from sitsflow.geo.grid import Grid
from sitsflow.io.disk import mount_point

MOST_SIDE = 2**31 - 1
"""Rows or columns of a raster: GDAL counts them in 32 bits."""
MOST_PIXELS = 10**12
"""Of a map: all land of the Earth has 1.5 times as many of 10 m."""
_LARGE_FILE = 200e9  # bytes before compression
_MOST_COMPRESSED = 50  # times smaller a map may become; one of noise does not even halve


def refuse_huge(what: str, rows: float, cols: float, grid_size: tuple[float, float]) -> None:
    """Refuse a raster that has more pixels than any that is meant.

    Parameters
    ----------
    what : str
        Which raster, for the message.
    rows, cols : float
        Its size; infinite where it cannot be counted.
    grid_size : tuple of float
        Width and height of its pixels.
    """
    if max(rows, cols) <= MOST_SIDE and rows * cols <= MOST_PIXELS:
        return
    xres, yres = grid_size
    message = (
        f"with pixels of {xres:g} x {yres:g} {what} has {rows:.6g} x {cols:.6g} of them; at most "
        f"{MOST_PIXELS:.0g} can be made, and {MOST_SIDE} in a row or column. Choose larger pixels, "
        "in the units of chain.proj"
    )
    raise ConfigError([Fault("chain.spatial_resolution", message)])


def refuse_huge_map(grid: Grid) -> None:
    """Refuse a map, on its grid, that has more pixels than any that is meant."""
    refuse_huge("the map", grid.height, grid.width, (grid.xres, grid.yres))


def room_notice(output_path: Path, n_bytes: int, compression: str) -> Iterator[str]:
    """Yield a sentence if the maps of tiles may not fit on the file system of `output_path`.

    Raises
    ------
    ConfigError
        If they cannot fit even if the file system were empty and they compress very well.
    """
    place = _existing(output_path)
    disk = shutil.disk_usage(place)
    needed = (
        f"the maps of the tiles have {_gb(n_bytes)} before compression, and the file system at "
        f"{mount_point(place)}, where {output_path} lies, has"
    )
    if n_bytes > disk.total * (1 if compression == "NONE" else _MOST_COMPRESSED):
        message = f"{needed} {_gb(disk.total)} in all. Choose larger pixels, or fewer features"
        raise ConfigError([Fault("chain.output_path", message)])
    if n_bytes > disk.free:
        yield f"{needed} {_gb(disk.free)} free: the run may fill it. Make room first"


def one_file_notice(
    output_path: Path, tiles_bytes: int, map_bytes: int, n_tiles: int
) -> Iterator[str]:
    """Yield a sentence if a copy of all tiles in one file may not fit, or be too large to handle.

    Parameters
    ----------
    tiles_bytes, map_bytes : int
        Of the maps of tiles together, and of the map in one file, before compression.
    """
    free = shutil.disk_usage(_existing(output_path)).free
    if n_tiles < 2:
        return
    about = (
        f"the map of all tiles, a copy of them in one file, has {_gb(map_bytes)} before compression"
    )
    advice = "`chain.mosaic: vrt` makes a small file that refers to the maps of the tiles instead"
    if tiles_bytes <= free < tiles_bytes + map_bytes:
        yield f"{about}; besides the maps of the tiles {_gb(free - tiles_bytes)} are free. {advice}"
    elif map_bytes > _LARGE_FILE:
        yield f"{about}: large files are slow to copy and to make again. {advice}"


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.3g} GB"
