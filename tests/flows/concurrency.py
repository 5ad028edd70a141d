"""Jobs that ask for much memory, then for little, then under a tag limit, on local clusters.

``python -m tests.flows.concurrency FOLDER``
"""

import sys
from pathlib import Path

from prefect import flow, get_client

from blocks.cluster import DaskCluster
from flows.cluster import RunCluster
from tests.flows.trivial import carry_out_trivial

LIMITED = "ram:1.5gb"
MACHINE = DaskCluster(n_workers=4, memory_gb=8)


@flow
def rests(folder: str) -> None:
    with RunCluster(MACHINE) as workers:
        carry_out_trivial(Path(folder, "three"), 6, workers, 3.0, together=2)
    with RunCluster(MACHINE) as workers:
        carry_out_trivial(Path(folder, "one"), 6, workers, 1.0, together=4)
        with get_client(sync_client=True) as client:
            client.create_concurrency_limit(tag=LIMITED, concurrency_limit=1)
            carry_out_trivial(Path(folder, "limited"), 3, workers, 1.5, together=1)
            client.delete_concurrency_limit_by_tag(LIMITED)


if __name__ == "__main__":
    rests(sys.argv[1])
