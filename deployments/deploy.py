"""Register everything, and the deployments of prefect.yaml, on the configured server.

``python -m deployments.deploy``, which is ``make deploy``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml
from prefect import get_client

from deployments.register import register, required_server
from deployments.settings import deployments_of
from flows.server import QUIET
from flows.ui_pages import describe

ROOT = Path(__file__).resolve().parents[1]
DESCRIPTION = ROOT / "prefect.yaml"


def deploy() -> list[str]:
    """Register on the configured server what prefect.yaml describes; return what there is.

    Schedules and parameters become those of prefect.yaml, also where a person changed them.

    Raises
    ------
    subprocess.CalledProcessError
        With what Prefect printed.
    """
    said = register()
    subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=ROOT,
        env={**os.environ, **QUIET},
        check=True,
        capture_output=True,
        text=True,
    )
    with get_client(sync_client=True) as client:
        for deployment in deployments_of(client).values():
            describe(client, deployment)
    names = [one["name"] for one in yaml.safe_load(DESCRIPTION.read_text())["deployments"]]
    return [*said, f"deployments features-map/{', '.join(names)}"]


def main() -> None:
    """Deploy on the configured server."""
    url = required_server()
    try:
        said = deploy()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.stdout}{error.stderr}")
    sys.stdout.write("".join(f"{line}\n" for line in [f"on {url}:", *said]))
    sys.stdout.write("start a worker where runs should happen: prefect worker start -p sitsflow\n")


if __name__ == "__main__":
    main()
