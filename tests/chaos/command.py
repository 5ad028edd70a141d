"""Attacks on the whole command: configuration file, Prefect, Dask, exit status and message."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import yaml

from sitsflow.errors import SitsflowError
from sitsflow.request import Request
from tests.chaos.attack import Attacker
from tests.flows.conftest import COMMAND

PATIENCE_SECONDS = 300


@dataclass
class CommandAttacker(Attacker):
    """Maps what was spoiled by `sitsflow run` and a configuration file."""

    in_the_middle: ClassVar[bool] = False

    environment: Mapping[str, str] = field(default_factory=dict)

    def carry_out(self, request: Request, meanwhile: Callable[[int], None]) -> None:
        """Run the command; its error is raised as one of sitsflow's, a traceback as another."""
        config = self.place / "map.yaml"
        config.write_text(yaml.safe_dump(self._sections(request), allow_unicode=True))
        ran = subprocess.run(
            [*COMMAND, "run", str(config), "--workers", "1"], env=dict(self.environment),
            capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        if "Traceback" in ran.stderr or ran.returncode not in (0, 1, 2):
            raise RuntimeError(f"exit status {ran.returncode}: {ran.stderr}")
        if ran.returncode:
            raise SitsflowError(ran.stderr)

    def _sections(self, request: Request) -> dict[str, object]:
        sensor, (wanted,) = self.subject.sensor, request.sensors
        return {
            "chain": {
                "output_path": str(request.output_path),
                "list_tile": list(request.tiles),
                sensor.path_key: str(wanted.root),
                "skip_broken_products": request.skip_broken_products,
            },
            "arg_train": {"features": []},
            "iota2_feature_extraction": {"extract_bands": True},
            sensor.name: {
                "temporal_resolution": wanted.temporal_resolution,
                "keep_bands": list(wanted.keep_bands or ()),
            },
            "external_features": {"number_of_chunks": request.chunking.number},
        }
