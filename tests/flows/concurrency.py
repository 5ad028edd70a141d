"""Jobs that ask for much memory, then for little, then under a tag limit, on one local cluster.

``python -m tests.flows.concurrency FOLDER``
"""

import sys
from pathlib import Path

from prefect import flow, get_client

from blocks.cluster import DaskCluster
from flows.workers import Workers
from tests.flows.trivial import carry_out_trivial

LIMITED = "ram:1.5gb"


@flow
def rests(folder: str) -> None:
    with Workers(DaskCluster(n_workers=2, threads_per_worker=4, memory_gb=8)) as workers:
        carry_out_trivial(Path(folder, "three"), 6, workers, 3.0, together=2)
        carry_out_trivial(Path(folder, "one"), 6, workers, 1.0, together=5)
        with get_client(sync_client=True) as client:
            client.create_concurrency_limit(tag=LIMITED, concurrency_limit=1)
            carry_out_trivial(Path(folder, "limited"), 3, workers, 1.5, together=1)
            client.delete_concurrency_limit_by_tag(LIMITED)


if __name__ == "__main__":
    rests(sys.argv[1])
