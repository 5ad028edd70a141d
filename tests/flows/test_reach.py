"""Workers on other machines need a server that they can reach."""

import psutil
import pytest

from flows.reach import refuse_unreachable
from sitsflow.errors import ClusterError

ELSEWHERE = "tcp://192.0.2.7:40001"  # an address that documentation may use, and nobody has


@pytest.mark.parametrize("url", ["http://127.0.0.1:4200/api", "http://localhost:4200/api"])
def test_a_server_of_this_machine_alone_is_refused(url: str) -> None:
    with pytest.raises(ClusterError, match=r"192\.0\.2\.7:40001 cannot reach .*--host"):
        refuse_unreachable(["tcp://127.0.0.1:40000", ELSEWHERE], url)


def test_workers_of_this_machine_reach_any_server() -> None:
    own = [
        address.address
        for nic in psutil.net_if_addrs().values()
        for address in nic
        if address.family.name == "AF_INET"
    ]
    refuse_unreachable([f"tcp://{host}:40000" for host in own], "http://127.0.0.1:4200/api")
    refuse_unreachable(["inproc://whatever/1"], "http://127.0.0.1:4200/api")


def test_a_server_with_a_name_is_trusted() -> None:
    refuse_unreachable([ELSEWHERE], "http://server:4200/api")
    refuse_unreachable([ELSEWHERE], None)
