"""What one function does is not seen by another, nor by itself in the next chunk."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitsflow.errors import FunctionError
from sitsflow.planning.planner import make_plan
from sitsflow.request import FunctionCall
from sitsflow.steps.chunk import compute_chunk
from tests.requests import calls, tutorial
from tests.slow import mostly_slow

SPOILERS = {
    "dates": "self.interpolated_dates['Sentinel2'].sort(reverse=True)",
    "raw dates": "self.get_raw_dates()['Sentinel2'].clear()",
    "dict of dates": "self.interpolated_dates.clear()",
    "names of the raster": "self.exogeneous_data_name.append('x')",
    "raster": "self.exogeneous_data_array[:] = 0",
    "series": "self.get_interpolated_Sentinel2_B4()[:] = 0",
    "index": "self.get_interpolated_Sentinel2_NDVI()[:] = 0",
    "raw series": "self.get_raw_Sentinel2_B4()[:] = 0",
    "masks": "self.get_raw_Sentinel2_masks()[:] = 1",
    "attribute": "self.mine = 1",
    "accessor": "self.get_interpolated_Sentinel2_B4 = None",
    "argument": "values.append(1)",
}
OTHER = """
import numpy as np

def f(self, values=()):
    {spoiler}
    return self.get_interpolated_Sentinel2_B8().mean(axis=2), ["f"]

def g(self):
    red = self.get_interpolated_Sentinel2_B4()
    dates = np.array([int(date) for date in self.interpolated_dates["Sentinel2"]])
    raw = np.array([int(date) for date in self.raw_dates["Sentinel2"]])
    assert not hasattr(self, "mine")
    values = (red * dates).sum(axis=2) + self.get_interpolated_Sentinel2_NDVI().sum(axis=2)
    values = values + (self.get_raw_Sentinel2_B4() * raw).sum(axis=2)
    values = values + self.get_raw_Sentinel2_masks().sum(axis=2) + self.exogeneous_data_array.sum(2)
    return values + len(self.exogeneous_data_name), ["g"]
"""


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    path = tmp_path / "raster.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=5, width=5, count=1, dtype="float32", crs="EPSG:32631",
        transform=rasterio.transform.from_origin(300_000, 4_900_000, 100, 100),
    ) as dataset:  # fmt: skip
        dataset.write(np.full((1, 5, 5), 3, np.float32))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("spoiler", SPOILERS.values(), ids=SPOILERS)
def test_a_function_that_changes_what_it_was_given_changes_nothing_else(
    products: Path, tmp_path: Path, raster: Path, spoiler: str
) -> None:
    module = tmp_path / "mine.py"
    found = []
    spoiling = FunctionCall(name="f", kwargs={"values": [1]})
    for line in ("pass", spoiler):
        module.write_text(OTHER.format(spoiler=line))
        plan, tiles = make_plan(
            tutorial(
                products, tmp_path, module=module, exogenous=raster,
                functions=(spoiling, FunctionCall(name="g")),
            )
        )  # fmt: skip
        found.append(compute_chunk(plan, tiles["T31TCJ"], 0).values)
    np.testing.assert_array_equal(found[1], found[0])
    assert spoiling.kwargs == {"values": [1]}


@pytest.mark.parametrize(
    ("result", "words"),
    mostly_slow(
        [
            ("red.mean(2).T, ['f']", r"shape \(19, 16, 1\)|shape \(\d+, \d+, 1\)"),
            ("red.transpose(1, 0, 2), []", r"the chunk has \d+ rows"),
            ("np.zeros((16, 19)), ['f']", r"the chunk has \d+ rows"),
            ("red[:, :, :1] * np.ones(red.shape[0]), []", r"the number must not depend on pixels"),
            ("red.mean(2), [f'mean_{red.mean():.3f}']", r"labels must not depend on pixels"),
            ("red.mean(2), [f'of_{red.shape[0]}_rows']", r"labels must not depend on pixels"),
        ],
        quick=3,
    ),
)
def test_a_result_that_is_right_for_some_chunks_only_is_refused(
    products: Path, tmp_path: Path, result: str, words: str
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "import numpy as np\ndef f(self):\n    red = self.get_interpolated_Sentinel2_B4()\n"
        f"    return {result}\n"
    )
    with pytest.raises(FunctionError, match=words):
        make_plan(tutorial(products, tmp_path, module=module, functions=calls("f")))


@pytest.mark.parametrize(
    ("real", "words"),
    [
        ("red.mean(2), ['other']", "band 1 has the label 'other', but 'f' when it was tried"),
        ("red[:, :, :2], ['f', 'g']", r"made 2 band\(s\), but 1 when it was tried"),
    ],
)
def test_bands_of_a_chunk_are_those_of_the_trial(
    products: Path, tmp_path: Path, real: str, words: str
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "def f(self):\n    red = self.get_interpolated_Sentinel2_B4()\n"
        f"    if red.shape[0] > 20: return {real}\n    return red.mean(2), ['f']\n"
    )
    plan, tiles = make_plan(tutorial(products, tmp_path, module=module, functions=calls("f")))
    with pytest.raises(FunctionError, match=words):
        compute_chunk(plan, tiles["T31TCJ"], 0)


def test_a_function_that_needs_a_large_neighbourhood_is_tried_on_more_pixels(
    products: Path, tmp_path: Path
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "def f(self):\n    red = self.get_interpolated_Sentinel2_B4()\n"
        "    assert min(red.shape[:2]) > 100\n    return red.mean(2), ['f']\n"
    )
    plan, _ = make_plan(tutorial(products, tmp_path, module=module, functions=calls("f")))
    assert plan.labels == ("f",)


@pytest.mark.parametrize(
    ("labels", "words"),
    mostly_slow(
        [
            (r"['a\0b']", r"label 'a\\x00b' has a NUL character"),
            (r"'a\0b'", r"label 'a\\x00b' has a NUL character"),
            (r"['\udc80']", r"is no valid Unicode text"),
            ("[3]", "a label is a string or an I2Label, not 3"),
            ("{'a'}", "a set of labels, which has no order"),
            ("3", "not iterable"),
        ],
        quick=3,
    ),
)
def test_labels_that_a_file_cannot_hold_are_refused(
    products: Path, tmp_path: Path, labels: str, words: str
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        f"def f(self): return self.get_interpolated_Sentinel2_B4().mean(2), {labels}\n"
    )
    with pytest.raises(FunctionError, match=words):
        make_plan(tutorial(products, tmp_path, module=module, functions=calls("f")))


@pytest.mark.parametrize(
    ("body", "words"),
    mostly_slow(
        [
            ("return f(self)", "raised RecursionError"),
            ("raise MemoryError('x' * 100_000)", "raised MemoryError"),
            ("raise ValueError('x' * 100_000)", "raised ValueError"),
            ("import numpy; numpy.ones((10**7, 10**7))", "raised MemoryError: Unable to allocate"),
        ],
        quick=2,
    ),
)
def test_messages_are_short(products: Path, tmp_path: Path, body: str, words: str) -> None:
    module = tmp_path / "mine.py"
    module.write_text(f"def f(self):\n    {body}\n")
    with pytest.raises(FunctionError, match=words) as caught:
        make_plan(tutorial(products, tmp_path, module=module, functions=calls("f")))
    assert len(str(caught.value)) < 3000
    assert f"{module}, line 2, in f" in str(caught.value)


@pytest.mark.parametrize("base", ["Exception", "BaseException", "MemoryError"])
def test_an_error_carries_no_class_of_the_users(products: Path, tmp_path: Path, base: str) -> None:
    """It travels to a process that cannot import the user's module."""
    module = tmp_path / "mine.py"
    module.write_text(
        f"class Odd({base}): pass\n"
        "def f(self):\n    red = self.get_interpolated_Sentinel2_B4()\n"
        "    if red.shape[0] > 20: raise Odd('odd')\n    return red.mean(2), ['f']\n"
    )
    plan, tiles = make_plan(tutorial(products, tmp_path, module=module, functions=calls("f")))
    kind = MemoryError if base == "MemoryError" else FunctionError
    with pytest.raises(kind, match="raised Odd: odd") as caught:
        compute_chunk(plan, tiles["T31TCJ"], 0)
    assert type(caught.value) is kind
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
