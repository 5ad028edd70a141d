"""Two real Landsat 8 tiles against a computation written from the raw files, by hand."""

from datetime import date

import numpy as np
import pytest

from sitsflow.request import Chunking, Request, SensorRequest
from tests.reference_map import dynamic_habitat, ndvi, read
from tests.requests import DHI, calls, computed

TILES = ("D0005H0002", "D0005H0003")


def by_hand(root, tile, weights):
    """NDVI at dates that lie `weights` of the way from the first product to the second."""
    scenes = []
    for product in sorted((root / tile).iterdir()):
        stack = next(product.glob("*_PENTE_*.TIF"))
        red, nir = read(stack, 4).astype(float), read(stack, 5).astype(float)
        masks = [read(path) for path in product.glob("MASK/*_[DNS][IUA][VAT].TIF")]
        assert len(masks) == 3
        assert all((mask == 0).all() for mask in masks)  # nothing is masked in these products
        scenes.append((red, nir))
    (red_0, nir_0), (red_1, nir_1) = scenes
    return np.stack(
        [ndvi(red_0 + w * (red_1 - red_0), nir_0 + w * (nir_1 - nir_0)) for w in weights]
    )


@pytest.mark.parametrize(("step", "weights"), [(16, (0, 1)), (4, (0, 0.25, 0.5, 0.75, 1))])
def test_map_agrees_with_numpy_to_float32(real_landsat, tmp_path, step, weights):
    sensor = SensorRequest(
        sensor="Landsat8_old",
        root=real_landsat,
        start=date(2016, 3, 30),
        end=date(2016, 4, 15),
        temporal_resolution=step,
    )
    request = Request(
        output_path=tmp_path,
        tiles=TILES,
        sensors=(sensor,),
        crs="EPSG:2154",
        resolution=(30, 30),
        concat_mode=True,
        copy_input=False,
        functions=calls(*DHI),
        chunking=Chunking(mode="split_number", number=4),
    )
    for tile, values in computed(request).items():
        expected = by_hand(real_landsat, tile, weights)
        assert values.shape[1:] == expected.shape[1:]
        np.testing.assert_allclose(values[: len(weights)], expected, rtol=2e-6, atol=2e-4)
        np.testing.assert_allclose(values[-3:], dynamic_habitat(expected), rtol=2e-5, atol=1e-5)
