"""Our reader of directories against GDAL's, and against broken files."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from sitsflow.io.tiff import BANDS, HEIGHT, WIDTH, TiffError, directories, read_directories

OPTIONS = st.fixed_dictionaries(
    {
        "count": st.integers(1, 3),
        "height": st.integers(1, 90),
        "width": st.integers(1, 90),
        "dtype": st.sampled_from(["uint8", "int16", "float32"]),
        "compress": st.sampled_from(["none", "deflate", "zstd", "lzw"]),
        "interleave": st.sampled_from(["pixel", "band"]),
        "bigtiff": st.sampled_from(["yes", "no"]),
        "tiled": st.booleans(),
        "sparse_ok": st.booleans(),
    }
)


def _written(options, rng) -> bytes:
    blocks = {"blockxsize": 32, "blockysize": 16} if options["tiled"] else {"blockysize": 8}
    transform = rasterio.Affine(10, 0, 500_000, 0, -10, 4_000_000)
    values = rng.integers(0, 9, (options["count"], options["height"], options["width"]))
    values[:, : options["height"] // 2] = 0
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", endianness="LITTLE", transform=transform, **options, **blocks
        ) as made:
            made.write(values.astype(options["dtype"]))
        return bytes(memory.getbuffer())


@settings(max_examples=60, deadline=None)
@given(options=OPTIONS, seed=st.integers(0, 99))
def test_blocks_lie_where_gdal_says(options, seed):
    data = _written(options, np.random.default_rng(seed))
    (directory,) = directories(BytesIO(data))
    offsets, sizes = directory.places
    with MemoryFile(data) as memory, memory.open() as dataset:
        assert directory.shape == dataset.shape
        assert directory.number(BANDS, 1) == dataset.count
        assert directory.block == dataset.block_shapes[0]
        for plane, row, col in np.ndindex(offsets.shape):
            found = [
                dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=plane + 1)
                for what in ("OFFSET", "SIZE")
            ]
            assert [int(one or 0) for one in found] == [
                offsets[plane, row, col], sizes[plane, row, col]
            ]  # fmt: skip


def test_overviews_are_directories_after_the_full_image(tmp_path: Path):
    path = tmp_path / "a.tif"
    transform = rasterio.Affine(10, 0, 0, 0, -10, 0)
    shape = {"height": 300, "width": 200, "count": 1}
    with rasterio.open(path, "w", dtype="uint8", transform=transform, **shape) as dataset:
        dataset.write(np.ones((1, 300, 200), np.uint8))
        dataset.build_overviews([2, 4])
    assert [one.shape for one in read_directories(path)] == [(300, 200), (150, 100), (75, 50)]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**6), big=st.booleans())
def test_broken_files_are_refused_or_read_but_never_trip_it(seed, big):
    rng = np.random.default_rng(seed)
    options = {
        "count": 2, "height": 40, "width": 40, "dtype": "float32", "compress": "deflate",
        "interleave": "band", "bigtiff": "yes" if big else "no", "tiled": True, "sparse_ok": False,
    }  # fmt: skip
    data = bytearray(_written(options, rng))
    head = int.from_bytes(data[8:16] if big else data[4:8], "little")
    for _ in range(rng.integers(1, 4)):
        # Mostly where the directory lies.
        at = rng.integers(len(data)) if rng.random() < 0.2 else rng.integers(head, len(data))
        data[at] = rng.integers(256)
    if rng.random() < 0.3:
        del data[rng.integers(len(data)) :]
    with suppress(TiffError):
        for directory in directories(BytesIO(bytes(data))):
            assert all(size >= 0 for size in directory.block)
            for places in directory.places:
                assert (places >= 0).all()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "cut short"),
        (b"MM\0*\0\0\0\x08", "no little-endian TIFF"),
        (b"II*\0\x08\0\0\0", "cut short"),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(20), "65535 tags"),
        (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "a ring"),
    ],
)
def test_what_is_wrong_is_said(data, what):
    with pytest.raises(TiffError, match=what):
        directories(BytesIO(data))


def test_tags_that_are_missing_or_no_numbers_are_named():
    with MemoryFile() as memory:
        transform = rasterio.Affine(10, 0, 0, 0, -10, 0)
        with memory.open(
            driver="GTiff", width=3, height=5, count=1, dtype="uint8", transform=transform
        ):
            pass
        (found,) = directories(BytesIO(memory.getbuffer()))
    assert (found.number(HEIGHT), found.number(WIDTH)) == (5, 3)
    with pytest.raises(TiffError, match="no tag 65000"):
        found.number(65000)
    with pytest.raises(TiffError, match="33550 has no whole number"):
        found.number(33550)
