import json
import math

import numpy as np
import pystac
import pytest
from pystac.validation import set_validator
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely.geometry import shape

from sitsflow.errors import GridError, OutputError
from sitsflow.geo.grid import bounds_in
from sitsflow.steps.item import write_item
from sitsflow.steps.mosaic import mosaic_tiles
from tests.plans import NODATA, grid_at, plan_for, write_map

_ARRAY = np.array([[[0.0, 1, 2], [3, 4, NODATA]], np.full((2, 3), NODATA)])


class _NoNetwork(JsonSchemaSTACValidator):
    """Fails on any schema that pystac does not bring."""

    def _get_schema(self, schema_uri):
        assert schema_uri in self.schema_cache, f"would fetch {schema_uri}"
        return super()._get_schema(schema_uri)


@pytest.fixture(autouse=True)
def _offline():
    set_validator(_NoNetwork())
    yield
    set_validator(JsonSchemaSTACValidator())


def _item(folder, quicklook=True, grid=None, **options):
    grid = grid or grid_at(0, 0, 2, 3)
    plan, tile_plans = plan_for(folder, {"A": grid}, **options)
    array = np.where(_ARRAY == NODATA, plan.request.no_data_value, _ARRAY)
    write_map(plan, plan.paths.tile_map("A"), array, grid)
    mosaic_tiles(plan, tile_plans)
    if quicklook:
        plan.paths.quicklook.write_bytes(b"a picture")
    write_item(plan, plan.paths.map, plan.paths.item)
    return plan, json.loads(plan.paths.item.read_text())


def test_the_item_is_valid_offline(tmp_path):
    plan, fields = _item(tmp_path)
    assert fields["stac_version"] == "1.0.0"
    assert fields["stac_extensions"] == []
    item = pystac.Item.from_file(str(plan.paths.item))
    schemas = item.validate()
    assert len(schemas) == 1
    assert item.id == "features_map-fedcba987654"
    assert item.get_datetime() is None
    start, end = item.common_metadata.start_datetime, item.common_metadata.end_datetime
    assert (start.isoformat(), end.isoformat()) == (
        "2018-01-01T00:00:00+00:00",
        "2018-12-31T23:59:59+00:00",
    )


def test_it_says_where_the_map_lies(tmp_path):
    grid = grid_at(0, 0, 2, 3)
    _, fields = _item(tmp_path, grid=grid)
    footprint = shape(fields["geometry"])
    assert footprint.is_valid
    assert footprint.exterior.is_ccw
    assert footprint.bounds == pytest.approx(bounds_in(grid, "EPSG:4326"), abs=1e-6)
    assert fields["bbox"] == pytest.approx(footprint.bounds)
    properties = fields["properties"]
    assert properties["proj:code"] == "EPSG:2154"
    assert properties["proj:epsg"] == 2154
    assert properties["proj:shape"] == [2, 3]
    assert properties["proj:transform"] == [10, 0, 500_000, 0, -10, 6_300_000]
    assert properties["proj:bbox"] == list(grid.bounds)
    assert properties["gsd"] == 10


def test_it_says_what_made_the_map(tmp_path):
    plan, fields = _item(tmp_path)
    properties = fields["properties"]
    assert properties["sitsflow:version"] == plan.version
    assert properties["sitsflow:fingerprint"] == plan.map_fingerprint
    assert properties["sitsflow:tiles"] == ["A"]
    assert properties["sitsflow:sensors"] == ["Sentinel_2"]


def test_assets_are_relative_and_bands_described(tmp_path):
    _, fields = _item(tmp_path)
    data, thumbnail = fields["assets"]["data"], fields["assets"]["thumbnail"]
    assert (data["href"], data["type"]) == ("./features_map.tif", pystac.MediaType.COG)
    assert (thumbnail["href"], thumbnail["type"]) == ("./quicklook.png", "image/png")
    one, two = data["bands"]
    assert one == {
        "name": "one",
        "data_type": "float32",
        "nodata": NODATA,
        "statistics": {
            "minimum": 0,
            "maximum": 4,
            "mean": 2,
            "stddev": pytest.approx(math.sqrt(2)),
            "valid_percent": 83.3333,
        },
    }
    assert two["statistics"] == {"valid_percent": 0}


def test_without_a_quicklook_there_is_no_thumbnail(tmp_path):
    _, fields = _item(tmp_path, quicklook=False)
    assert list(fields["assets"]) == ["data"]


def test_no_data_may_be_nan(tmp_path):
    plan, fields = _item(tmp_path, no_data_value=math.nan)
    assert fields["assets"]["data"]["bands"][0]["nodata"] == "nan"
    pystac.Item.from_file(str(plan.paths.item)).validate()


def test_a_system_without_a_code_is_given_in_words(tmp_path):
    crs = "+proj=laea +lat_0=50 +lon_0=9 +x_0=500000 +y_0=6300000 +ellps=GRS80 +units=m"
    plan, fields = _item(tmp_path, grid=grid_at(0, 0, 2, 3, crs=crs))
    assert fields["properties"]["proj:code"] is None
    assert fields["properties"]["proj:wkt2"].startswith("PROJCRS")
    pystac.Item.from_file(str(plan.paths.item)).validate()


def test_a_map_out_of_the_world_is_refused(tmp_path):
    plan, _ = plan_for(tmp_path, {"A": grid_at(0, 1e7, 2, 3, crs="EPSG:32631")})
    with pytest.raises(GridError, match="has no longitudes and latitudes"):
        write_item(plan, plan.paths.map, plan.paths.item)


def test_a_map_that_cannot_be_read_is_named(tmp_path):
    plan, _ = plan_for(tmp_path, {"A": grid_at(0, 0, 2, 3)})
    with pytest.raises(OutputError, match=r"features_map\.tif: cannot be read"):
        write_item(plan, plan.paths.map, plan.paths.item)
