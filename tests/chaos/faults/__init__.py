"""All that is done to input files: one function a fault, by the name that the table shows."""

from tests.chaos.faults import bytes_of_files, folders, rasters
from tests.chaos.faults.model import Damage, Fault, Target

FAULTS: dict[str, Fault] = {**bytes_of_files.FAULTS, **rasters.FAULTS, **folders.FAULTS}

__all__ = ["FAULTS", "Damage", "Fault", "Target"]
