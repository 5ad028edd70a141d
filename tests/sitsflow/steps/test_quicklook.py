from datetime import date

import matplotlib.image
import numpy as np
import pytest
import rasterio

from sitsflow.errors import OutputError
from sitsflow.request import SensorRequest
from sitsflow.steps.quicklook import title_of, write_quicklook
from tests.plans import NODATA, grid_at, plan_for, write_map

_GREY = (0xCD, 0xCD, 0xCD)


def _picture(folder, array, crs="EPSG:2154"):
    bands, height, width = array.shape
    grid = grid_at(0, 0, height, width, crs=crs)
    plan, _ = plan_for(folder, {"A": grid}, labels=[f"feature_{n}" for n in range(bands)])
    write_map(plan, folder / "map.tif", array, grid)
    write_quicklook(folder / "map.tif", folder / "look.png", title_of(plan))
    assert sorted(path.name for path in folder.iterdir()) == ["look.png", "map.tif"]
    picture = matplotlib.image.imread(folder / "look.png")
    return (picture[..., :3] * 255).round().astype(int)


def _fields(bands, height, width):
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 1, (bands, height // 10 + 1, width // 10 + 1))
    array = coarse.repeat(10, axis=1).repeat(10, axis=2)[:, :height, :width]
    array[:, :8, :8] = NODATA
    return array


def _share(picture, colour):
    return (picture == colour).all(axis=2).mean()


def _panels(picture):
    """Count the panels by their patch of no data: runs of grey in rows and columns."""
    grey = (picture == _GREY).all(axis=2)
    counts = []
    for axis in (0, 1):
        runs = (grey.sum(axis=axis) > 12).astype(int)
        counts.append(int((np.diff(runs, prepend=0) == 1).sum()))
    return counts[0], counts[1]


@pytest.mark.parametrize(
    ("bands", "shape", "columns_and_rows"),
    [
        (1, (80, 80), (1, 1)),
        (3, (80, 80), (3, 1)),
        (4, (80, 80), (2, 2)),
        (12, (80, 80), (3, 3)),
        (3, (50, 200), (1, 3)),
        (3, (200, 50), (3, 1)),
    ],
)
def test_one_panel_a_feature_up_to_nine(tmp_path, bands, shape, columns_and_rows):
    picture = _picture(tmp_path, _fields(bands, *shape))
    assert _panels(picture) == columns_and_rows
    height, width = picture.shape[:2]
    assert 300 < height < 1800
    assert 600 < width < 2000
    assert len(np.unique(picture @ [1, 256, 65536])) > 100
    assert _share(picture, (255, 255, 255)) < 0.75


def test_a_large_map_is_read_decimated(tmp_path, monkeypatch):
    shapes = []
    read = rasterio.io.DatasetReader.read

    def recording(dataset, *args, **kwargs):
        shapes.append(kwargs["out_shape"])
        return read(dataset, *args, **kwargs)

    class Reader(rasterio.io.DatasetReader):
        read = recording

    opened = rasterio.open
    monkeypatch.setattr(
        rasterio, "open", lambda path, *a, **k: opened(path, *a, **k) if a else Reader(path)
    )
    _picture(tmp_path, _fields(1, 3000, 1500))
    assert shapes == [(1, 840, 420)]


@pytest.mark.parametrize(
    "values",
    [np.full((2, 30, 30), NODATA), np.zeros((2, 30, 30)), np.full((2, 1, 1), 3e7)],
    ids=["no value", "constant", "one pixel"],
)
def test_dull_maps_are_drawn_too(tmp_path, values):
    picture = _picture(tmp_path, values)
    assert _share(picture, (255, 255, 255)) < 0.95


def test_values_on_both_sides_of_zero_are_blue_and_red(tmp_path):
    picture = _picture(tmp_path, np.linspace(-1, 1, 2500).reshape(1, 50, 50))
    red, _, blue = (picture[..., channel] for channel in range(3))
    assert (red - blue > 100).mean() > 0.1
    assert (blue - red > 100).mean() > 0.1


def test_a_map_in_degrees_or_with_odd_labels_is_drawn(tmp_path):
    grid = grid_at(0, 0, 20, 20).model_copy(
        update={"crs": "EPSG:4326", "x": 1.0, "y": 43.0, "xres": 1e-4, "yres": 1e-4}
    )
    plan, _ = plan_for(tmp_path, {"A": grid}, labels=["$x_ & <" * 12, ""])
    write_map(plan, tmp_path / "map.tif", _fields(2, 20, 20), grid)
    write_quicklook(tmp_path / "map.tif", tmp_path / "look.png", "title " * 60)
    assert (tmp_path / "look.png").stat().st_size > 10_000


def test_a_map_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"map\.tif: cannot be read .* run the mosaic again"):
        write_quicklook(tmp_path / "map.tif", tmp_path / "look.png", "title")


def test_the_title_names_sensors_dates_and_tiles(tmp_path):
    sensors = tuple(
        SensorRequest(sensor=name, root=tmp_path, temporal_resolution=10)
        for name in ("Landsat8_old", "Sentinel_2")
    )
    tiles = {name: grid_at(0, 0, 2, 2) for name in "AB"}
    plan, _ = plan_for(tmp_path, tiles, sensors=sensors)
    assert title_of(plan) == "Landsat8 old + Sentinel-2, 2018-01-01 to 2018-12-31, A, B"
    many = plan.model_copy(update={"tile_names": tuple("ABCDE"), "last_day": date(2019, 1, 1)})
    assert title_of(many).endswith("to 2019-01-01, 5 tiles")
