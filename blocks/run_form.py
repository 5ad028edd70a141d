"""The form of a run: a saved configuration, and what shall differ from it in this run.

The types are those of the parameters of the flows. They say how the Prefect UI draws each field,
and what the server refuses when the form is submitted; what a field means is checked when the run
begins, all fields together with the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import MISSING, Field

from blocks.cluster import DaskCluster
from blocks.features_map import FeaturesMap
from blocks.names import SECTIONS
from blocks.overrides import Override, leaves, merge
from blocks.partial_config import parse_partially
from blocks.section import is_off
from sitsflow.radar_settings import NAME as RADAR

PARAMETERS = "the parameters of the run"
"""What errors call the form: the Prefect UI and the command line show it under this name."""

_DATE = r"^(\d{4}-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01]))?$"
_WHOLE_PATH = r"^([/~$].*)?$"


def _field(description: str, **constraints: Any) -> Any:
    # Prefect replaces a field's own description by what Google's form of docstring says of it.
    return Field(json_schema_extra={"description": description}, **constraints)


Config = Annotated[
    FeaturesMap,
    _field(
        "A saved configuration; the arrows open the list. All below is for this run only, and what "
        "is left empty stays as configured."
    ),
]
Tiles = Annotated[str, _field("Names of the tiles, separated by spaces.", pattern=r"^[\w\s.-]*$")]
FirstDate = Annotated[
    str,
    _field(
        "YYYY-MM-DD: start_date of every sensor in use. It sets auto_date to False, which needs a "
        "last date as well.",
        pattern=_DATE,
    ),
]
LastDate = Annotated[
    str, _field("YYYY-MM-DD: end_date of every sensor in use; see first_date.", pattern=_DATE)
]
PixelSize = Annotated[float, _field("Pixel size in the units of the map's coordinates.", gt=0)]
AreaOfInterest = Annotated[
    str,
    _field(
        "Whole path of a vector file where the run happens; only pixels inside its polygons are "
        "computed.",
        pattern=_WHOLE_PATH,
    ),
]
Functions = Annotated[
    str,
    _field(
        "Names of functions, separated by spaces, with their default arguments.",
        pattern=r"^[\w\s]*$",
    ),
]
OutputPath = Annotated[str, _field("Whole path of the folder of the results.", pattern=_WHOLE_PATH)]
AnyKeys = Annotated[
    dict[str, Any],
    _field(
        'Any key of the configuration, e.g. {"chain.proj": "EPSG:2154"} or {"chain": {"proj": '
        '"EPSG:2154"}}; wins over the fields above.'
    ),
]
Cluster = Annotated[
    DaskCluster,
    _field("A saved Dask cluster where the tasks run. Empty: the machine of the worker."),
]
Fresh = Annotated[
    bool, _field("Start over, though an unfinished run of the same configuration can be resumed.")
]

NO_KEYS: dict[str, Any] = {}
NOT_GIVEN: Any = MISSING
"""Default of a parameter whose field starts empty.

Where the default is null forms send it, and the server refuses it for it is no number, or draws a
choice between types; this one is left out of the schema.
"""


@dataclass(frozen=True)
class RunForm:
    """What was filled in; any value may be wrong, for the server's check can be switched off."""

    config: Any
    tiles: Any = ""
    first_date: Any = ""
    last_date: Any = ""
    resolution: Any = NOT_GIVEN
    area_of_interest: Any = ""
    functions: Any = ""
    output_path: Any = ""
    overrides: Any = field(default_factory=dict)
    cluster: Any = NOT_GIVEN
    fresh: bool = False

    def changes(self, raw: Mapping[str, Any]) -> list[Override]:
        """Return what wins over a configuration, in order: the last of two wins.

        Parameters
        ----------
        raw : mapping
            The configuration, which says which sensors are in use.
        """
        named = self.named()
        # Which sensors are in use does not depend on where relative paths start.
        partial = parse_partially(merge(raw, named)[0], Path("/"))
        sensors = [sensor.name for sensor in partial.enabled]
        return [*self._dates([*sensors, *([RADAR] if partial.has_radar else [])]), *named]

    def named(self) -> list[Override]:
        """Return what wins over a configuration, besides the dates, whatever that is."""
        return [*self._fields(), *self._keys()]

    def _fields(self) -> Iterator[Override]:
        places = {
            "tiles": "chain.list_tile",
            "resolution": "chain.spatial_resolution",
            "area_of_interest": "chain.area_of_interest",
            "functions": "external_features.functions",
            "output_path": "chain.output_path",
        }
        for name, place in places.items():
            if _is_given(value := getattr(self, name)):
                yield Override(place, value, name, PARAMETERS)

    def _keys(self) -> Iterator[Override]:
        if not isinstance(self.overrides, Mapping):
            yield Override("overrides", self.overrides, "overrides", PARAMETERS)
            return
        for name, values in self.overrides.items():
            for place, value in leaves(name, values):
                yield Override(place, value, place, PARAMETERS)

    def _dates(self, sensors: list[str]) -> Iterator[Override]:
        given = {
            name: value
            for name, value in (("first_date", self.first_date), ("last_date", self.last_date))
            if _is_given(value)
        }
        if not given:
            return
        yield Override(
            "sensors_data_interpolation.auto_date", False, " and ".join(given), PARAMETERS
        )
        keys = {"first_date": "start_date", "last_date": "end_date"}
        for sensor in sensors:
            section = sensor if sensor in SECTIONS else f"other_sensors.{sensor}"
            for name, value in given.items():
                yield Override(f"{section}.{keys[name]}", value, name, PARAMETERS)


def _is_given(value: Any) -> bool:
    return value is not NOT_GIVEN and not is_off(value)
