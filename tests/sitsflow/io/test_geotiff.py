"""Files put together from encoded blocks, as GDAL reads them."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.errors import RasterioError
from rio_cogeo.cogeo import cog_validate

from sitsflow.errors import OutputError
from sitsflow.geo.grid import Grid
from sitsflow.io import geotiff
from sitsflow.io.block_codec import BlockCodec, template_of
from sitsflow.io.block_places import Blocks, Sources, framed, runs
from sitsflow.io.geotiff import HIDDEN, Image, write_geotiff
from sitsflow.io.tiff import ASCII, Field, directory_at, read_directories
from sitsflow.io.write import BLOCK, create

NODATA = -10000.0
GRID = Grid(crs="EPSG:32631", x=300_000, y=4_900_020, xres=10, yres=10, height=1, width=1)
COMPRESSIONS = ("ZSTD", "DEFLATE", "LZW", "NONE")


def _template(labels, compression, band_tags=None):
    return template_of(
        GRID,
        nodata=NODATA,
        descriptions=labels,
        tags={"TIFFTAG_SOFTWARE": "tests", "SITSFLOW_TILES": "A <B>"},
        band_tags=band_tags or [{} for _ in labels],
        compression=compression,
    )


class _Maker:
    """Images of random blocks of few numbers, some of which are not there."""

    def __init__(self, folder: Path, rng, sources: Sources, compression: str, n_bands: int):
        self.rng, self.sources, self.n_bands = rng, sources, n_bands
        self.codec = BlockCodec(compression)
        self.folder = folder

    def image(self, shape, **options):
        """Return an image whose blocks lie scattered over two files, and its pixels."""
        counts = (self.n_bands, *(-(-size // BLOCK) for size in shape))
        blocks = Blocks.none(counts)
        pixels = np.full((self.n_bands, counts[1] * BLOCK, counts[2] * BLOCK), NODATA, np.float32)
        paths = [self.folder / f"{len(self.sources.paths) + n}" for n in range(2)]
        numbers = [self.sources.add(path, framed=bool(n)) for n, path in enumerate(paths)]
        ends = [0, 0]
        for place in self.rng.permutation(list(np.ndindex(counts))).tolist():
            if self.rng.random() < 0.3:
                continue
            band, row, col = place
            few = self.rng.normal(size=(4, 1)) * np.ones((BLOCK // 4, 1, BLOCK))
            values = few.reshape(1, BLOCK, BLOCK).astype(np.float32)
            (data,) = self.codec.encode(values)
            which = int(self.rng.integers(2))
            frame = framed(data) if which else data
            with paths[which].open("ab") as file:
                file.write(frame)
            blocks.put((band, row, col), numbers[which], ends[which] + 4 * which, len(data))
            ends[which] += len(frame)
            at = slice(row * BLOCK, (row + 1) * BLOCK), slice(col * BLOCK, (col + 1) * BLOCK)
            pixels[band, *at] = values
        return Image(shape, blocks, **options), pixels[:, : shape[0], : shape[1]]


@settings(max_examples=15, deadline=None)
@given(
    compression=st.sampled_from(COMPRESSIONS),
    n_bands=st.integers(1, 3),
    shape=st.tuples(st.integers(1, 1100), st.integers(1, 700)),
    levels=st.integers(0, 2),
    big=st.booleans(),
    seed=st.integers(0, 99),
)
def test_gdal_reads_what_was_put_together(
    tmp_path_factory, compression, n_bands, shape, levels, big, seed
):
    folder = tmp_path_factory.mktemp("made")
    path = folder / "made.tif"
    labels = [f"b{n}" for n in range(n_bands)]
    rng = np.random.default_rng(seed)
    with Sources() as sources, pytest.MonkeyPatch.context() as patch:
        patch.setattr(geotiff, "_CLASSIC_LIMIT", 0 if big else 10**9)
        make = _Maker(folder, rng, sources, compression, n_bands)
        made = [make.image(tuple(-(-size >> n) for size in shape)) for n in range(levels + 1)]
        images = [image for image, _ in made]
        write_geotiff(path, _template(labels, compression), BLOCK, images, sources)
    assert path.read_bytes()[2] == (43 if big else 42)
    for level, (_, pixels) in enumerate(made):
        options = {"overview_level": level - 1} if level else {}
        with rasterio.open(path, **options) as dataset:
            np.testing.assert_array_equal(dataset.read(), pixels)
            assert dataset.nodata == NODATA
    with rasterio.open(path) as dataset:
        assert dataset.transform == GRID.transform
        assert dataset.crs == GRID.rasterio_crs
        assert dataset.descriptions == tuple(labels)
        assert dataset.tags()["SITSFLOW_TILES"] == "A <B>"
        assert dataset.tags()["TIFFTAG_SOFTWARE"] == "tests"
        assert len(dataset.overviews(1)) == levels
    found = read_directories(path)
    assert [one.shape for one in found] == [image.shape for image in images]
    for one, image in zip(found, images, strict=True):
        np.testing.assert_array_equal(one.places[1], image.blocks.size)


def test_it_is_cloud_optimized(tmp_path):
    with Sources() as sources:
        make = _Maker(tmp_path, np.random.default_rng(1), sources, "ZSTD", 2)
        images = [make.image(shape)[0] for shape in ((1100, 1300), (550, 650), (275, 325))]
        tags = [{"STATISTICS_MEAN": "1.5"}, {}]
        template = _template(["a", "b"], "ZSTD", tags)
        path = tmp_path / "made.tif"
        write_geotiff(path, template, BLOCK, images, sources, cloud_optimized=True)
    assert cog_validate(tmp_path / "made.tif", strict=True, quiet=True) == (True, [], [])
    with rasterio.open(tmp_path / "made.tif") as dataset:
        assert dataset.tags(1) == tags[0]
        assert dataset.overviews(2) == [2, 4]
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    data = path.read_bytes()
    for directory in read_directories(path):
        places = (each.ravel().tolist() for each in directory.places)
        for offset, size in zip(*places, strict=True):
            end = offset + size
            assert not size or data[offset - 4 : offset] == size.to_bytes(4, "little")
            assert not size or data[end : end + 4] == data[end - 4 : end]


def test_hidden_images_are_seen_by_us_only(tmp_path):
    path = tmp_path / "made.tif"
    own = {65101: Field(ASCII, b"kept\0")}
    with Sources() as sources:
        make = _Maker(tmp_path, np.random.default_rng(2), sources, "ZSTD", 1)
        made = [make.image((600, 700), fields=own), make.image((512, 1024), hidden=True)]
        images = [image for image, _ in made]
        write_geotiff(path, _template(["a"], "ZSTD"), BLOCK, images, sources)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), made[0][1])
        assert dataset.overviews(1) == []
        assert dataset.subdatasets == []
    (full,) = read_directories(path)
    assert full.fields[65101].data == b"kept\0"
    hidden = directory_at(path, full.number(HIDDEN))
    assert hidden.shape == (512, 1024)
    offset, size = (int(places[0, 0, 1]) for places in hidden.places)
    values = BlockCodec("ZSTD").decode([path.read_bytes()[offset : offset + size]])
    np.testing.assert_array_equal(values[0], made[1][1][0, :, 512:])


def test_a_source_that_was_cut_is_named(tmp_path):
    with Sources() as sources:
        make = _Maker(tmp_path, np.random.default_rng(3), sources, "NONE", 1)
        image, _ = make.image((2000, 600))
        for each in sources.paths:
            each.write_bytes(each.read_bytes()[:-1])
        with pytest.raises(OutputError, match="ends before a block that it had"):
            write_geotiff(tmp_path / "made.tif", _template(["a"], "NONE"), BLOCK, [image], sources)


def test_neighbours_are_copied_at_once():
    blocks = Blocks.none((1, 1, 5))
    for col, place in enumerate([(0, 4, 5), (0, 17, 7), (1, 12, 1), None, (1, 13, 2)]):
        if place is not None:
            blocks.put((0, 0, col), *place)
    # Only with their frames: without, each block gets one.
    assert [tuple(run) for run in runs(blocks, [True, False])] == [
        (0, 0, 28, True), (1, 12, 1, False), (1, 13, 2, False)
    ]  # fmt: skip
    assert runs(Blocks.none((2, 1, 1)), [True]) == []


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_blocks_are_those_that_gdal_writes(tmp_path, compression):
    rng = np.random.default_rng(4)
    values = rng.normal(size=(3, BLOCK, BLOCK)).round(1).astype(np.float32)
    values[1], values[2, :9] = NODATA, np.nan
    codec = BlockCodec(compression)
    blocks = codec.encode(values)
    np.testing.assert_array_equal(codec.decode(blocks), values)
    np.testing.assert_array_equal(codec.decode(blocks[2:]), values[2:])
    path = tmp_path / "gdal.tif"
    grid = GRID.model_copy(update={"height": BLOCK, "width": BLOCK})
    with create(
        path, grid, dtype="float32", nodata=NODATA, descriptions=["a", "b", "c"], tags={},
        compression=compression,
    ) as dataset:  # fmt: skip
        dataset.write(values)
    (directory,) = read_directories(path)
    assert codec.made(directory.fields)
    others = [BlockCodec(one) for one in COMPRESSIONS if one != compression]
    assert not any(one.made(directory.fields) for one in others)
    data = path.read_bytes()
    offsets, sizes = (places.ravel().tolist() for places in directory.places)
    for offset, size, block in zip(offsets, sizes, blocks, strict=True):
        assert data[offset : offset + size] == block


@pytest.mark.parametrize("compression", ["ZSTD", "DEFLATE"])
def test_a_block_that_is_not_whole_is_refused(compression):
    codec = BlockCodec(compression)
    (data,) = codec.encode(np.random.default_rng(5).normal(size=(1, BLOCK, BLOCK)).astype("f4"))
    for bad in (data[: len(data) // 2], bytes(len(data))):
        with pytest.raises(RasterioError):
            codec.decode([bad])
