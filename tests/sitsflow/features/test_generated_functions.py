"""Functions of every kind, drawn at random: each is mapped rightly, or refused in words."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitsflow.errors import FunctionError
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, FunctionCall, Request
from tests.requests import tile_values, tutorial

pytestmark = pytest.mark.slow

NODATA = -10000
MOST = 10
NAMES = [f"f{number}" for number in range(MOST + 1)]

MODULE = '''
import numpy as np
from iota2.learning.utils import I2Label


def f0(self):
    """Whole numbers of 0 to 99, which every type can hold."""
    return np.rint(self.get_interpolated_Sentinel2_B4().mean(axis=2)) % 100, ["base"]


def array_of(self, dtype, bands, form):
    base = np.nan_to_num(f0(self)[0])
    rows, cols = base.shape
    if bands == 0:
        values = base.astype(dtype)
    else:
        values = np.stack([base + band for band in range(bands)], axis=2).astype(dtype)
    forms = {
        "plain": lambda: values,
        "fortran": lambda: np.asfortranarray(values),
        "view": lambda: np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)[::2, ::2],
        "reversed": lambda: values[::-1, ::-1].copy()[::-1, ::-1],
        "read only": lambda: np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape),
        "swapped": lambda: values.astype(values.dtype.newbyteorder()),
        "lists": lambda: values.tolist(),
        "transposed": lambda: np.swapaxes(values, 0, 1),
        "flat": lambda: values.ravel(),
        "4d": lambda: values.reshape(*values.shape[:2], -1, 1),
        "no band": lambda: np.empty((rows, cols, 0)),
        "a row more": lambda: np.concatenate([values, values[:1]]),
        "a number": lambda: 3,
        "none": lambda: None,
        "generator": lambda: (row for row in values),
        "ragged": lambda: [[1, 2], [3]],
        "object": lambda: values.astype(object),
        "text": lambda: values.astype(str),
        "complex": lambda: values.astype(complex),
        "dates": lambda: values.astype("int64").astype("datetime64[s]"),
        "struct": lambda: np.zeros((rows, cols), [("a", "f4")]),
    }
    return forms[form]()


def labels_of(labels, bands):
    names = [f"own_{band}" for band in range(max(bands, 1))]
    return {
        "own": names, "tuple": tuple(names), "array": np.array(names), "dict": dict.fromkeys(names),
        "generator": (name for name in names), "objects": [I2Label("own", n[4:]) for n in names],
        "none": None, "empty": [], "no text": "", "too many": [*names, "x"],
        "nul": ["a\\0b", *names[1:]], "surrogate": ["\\ud800", *names[1:]],
        "numbers": [1] * len(names),
        "set": set(names), "bytes": b"own", "a number": 3, "nones": [None] * len(names),
    }[labels]


def function(self, dtype="float32", bands=0, form="plain", labels="own", returned="tuple"):
    result = array_of(self, dtype, bands, form), labels_of(labels, bands)
    return {
        "tuple": result, "list": list(result), "array": result[0], "three": (*result, 1),
        "none": None,
    }[returned]


for _name in NAMES:
    globals()[_name] = function if _name != "f0" else f0
'''.replace("NAMES", repr(NAMES))

GOOD_FORMS = ("plain", "fortran", "view", "reversed", "read only", "swapped", "lists")
BAD_FORMS = (
    "transposed", "flat", "4d", "no band", "a row more", "a number", "none", "generator", "ragged",
    "object", "text", "complex", "dates", "struct",
)  # fmt: skip
OWN_LABELS = ("own", "tuple", "array", "dict", "generator", "objects")
DEFAULT_LABELS = ("none", "empty", "no text", "too many")
BAD_LABELS = ("nul", "surrogate", "numbers", "set", "bytes", "a number", "nones")
DTYPES = ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "longdouble")


class Drawn(NamedTuple):
    """A function's arguments, and whether it should be refused."""

    kwargs: dict[str, Any]
    refused: bool


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    kwargs = {
        "dtype": draw(st.sampled_from(DTYPES)),
        "bands": draw(st.integers(0, 3)),
        "form": draw(st.sampled_from(GOOD_FORMS)),
        "labels": draw(st.sampled_from((*OWN_LABELS, *DEFAULT_LABELS))),
    }
    wrong = {
        "form": st.sampled_from(BAD_FORMS),
        "labels": st.sampled_from(BAD_LABELS),
        "returned": st.sampled_from(("list", "array", "three", "none")),
    }
    spoiled = draw(st.sampled_from((None, None, *wrong)))
    if spoiled:
        kwargs[spoiled] = draw(wrong[spoiled])
    return Drawn(kwargs, spoiled is not None)


@pytest.fixture
def request_of(products: Path, tmp_path: Path) -> Any:
    module = tmp_path / "mine.py"
    module.write_text(MODULE)
    chunking = Chunking(mode="split_number", number=2)
    request = tutorial(products, tmp_path, module=module, chunking=chunking)

    def request_of(functions: dict[str, Drawn]) -> Request:
        calls = [FunctionCall(name=name, kwargs=one.kwargs) for name, one in functions.items()]
        return request.model_copy(update={"functions": (FunctionCall(name="f0"), *calls)})

    return request_of


@settings(max_examples=6)
@given(functions=st.lists(drawn(), min_size=MOST, max_size=MOST))
def test_each_function_is_mapped_rightly_or_refused(
    request_of: Any, functions: list[Drawn]
) -> None:
    named = dict(zip(NAMES[1:], functions, strict=True))
    refused = [name for name, one in named.items() if one.refused]
    if refused:
        with pytest.raises(FunctionError) as caught:
            make_plan(request_of(named))
        lines = [line for line in str(caught.value).splitlines() if not line.startswith(" ")]
        assert [line.partition(" (tried on ")[0] for line in lines] == refused
    good = {name: one for name, one in named.items() if not one.refused}
    plan, tiles = make_plan(request_of(good))
    values = tile_values(plan, tiles["T31TCJ"])
    base = values[0]
    at = 1
    for number, (name, one) in enumerate(good.items(), start=2):
        bands = max(one.kwargs["bands"], 1)
        own = one.kwargs["labels"] in OWN_LABELS
        for band in range(bands):
            label = f"own_{band}" if own else f"custFeat_{number}_b{band + 1}"
            assert plan.labels[at] == label, (name, one)
            expected = (base + band).astype(one.kwargs["dtype"]).astype(np.float32)
            expected[base == NODATA] = NODATA
            np.testing.assert_array_equal(values[at], expected, err_msg=f"{name} {one}")
            at += 1
    assert at == len(plan.labels)


@pytest.mark.parametrize("form", BAD_FORMS)
def test_forms_that_are_refused_are_named(request_of: Any, form: str) -> None:
    with pytest.raises(FunctionError, match=r"^f1 \(tried on .*returned"):
        make_plan(request_of({"f1": Drawn({"form": form, "bands": 2}, refused=True)}))
