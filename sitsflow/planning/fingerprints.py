"""What the files of each step of a tile depend on, and no more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sitsflow import __version__
from sitsflow.digest import digest_text
from sitsflow.features.exogenous import describe_header, raster_path
from sitsflow.features.probe import ProbeResult
from sitsflow.geo.area import area_digest
from sitsflow.geo.grid import Grid, Window
from sitsflow.plan import Dependencies, InputFile, SeriesPlan
from sitsflow.planning.inputs import Inputs, identify, layer_files, layer_name
from sitsflow.products.scenes import Scene
from sitsflow.request import Request

_SERIES = {
    "resampling", "use_gapfilling", "interpolation", "indices", "clip_indices", "acor_feat",
    "spectral_indices",
}  # fmt: skip
"""Keys of a request by which series are made, and the accessors to them."""
_NATIVE = {"copy_input", "rel_refl", "keep_duplicates"}
"""Those by which native features are chosen."""
_FINDING = {
    "source", "platform", "path_key", "temporal_resolution", "product", "example", "date_format",
    "drivers", "unit",
}  # fmt: skip
"""Fields of a sensor by which products are found and described, not read."""
_PLACES = {
    "products", "dem", "geoid", "references", "reference_pattern", "orbit_files",
    "ellipsoidal_heights",
}  # fmt: skip
"""Settings of radar that say where files are: these count by their content; and one that changes no
height."""


class TileFacts(NamedTuple):
    """All that is decided about a tile. `series` are complete, `room` is that of `TilePlan`.

    `code` is a digest of the code of its functions.
    """

    tile: str
    grid: Grid
    room: Window | None
    series: Sequence[SeriesPlan]
    probed: ProbeResult
    code: str


class _Needs(NamedTuple):
    """What a step depends on: facts, bands and masks of series, and a raster of the user's."""

    facts: Mapping[str, Any]
    layers: Sequence[tuple[SeriesPlan, Sequence[str]]] = ()
    raster: Path | None = None

    def files(self) -> dict[str, Path]:
        """Return the input files by name."""
        found = {} if self.raster is None else {f"exogenous/{self.raster.name}": self.raster}
        for one, layers in self.layers:
            found.update(layer_files(one, layers))
        return found


def tile_dependencies(request: Request, tile: TileFacts) -> tuple[dict[str, Dependencies], Inputs]:
    """Return what the files of each step depend on, by the step's field of `TilePlan`.

    Returns
    -------
    dict of str to Dependencies, Inputs
        The latter are the input files of all steps.
    """
    steps = {
        "preprocess": _preprocess(request, tile),
        "common_mask": _common_mask(request, tile),
        "features": _features(request, tile),
    }
    paths = {name: path for needs in steps.values() for name, path in needs.files().items()}
    inputs = identify(request.output_path, tile.tile, paths)
    return {step: _dependencies(step, needs, inputs.files) for step, needs in steps.items()}, inputs


def _dependencies(step: str, needs: _Needs, files: Mapping[str, InputFile]) -> Dependencies:
    paths = needs.files()
    contents = [files[name].content for name in paths]
    places = [
        [_place(one, scene, layer) for layer in layers]
        for one, layers in needs.layers
        for scene in one.scenes
    ]
    text = json.dumps([needs.facts, places, contents], sort_keys=True)
    return Dependencies(fingerprint=digest_text(step, text), files=tuple(paths))


def _place(series: SeriesPlan, scene: Scene, name: str) -> list[Any]:
    """Return which file a layer is in, and what its numbers mean."""
    layer = scene.layers[name]
    return [name, layer_name(series, scene, layer.path), layer.index, layer.scale, layer.offset]


def _everywhere(request: Request, tile: TileFacts) -> dict[str, Any]:
    """Return what all files of a tile depend on: sensors and dates stand in their tags."""
    return {
        "version": __version__,
        "compression": request.compression,
        "grid": tile.grid.model_dump(),
        "sensors": [one.sensor for one in request.sensors],
        "days": [(one.sensor.label, one.days) for one in tile.series],
    }


def _preprocess(request: Request, tile: TileFacts) -> _Needs:
    """Grid and dates. With `write_outputs` whole series and native features, but no function."""
    facts = _everywhere(request, tile) | {"targets": [one.target_days for one in tile.series]}
    if not request.write_outputs:
        return _Needs(facts)
    layers = [(one, (*one.bands, *_masks(one))) for one in tile.series]
    facts |= _keys(request, _SERIES | _NATIVE | {"no_data_value"})
    return _Needs(facts | _expressions(request) | _observed(layers), layers)


def _common_mask(request: Request, tile: TileFacts) -> _Needs:
    """Masks that say where a sensor saw nothing; of a sensor without any, where its files lie."""
    layers, facts = [], []
    for one in tile.series:
        outside = [mask for mask in one.sensor.masks if mask.outside is not None]
        names = tuple(mask.name for mask in outside)
        images = one.bands[:1] if one.radar is not None else ()
        layers.append((one, (*names, *images)))
        rules = [mask.outside.model_dump() for mask in outside if mask.outside is not None]
        covering = names or _masks(one) or (one.sensor.bands[0].name,)
        facts.append((rules, _grids(one, covering), one.step, _radar(one)))
    return _Needs(_everywhere(request, tile) | {"masks": facts}, layers)


def _features(request: Request, tile: TileFacts) -> _Needs:
    """Series that are used, native features, functions, and what these are given besides."""
    probed, calls = tile.probed, request.functions
    touched = {label for one in probed.functions for label in one.series}
    layers = [
        (one, (*probed.used[one.sensor.label], *_masks(one)))
        for one in tile.series
        if request.concat_mode or one.sensor.label in touched
    ]
    facts = _everywhere(request, tile) | {"labels": probed.labels} | _observed(layers)
    facts |= _keys(request, _SERIES | {"concat_mode", "no_data_value"})
    if request.concat_mode:
        facts |= _keys(request, _NATIVE) | _expressions(request)
    if request.area_of_interest is not None:
        facts["area"] = area_digest(request.area_of_interest, tile.grid.crs)
    if not calls:
        return _Needs(facts, layers)
    facts |= _keys(request, {"functions", "padding", "strict", "whole_chunk"}) | {"code": tile.code}
    facts["dates"] = [(one.sensor.label, one.raw_days, one.target_days) for one in tile.series]
    if any(request.padding) and tile.room is not None:
        facts["room"] = tile.room.model_dump()
    raster = raster_path(request, tile.tile)
    if raster is not None:
        facts["exogenous"] = describe_header(raster)
    return _Needs(facts, layers, raster)


def _observed(layers: Iterable[tuple[SeriesPlan, Sequence[str]]]) -> dict[str, Any]:
    """Return what series are made of besides pixels."""
    facts = []
    for one, names in layers:
        facts.append(
            {
                "sensor": one.sensor.model_dump(exclude=_FINDING),
                **_radar(one),
                "bands": one.bands,
                "grids": _grids(one, names),
                "step": one.step,
                "raw": one.raw_days,
                "targets": one.target_days,
            }
        )
    return {"series": facts}


def _radar(series: SeriesPlan) -> dict[str, Any]:
    """Return how radar is processed: nothing of other sensors."""
    if series.radar is None:
        return {}
    settings = series.radar.settings.model_dump(mode="json", exclude=_PLACES)
    slices = [[product.product.name for product in one.slices] for one in series.radar.acquisitions]
    return {"radar": settings, "slices": slices}


def _keys(request: Request, names: set[str]) -> dict[str, Any]:
    return dict(json.loads(request.model_dump_json(include=names)))


def _expressions(request: Request) -> dict[str, Any]:
    return {"expressions": [(one.sensor, one.additional_features) for one in request.sensors]}


def _masks(series: SeriesPlan) -> tuple[str, ...]:
    return tuple(mask.name for mask in series.sensor.masks)


def _grids(series: SeriesPlan, layers: Iterable[str]) -> dict[str, Any]:
    return {name: series.grids[name].model_dump() for name in layers}
