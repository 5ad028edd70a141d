"""Tell a Prefect server of our block types; doing it twice changes nothing.

``python -m deployments.register``, with `PREFECT_API_URL` set.
"""

from __future__ import annotations

import sys

from prefect.blocks.core import Block

from blocks.cluster import DaskCluster
from blocks.features_map import FeaturesMap

BLOCKS: tuple[type[Block], ...] = (FeaturesMap, DaskCluster)


def register() -> list[str]:
    """Register each block type and its schema with the server; return their slugs."""
    for block in BLOCKS:
        block.register_type_and_schema(_sync=True)  # type: ignore[call-arg]
    return [block.get_block_type_slug() for block in BLOCKS]


def main() -> None:
    """Register, and say what."""
    sys.stdout.write("".join(f"registered {slug}\n" for slug in register()))


if __name__ == "__main__":
    main()
