from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitsflow.geo.grid import Window
from sitsflow.io.read import holds_the_same, read_bands, read_layer, read_stacks
from sitsflow.io.read_digests import KeptRead, digest_reads, keep_reads, load_reads
from sitsflow.products.scenes import Layer
from tests.plans import grid_at

GRID = grid_at(0, 0, 20, 30)
VALUES = np.arange(2 * 20 * 30, dtype=np.int16).reshape(2, 20, 30)
WINDOW = Window(row=2, col=3, height=5, width=7)


def write(path: Path, values: np.ndarray = VALUES, **profile: object) -> Path:
    count, height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width,
        dtype=values.dtype.name, crs=GRID.crs, transform=GRID.transform, **profile,
    ) as file:  # fmt: skip
        file.write(values)
    return path


def test_what_is_read_is_digested_by_file(tmp_path):
    one, other = write(tmp_path / "one.tif"), write(tmp_path / "other.tif", VALUES + 1)
    layers = [Layer(path=one, index=2), Layer(path=other, index=2)]
    with digest_reads() as digests:
        read_layer(layers[0], WINDOW)
        read_bands(other, WINDOW)
        read_stacks([[layer] for layer in layers], WINDOW)
    read_bands(one, WINDOW)  # nobody asks any more
    found = digests.by_file()
    assert found[one].windows == (((2,), WINDOW), ((2,), WINDOW))
    assert found[other].windows == (((1, 2), WINDOW), ((2,), WINDOW))
    assert found[one].digest != found[other].digest
    assert all(holds_the_same(path, read) for path, read in found.items())
    assert not holds_the_same(other, found[one])


def test_digests_within_digests_are_apart(tmp_path):
    path = write(tmp_path / "one.tif")
    with digest_reads() as outer, digest_reads() as inner:
        read_bands(path, WINDOW)
    assert (len(outer.by_file()), len(inner.by_file())) == (0, 1)


@pytest.mark.parametrize(
    ("values", "profile", "same"),
    [
        (VALUES, {"compress": "deflate"}, True),
        (VALUES, {"tiled": True, "blockxsize": 16, "blockysize": 16}, True),
        (VALUES.astype(np.int32), {}, False),
        (VALUES[:1], {}, False),
        (VALUES[:, :6], {}, False),
        (VALUES[:, :, :8], {}, False),
        (VALUES[::-1], {}, False),
        (VALUES[:, ::-1], {}, False),
    ],
)
def test_the_pixels_in_their_type_are_compared(tmp_path, values, profile, same):
    path = write(tmp_path / "one.tif")
    with digest_reads() as digests:
        read_bands(path, WINDOW)
    read = digests.by_file()[path]
    write(path, values, **profile)
    assert holds_the_same(path, read) is same


def test_a_file_that_cannot_be_read_holds_nothing(tmp_path):
    path = write(tmp_path / "one.tif")
    with digest_reads() as digests:
        read_bands(path, WINDOW)
    read = digests.by_file()[path]
    path.write_bytes(path.read_bytes()[:100])
    assert not holds_the_same(path, read)
    path.unlink()
    assert not holds_the_same(path, read)


def kept(name: str, content: str, *windows: Window, digest: str = "d") -> KeptRead:
    return KeptRead(
        name=name, content=content, windows=tuple(((1,), one) for one in windows), digest=digest
    )


def test_reads_are_kept_while_a_file_may_still_have_their_content(tmp_path):
    path, other = tmp_path / "reads" / "a.json.gz", tmp_path / "reads" / "b.json.gz"
    small, large = WINDOW, Window(row=0, col=0, height=20, width=30)
    keep_reads(path, [kept("x", "1", small), kept("y", "1", small)], {"x": "1", "y": "1"})
    keep_reads(other, [kept("x", "1", large)], {"x": "1"})
    # The job again, of larger chunks, when y has another content; x is not planned any more.
    keep_reads(path, [kept("y", "2", large)], {"y": "2"})
    found = load_reads(path.parent)
    assert {key: [read.windows[0][1] for read in reads] for key, reads in found.items()} == {
        ("x", "1"): [small, large],
        ("y", "2"): [large],
    }
    # What was read of the same windows takes the place of what was read before.
    keep_reads(path, [kept("x", "1", small, digest="new")], {"x": "1", "y": "2"})
    assert [read.digest for read in load_reads(path.parent)["x", "1"]] == ["new", "d"]
    assert not load_reads(tmp_path / "none")


@pytest.mark.parametrize("damage", [b"", b"{", b"\x1f\x8b\x08"])
def test_a_damaged_file_of_reads_proves_nothing_and_stays(tmp_path, damage):
    path = tmp_path / "a.json.gz"
    keep_reads(path, [kept("x", "1", WINDOW)], {})
    keep_reads(tmp_path / "b.json.gz", [kept("x", "1", WINDOW)], {})
    path.write_bytes(damage)
    assert not load_reads(tmp_path)
    keep_reads(path, [kept("x", "1", WINDOW)], {})
    assert path.read_bytes() == damage
