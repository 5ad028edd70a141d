"""Simulated rasters without dates."""

from __future__ import annotations

from datetime import date

import numpy as np
import rasterio

from sitsflow.products.rasters import find_rasters
from sitsflow.simulate import simulate


def test_a_relief_with_its_slopes(tmp_path):
    days = date(2018, 1, 1), date(2018, 12, 31)
    made = simulate(tmp_path, "userFeat", ["T31TCJ", "T31TDJ"], *days, None, 60, 3)
    assert len(made) == 2, "it has no dates"
    files = find_rasters(tmp_path, "T31TCJ", ["ALT", "ASP", "SLP"])
    values = {}
    for name, path in files.items():
        with rasterio.open(path) as file:
            assert (file.res, file.crs.to_epsg()) == ((30, 30), 32631)
            values[name] = file.read(1).astype(float)
    assert 50 < values["ALT"].mean() < 600
    # Walking down the slope, along its aspect, the ground falls as the slope says.
    aspect = np.radians(values["ASP"][1:-1, 1:-1])
    east = (values["ALT"][1:-1, 2:] - values["ALT"][1:-1, :-2]) / 60
    north = (values["ALT"][:-2, 1:-1] - values["ALT"][2:, 1:-1]) / 60
    fall = -(east * np.sin(aspect) + north * np.cos(aspect))
    np.testing.assert_allclose(fall, np.tan(np.radians(values["SLP"][1:-1, 1:-1])), atol=1e-4)
