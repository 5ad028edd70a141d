"""Register our block types and work pool on a Prefect server; doing it twice changes nothing.

``python -m deployments.register [TAG=LIMIT ...]``, with `PREFECT_API_URL` set. A limit, e.g.
``step:write_features=4``, is how many task runs of a tag run at a time on the whole server.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from prefect import get_client
from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from blocks.cluster import DaskCluster
from blocks.features_map import FeaturesMap
from flows.server import ServerError, configured_api_url, find_server

BLOCKS: tuple[type[Block], ...] = (FeaturesMap, DaskCluster)
POOL = "sitsflow"
_OF_THE_WORKER = ("command", "env", "working_dir")
"""What runs cannot set: their environment says what they may use, see `blocks.allowed`."""


def register(limits: Mapping[str, int] | None = None) -> list[str]:
    """Register block types and pool, and set limits by tag; return what there is now."""
    for block in BLOCKS:
        block.register_type_and_schema()
    said = [f"block type {block.get_block_type_slug()}" for block in BLOCKS]
    with get_client(sync_client=True) as client:
        _register_pool(client)
        for tag, limit in (limits or {}).items():
            client.create_concurrency_limit(tag=tag, concurrency_limit=limit)
    said.append(f"work pool {POOL}")
    return said + [f"limit {tag}={limit}" for tag, limit in (limits or {}).items()]


def _register_pool(client: SyncPrefectClient) -> None:
    """Make the work pool; of one that is there a template that somebody wrote is kept."""
    template = _job_template()
    try:
        there = client.read_work_pool(POOL)
    except ObjectNotFound:
        pool = WorkPoolCreate(name=POOL, type="process", base_job_template=template)
        client.create_work_pool(pool)
        return
    if there.base_job_template in ({}, ProcessWorker.get_default_base_job_template()):
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))


def _job_template() -> dict[str, Any]:
    """Return Prefect's template of a process pool without what is the worker's to say."""
    template = ProcessWorker.get_default_base_job_template()
    for name in _OF_THE_WORKER:
        del template["job_configuration"][name], template["variables"]["properties"][name]
    # A run that sets one of them is refused when it is submitted.
    template["variables"]["additionalProperties"] = False
    return template


def required_server() -> str:
    """Return the address of the configured server, which answers; end the process without one."""
    url = configured_api_url()
    if url is None:
        sys.exit(
            "no Prefect server is configured: set PREFECT_API_URL, e.g. to "
            "http://127.0.0.1:4200/api, or start one on this machine with `make serve`"
        )
    try:
        find_server()
    except ServerError as error:
        sys.exit(str(error))
    return url


def main() -> None:
    """Register, and say what."""
    limits = {}
    for argument in sys.argv[1:]:
        tag, equals, limit = argument.rpartition("=")
        if not (tag and equals and limit.isdigit()):
            sys.exit(f"{argument!r} is not of the form TAG=LIMIT, e.g. step:write_features=4")
        limits[tag] = int(limit)
    required_server()
    sys.stdout.write("".join(f"{line}\n" for line in register(limits)))


if __name__ == "__main__":
    main()
