from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
TUTORIAL = (EXAMPLES / "tutorial.cfg").read_text()
TUTORIAL_YAML = (EXAMPLES / "tutorial.yaml").read_text()

VENUS = """\
name: Venus
label: Venus
platform: VENUS
source: https://example.org/venus
path_key: venus_path
temporal_resolution: 2
product: '^VENUS-XS_(?P<date>\\d{8})_(?P<tile>\\w+)$'
date_format: '%Y%m%d'
quantification: 1000
nodata: -10000
bands:
  - {name: B7, common: red, file: '*_B7.tif', resolution: 5}
  - {name: B11, common: nir, file: '*_B11.tif', resolution: 5}
masks:
  - {name: CLM, file: '*_CLM.tif', invalid: {how: nonzero}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what a configuration may name: tiles of three sensors, a module, an area."""
    for root in ("s2", "l8", "venus"):
        for tile in ("T31TCJ", "T31TDJ"):
            (tmp_path / root / tile).mkdir(parents=True)
    (tmp_path / "mine.py").write_text("def f(self):\n    return None, []\n")
    (tmp_path / "area.geojson").write_text("{}")
    (tmp_path / "exo_T31TCJ.tif").write_bytes(b"")
    (tmp_path / "sensors").mkdir()
    (tmp_path / "sensors" / "venus.yaml").write_text(VENUS)
    return tmp_path


@pytest.fixture
def raw() -> dict[str, dict[str, Any]]:
    """A small configuration without faults."""
    return {
        "chain": {"output_path": "out", "list_tile": "T31TCJ", "s2_path": "s2"},
        "external_features": {"functions": "get_ndvi"},
    }
