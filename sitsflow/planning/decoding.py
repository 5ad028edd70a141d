"""How often the blocks of the products are decoded: chunks that share one decode it each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sitsflow.geo.coordinates import source_window
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import MARGINS
from sitsflow.plan import SeriesPlan, TilePlan
from sitsflow.planning.radar_decoding import radar_decoded
from sitsflow.request import Resampling

_MOST = 500  # chunks that are looked at; of more, some stand for all


def times_decoded(
    tiles: Iterable[TilePlan], blocks: Mapping[Grid, tuple[int, int]], method: Resampling
) -> float:
    """Return how often a block that a run needs is decoded, on average over layers and dates.

    A block counts by its pixels. 1 is the least. Windows of bands that are resampled reach some
    pixels over the chunk's edge, and so into the next block; of radar see `radar_decoded`.
    """
    decoded = needed = 0.0
    for tile in tiles:
        every = tile.read_at_once
        chunks = every[:: math.ceil(len(every) / _MOST)]
        scale = len(every) / len(chunks)
        whole = Window(row=0, col=0, height=tile.grid.height, width=tile.grid.width)
        for plan in tile.series:
            if plan.radar is not None:
                of_radar = radar_decoded(plan, tile.grid, chunks)
                decoded += scale * of_radar.done
                needed += of_radar.needed
                continue
            for source, layers in layers_by_grid(plan).items():
                block = blocks.get(source, (1, source.width))
                reach = _Reach(tile.grid, source, plan.step, block, method)
                pixels = layers * math.prod(block)
                decoded += pixels * scale * sum(reach.blocks(window) for window in chunks)
                needed += pixels * reach.blocks(whole)
    return round(decoded / needed, 2) if needed else 1.0


class _Reach(NamedTuple):
    """What of a source grid a window of the target needs."""

    target: Grid
    source: Grid
    step: int
    block: tuple[int, int]
    method: Resampling

    def blocks(self, window: Window) -> int:
        """Count the blocks that hold it."""
        coincides = self.target.offset_in(self.source) is not None
        margin = 0 if coincides else MARGINS[self.method]
        found = source_window(self.target, window, self.source, self.step, margin)
        return 0 if found is None else touched(self.block, found)


def layers_by_grid(plan: SeriesPlan) -> Counter[Grid]:
    """Count the layers that a series reads on each grid, over all dates."""
    names = (*plan.read, *(mask.name for mask in plan.sensor.masks))
    found = Counter(plan.grids[name] for name in names)
    return Counter({grid: count * len(plan.scenes) for grid, count in found.items()})


def touched(block: tuple[int, int], window: Window) -> int:
    """Return how many blocks of so many rows and columns share a pixel with a window."""
    rows = -(-(window.row + window.height) // block[0]) - window.row // block[0]
    cols = -(-(window.col + window.width) // block[1]) - window.col // block[1]
    return rows * cols
