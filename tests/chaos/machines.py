"""Machines that are namespaces of the kernel, with addresses, folders and processes of their own.

They have no names in the system, and end with the process that made them, however it ends: a
machine is the child of a process that the kernel kills with its parent, and the first process of
its namespace, with which all others there are killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.chaos.cluster import wait_for

FIRST = "10.99.0.1"
"""Address of the first machine, which all others reach."""

_PARTED = (
    "setpriv", "--pdeathsig", "KILL",
    "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts",
)  # fmt: skip
_BRIDGE = f"""
ip link set lo up
ip link add bridge type bridge
ip address add {FIRST}/24 dev bridge
ip link set bridge up
"""


def why_not() -> str:
    """Say why this system cannot make machines; nothing if it can."""
    missing = [name for name in ("setpriv", "unshare", "nsenter", "ip") if not shutil.which(name)]
    if missing:
        return f"two machines need {', '.join(missing)} (util-linux, iproute2)"
    tried = subprocess.run(
        [*_PARTED, "sh", "-ec", f"{_BRIDGE} ip link add one type veth peer name two"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if tried.returncode:
        return f"this system lets no process have a network of its own: {tried.stderr.strip()}"
    return ""


@dataclass(frozen=True)
class Machine:
    """A machine that is up."""

    name: str
    address: str
    holder: subprocess.Popen[bytes]
    first: int
    """Number of its first process, as this system counts."""

    @property
    def enter(self) -> list[str]:
        """What goes before a command that runs there."""
        kinds = ("--net", "--mount", "--pid", "--uts")
        return ["nsenter", "--target", str(self.first), *kinds, "--"]

    def run(self, command: str) -> None:
        """Run a command of the shell there."""
        ran = subprocess.run(
            [*self.enter, "sh", "-ec", command], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"{self.name}: {command}: {ran.stderr}"

    def see(self, folder: Path, place: Path) -> None:
        """Show a folder there at another place, where this system has another folder or none."""
        self.run(f"mount --bind '{folder}' '{place}'")

    def stop(self) -> None:
        """End it with all its processes."""
        self.holder.kill()
        self.holder.wait()


def start(number: int, first: Machine | None = None) -> Machine:
    """Start a machine; those after the first one are connected with it."""
    name, address = f"machine-{number}", f"10.99.0.{number}"
    holder = subprocess.Popen([*_PARTED, "sleep", "infinity"])
    process = psutil.Process(holder.pid)

    def child() -> int | None:
        # `unshare` forks before the program of its child is loaded.
        found = process.children()
        return found[0].pid if found and found[0].name() == "sleep" else None

    machine = Machine(name, address, holder, wait_for(child, name))
    machine.run(f"hostname {name}")
    if first is None:
        machine.run(_BRIDGE)
        return machine
    # A network device is moved by the number of a process, as the machine that moves it counts.
    here = f"ip link add to-{number} type veth peer name net netns {machine.first}"
    subprocess.run(
        ["nsenter", "--target", str(first.first), "--net", "--", *here.split()], check=True
    )
    first.run(f"ip link set to-{number} master bridge up")
    machine.run(f"ip link set lo up; ip address add {address}/24 dev net; ip link set net up")
    return machine


def run_there(
    machine: Machine, command: Sequence[str], environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a program there to its end."""
    return subprocess.run(
        [*machine.enter, *command], env=dict(environment), cwd=os.sep, capture_output=True,
        text=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL,
    )  # fmt: skip
