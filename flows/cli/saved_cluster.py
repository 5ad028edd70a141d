"""Finding the Dask cluster that a command line names: a scheduler's address, or a saved block."""

from __future__ import annotations

from blocks.cluster import DaskCluster
from flows.block_parameter import saved_values
from sitsflow.errors import ClusterError

_SLUG = DaskCluster.get_block_type_slug()


def find_cluster(named: str) -> DaskCluster:
    """Return a cluster by address, e.g. ``tcp://10.0.0.1:8786``, or by the name of its block.

    Raises
    ------
    ClusterError
        If no block has that name, with the names that there are.
    """
    if "://" in named:
        return DaskCluster(address=named)
    known = saved_values(_SLUG)
    if named not in known:
        there = ", ".join(known) or "none"
        raise ClusterError(
            f"no Dask cluster is saved as {named!r} on this Prefect server; there is {there}. Save "
            "one in the Prefect UI (Blocks, Dask cluster), or give a scheduler's address, e.g. "
            "tcp://10.0.0.1:8786"
        )
    return DaskCluster.model_validate(known[named])
