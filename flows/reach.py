"""Whether Dask workers on other machines can reach the Prefect server that they report to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import psutil

from sitsflow.errors import ClusterError


def refuse_unreachable(workers: Iterable[str], api_url: str | None) -> None:
    """Refuse workers elsewhere where the server listens on this machine only.

    Their tasks would fail one by one, after minutes of looking for the server on their own machine.

    Parameters
    ----------
    workers : iterable of str
        Addresses as Dask has them, e.g. ``tcp://10.0.0.5:34567``.
    api_url : str or None
        Address of the Prefect API.

    Raises
    ------
    ClusterError
        With one of the workers, and what to do.
    """
    if api_url is None or not _is_loopback(_host(api_url)):
        return
    here = {address.address for nic in psutil.net_if_addrs().values() for address in nic}
    for worker in workers:
        host = _host(worker)
        if host and not _is_loopback(host) and host not in here:
            raise ClusterError(
                f"the Dask worker {worker} cannot reach the Prefect server at {api_url}, which "
                "only this machine can: start one that it can reach, `prefect server start --host "
                f"0.0.0.0`, and set PREFECT_API_URL to http://{socket.gethostname()}:4200/api"
            )


def _host(address: str) -> str:
    parts = urlsplit(address)
    # Dask's workers within one process have addresses of a kind of their own.
    return "" if parts.scheme == "inproc" else parts.hostname or ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
