"""What the Prefect UI shows of a run besides its tasks: each artifact under a key of its own."""

from flows.artifacts.headline import How
from flows.artifacts.run import RunArtifacts, StepArtifact

__all__ = ["How", "RunArtifacts", "StepArtifact"]
