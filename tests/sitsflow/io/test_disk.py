"""A file that the disk cannot take is refused in words, and nothing is left of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from rasterio.errors import RasterioIOError

from sitsflow.errors import DiskFullError
from sitsflow.io import disk
from sitsflow.io.write import atomic

LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from sitsflow.errors import DiskFullError
from sitsflow.geo.grid import Grid
from sitsflow.io.write import write_raster, write_text

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
place = Path(sys.argv[1])
grid = Grid(crs="EPSG:32631", x=0, y=0, xres=10, yres=10, width=512, height=512)
noise = np.random.default_rng(0).random((1, 512, 512), np.float32)
told = dict(nodata=None, descriptions=["a"], tags={}, compression="NONE")
for write in (
    lambda: write_raster(place / "map.tif", noise, grid, **told),
    lambda: write_text(place / "report.html", "x" * 200_000),
):
    try:
        write()
    except DiskFullError as error:
        print(error)
"""


def fail(path: Path, error: Exception) -> None:
    with atomic(path) as temporary:
        temporary.write_text("half")
        raise error


def test_a_limit_of_the_size_of_files_is_named(tmp_path: Path) -> None:
    code = [sys.executable, "-W", "ignore", "-c", LIMITED, str(tmp_path)]
    made = subprocess.run(code, capture_output=True, text=True, check=True)
    lines = made.stdout.splitlines()
    assert len(lines) == 2, made.stderr
    for line, name in zip(lines, ("map.tif", "report.html"), strict=True):
        assert f"{tmp_path / name} could not be written" in line
        assert "100,000 bytes at most (`ulimit -f`)" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "is full, with"),
        (OSError(122, "Disk quota exceeded"), "your quota on"),
    ],
)
def test_what_the_system_says_is_put_in_words(tmp_path: Path, error: OSError, words: str) -> None:
    with pytest.raises(DiskFullError, match=words):
        fail(tmp_path / "map.tif", error)
    assert not list(tmp_path.iterdir())


def test_a_disk_with_nothing_free_is_full_whatever_gdal_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 0

    class Usage:
        @property
        def free(self) -> int:
            return free

    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _folder: Usage())
    error = RasterioIOError("Write failed. See previous exception for details.")
    with pytest.raises(DiskFullError, match="with 0 MB free; make room"):
        fail(tmp_path / "map.tif", error)
    free = 10**9
    with pytest.raises(RasterioIOError, match="Write failed"):
        fail(tmp_path / "map.tif", error)
