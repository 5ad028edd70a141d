"""The maps of tiles as a STAC collection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from pystac.validation import set_validator
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely.geometry import box, shape

from flows.artifacts.results import statistics_table
from sitsflow.plan import Plan
from sitsflow.steps.final_map import finish_map
from sitsflow.steps.mosaic import merge_tile
from tests.plans import grid_at, plan_for, write_chunks

GRIDS = {"A": grid_at(0, 0, 60, 90), "B": grid_at(40, 30, 70, 70)}


class _NoNetwork(JsonSchemaSTACValidator):
    """Fails on any schema that pystac does not bring."""

    def _get_schema(self, schema_uri):
        assert schema_uri in self.schema_cache, f"would fetch {schema_uri}"
        return super()._get_schema(schema_uri)


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    set_validator(_NoNetwork())
    yield
    set_validator(JsonSchemaSTACValidator())


def made(folder: Path, mosaic: str) -> Plan:
    plan, tiles = plan_for(folder, GRIDS, mosaic=mosaic)
    for name, grid in GRIDS.items():
        write_chunks(plan, tiles[name], np.full((2, *grid.shape), ord(name), np.float32))
        merge_tile(plan, tiles[name])
    finish_map(plan, tiles)
    return plan


@pytest.mark.parametrize("mosaic", ["vrt", "none"])
def test_collection_and_items_are_valid_and_find_each_other(tmp_path: Path, mosaic: str) -> None:
    plan = made(tmp_path, mosaic)
    assert json.loads(plan.paths.collection.read_text())["stac_version"] == "1.0.0"
    collection = pystac.Collection.from_file(str(plan.paths.collection))
    collection.validate()
    items = list(collection.get_items())
    assert [item.properties["sitsflow:tiles"] for item in items] == [["A"], ["B"]]
    whole, *boxes = collection.extent.spatial.bboxes
    for item, inside in zip(items, boxes, strict=True):
        item.validate()
        assert item.collection_id == collection.id
        assert item.get_collection().id == collection.id
        assert box(*whole).buffer(1e-9).covers(shape(item.geometry))
        assert item.bbox == inside
        with rasterio.open(item.assets["data"].get_absolute_href()) as dataset:
            assert item.properties["proj:shape"] == list(dataset.shape)
            assert item.properties["proj:transform"] == list(dataset.transform)[:6]
    assert "thumbnail" in collection.assets
    assert ("data" in collection.assets) == (mosaic == "vrt")


def test_statistics_count_overlaps_once(tmp_path: Path) -> None:
    plan = made(tmp_path, "none")
    (one, _) = json.loads(plan.paths.collection.read_text())["bands"]
    first, second = 60 * 90, 70 * 70 - 20 * 60
    assert one["statistics"]["mean"] == pytest.approx(
        (first * ord("A") + second * ord("B")) / (first + second)
    )
    assert "| one |" in statistics_table(plan.paths.description)


def test_the_item_of_a_vrt_says_what_it_is(tmp_path: Path) -> None:
    plan = made(tmp_path, "vrt")
    item = pystac.Item.from_file(str(plan.paths.item))
    item.validate()
    data = item.assets["data"]
    assert (data.href, data.media_type) == ("./features_map.vrt", "application/x-gdal-vrt")
    assert statistics_table(plan.paths.description).count("\n") == 3
