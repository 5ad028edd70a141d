"""The scheduled flow: nothing without new products, and only what they change with some."""

import shutil
import subprocess
import sys
import textwrap
from datetime import date, timedelta
from pathlib import Path

import pytest

from sitsflow.io.paths import OutputPaths
from sitsflow.simulate import simulate
from tests.requests import TILES

pytestmark = pytest.mark.engine

CODE = """
    import sys
    from blocks.cluster import DaskCluster
    from blocks.features_map import FeaturesMap
    from flows.cli.load import load
    from flows.new_products import new_products

    config = FeaturesMap(**load(sys.argv[1]).configuration.plain())
    for _ in range(int(sys.argv[2])):
        state = new_products(config=config, cluster=DaskCluster(n_workers=1), return_state=True)
        print(state.name, state.message)
"""


def look(config: Path, env: dict[str, str], times: int = 1) -> subprocess.CompletedProcess[str]:
    """Do what the schedule does, so many times."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CODE), str(config), str(times)],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip


@pytest.mark.slow
def test_only_tiles_with_new_dates_are_mapped_anew(
    engine: dict[str, str], config: Path, products: Path
) -> None:
    mine = config.parent / "products"
    shutil.copytree(products, mine)
    config.write_text(config.read_text().replace(str(products), str(mine)))
    paths = OutputPaths(config.parent / "out")
    first = look(config, engine, times=2)
    made, again = first.stdout.splitlines()
    assert made.startswith("Completed all is there"), first.stderr
    assert "T31TCJ: no map yet" in first.stderr
    assert again.startswith("Completed nothing new"), first.stderr

    times = {path: path.stat().st_mtime_ns for path in paths.root.rglob("*.tif")}
    day = date(2018, 6, 20)
    simulate(config.parent / "more", "Sentinel_2", TILES, day, day + timedelta(1), 30, 96, 7)
    (product,) = (config.parent / "more" / "T31TDJ").iterdir()
    product.rename(mine / "T31TDJ" / product.name)
    second = look(config, engine)
    assert second.stdout.startswith("Completed all is there"), second.stderr
    assert "T31TDJ: new dates 20180620" in second.stderr
    assert "T31TCJ: as it was" in second.stderr
    changed = {path.name for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert {"T31TDJ.tif", "T31TDJ_chunk_0.tif", "features_map.tif"} <= changed
    assert not any("T31TCJ" in name for name in changed)
