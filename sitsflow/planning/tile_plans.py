"""What is done for each tile of a run: its chunks, the files that it reads, what they depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sitsflow.features.probe import ProbeResult
from sitsflow.geo.coordinates import node_step
from sitsflow.geo.grid import Grid
from sitsflow.plan import SeriesPlan, TilePlan
from sitsflow.planning.chunking import tile_chunks
from sitsflow.planning.estimates import pixel_bytes
from sitsflow.planning.fingerprints import TileFacts, tile_dependencies
from sitsflow.planning.grids import RunGrids
from sitsflow.planning.inventory import CheckedLayers
from sitsflow.planning.notices import touched_notice
from sitsflow.request import Request


def plan_tiles(
    request: Request,
    code_digest: str,
    grids: RunGrids,
    series: Mapping[str, Sequence[SeriesPlan]],
    probed: Mapping[str, ProbeResult],
    checked: CheckedLayers,
) -> tuple[dict[str, TilePlan], list[str]]:
    """Plan each tile; also say which products have other times of change than an earlier run saw.

    Parameters
    ----------
    request : Request
        What is asked for.
    code_digest : str
        Of the code of all functions.
    grids : RunGrids
        Grids of the tiles and of the mosaic.
    series, probed : mapping of str to sequence of SeriesPlan, mapping of str to ProbeResult
        The series of each tile, and what functions read of them.
    checked : CheckedLayers
        What headers say of the layers that are read.
    """
    tiles: dict[str, TilePlan] = {}
    notices: list[str] = []
    for tile, plans in series.items():
        grid = grids.grids[tile]
        whole = tuple(_complete(one, probed[tile], grid) for one in plans)
        facts = TileFacts(tile, grid, grids.rooms.get(tile), whole, probed[tile], code_digest)
        steps, inputs = tile_dependencies(request, facts)
        each = pixel_bytes(whole, probed[tile], request, grid, checked.width)
        chunks = tile_chunks(request, grid, whole, each, checked.blocks, grids.mosaic)
        tiles[tile] = TilePlan(
            tile=tile,
            grid=grid,
            series=whole,
            chunks=chunks.windows,
            pass_rows=chunks.pass_rows,
            read_rows=chunks.read_rows,
            room=facts.room,
            files=inputs.files,
            **steps,
        )
        notices += touched_notice(tile, inputs)
    return tiles, notices


def _complete(plan: SeriesPlan, probed: ProbeResult, grid: Grid) -> SeriesPlan:
    """Add to a series what is read of it, and how finely it is placed."""
    read, step = probed.read[plan.sensor.label], _step(grid, plan)
    return plan.model_copy(update={"read": read, "step": step})


def _step(grid: Grid, plan: SeriesPlan) -> int:
    """Return the node step that is fine enough for all grids of a series."""
    return min(node_step(grid, source) for source in dict.fromkeys(plan.grids.values()))
