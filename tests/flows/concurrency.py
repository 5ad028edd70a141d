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
        for name, number, ram_gb in (("three", 6, 3.0), ("one", 6, 1.0)):
            carry_out_trivial(Path(folder, name), number, workers, ram_gb, seconds=0.4)
        with get_client(sync_client=True) as client:
            client.create_concurrency_limit(tag=LIMITED, concurrency_limit=1)
            carry_out_trivial(Path(folder, "limited"), 3, workers, 1.5, seconds=0.4)
            client.delete_concurrency_limit_by_tag(LIMITED)


if __name__ == "__main__":
    rests(sys.argv[1])
