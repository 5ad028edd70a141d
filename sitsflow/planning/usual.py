"""Where most files of a series lie: the others are on another grid, whichever comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sitsflow.geo.grid import Grid
from sitsflow.io.read import Header


def usual_headers(products: Sequence[Mapping[str, Header]]) -> dict[str, Header]:
    """Return by layer the header that most products agree with.

    The reference system is that of most files of all layers; then the grid that most files of the
    layer are on. Where these are as many, the one wins whose extent most files of all layers have.

    Parameters
    ----------
    products : sequence of mappings of str to Header
        The headers of each product by band or mask; those that could not be read are absent.
    """
    everything = [header.grid for product in products for header in product.values()]
    systems = Counter(grid.crs for grid in everything)
    extents = Counter(_extent(grid) for grid in everything)
    found = {}
    for name in dict.fromkeys(name for product in products for name in product):
        of_layer = [product[name] for product in products if name in product]
        votes = Counter(header.grid for header in of_layer)

        def rank(header: Header, votes: Counter[Grid] = votes) -> tuple[int, int, int]:
            grid = header.grid
            same = sum(count for other, count in votes.items() if alike(other, grid))
            return systems[grid.crs], same, extents[_extent(grid)]

        found[name] = max(_distinct(of_layer), key=rank)
    return found


def alike(one: Grid, other: Grid) -> bool:
    """Whether two grids have the same pixels, to a millionth of one."""
    return one == other or (one.shape == other.shape and one.offset_in(other) == (0, 0))


def _distinct(headers: Iterable[Header]) -> list[Header]:
    """Return the first header of each grid."""
    found: dict[Grid, Header] = {}
    for header in headers:
        found.setdefault(header.grid, header)
    return list(found.values())


def _extent(grid: Grid) -> tuple[str, ...]:
    """Return the system and the edges, to a thousandth of a pixel: band and mask may share them."""
    west, south, east, north = grid.bounds
    edges = (west / grid.xres, south / grid.yres, east / grid.xres, north / grid.yres)
    sizes = (grid.xres, grid.yres, grid.xres, grid.yres)
    texts = [f"{round(at, 3) * size:.10g}" for at, size in zip(edges, sizes, strict=True)]
    return (grid.crs, *texts)
