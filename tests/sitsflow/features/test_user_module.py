"""User modules of every shape: how they are imported, what their functions may be and return."""

import logging
import sys

import numpy as np
import pytest

import sitsflow.timeseries.observations
from sitsflow.errors import FunctionError, ReadError
from sitsflow.features.functions import load_functions
from sitsflow.planning.planner import make_plan
from sitsflow.request import FunctionCall
from sitsflow.steps.chunk import compute_chunk
from tests.requests import calls, computed, tutorial
from tests.slow import mostly_slow

NDVI = "self.get_interpolated_Sentinel2_NDVI()"


@pytest.fixture
def write(tmp_path):
    """Write a user's module (and its neighbours), return its path."""

    def write(code, name="mine.py", **neighbours):
        folder = tmp_path / "user"
        folder.mkdir(exist_ok=True)
        for neighbour, text in neighbours.items():
            (folder / f"{neighbour}.py").write_text(text)
        path = folder / name
        path.write_text(code)
        return path

    return write


@pytest.fixture
def plan_of(products, tmp_path):
    def plan(module, *functions, **changes):
        wanted = tuple(
            one if isinstance(one, FunctionCall) else FunctionCall(name=one)
            for one in functions or ("f",)
        )
        return make_plan(tutorial(products, tmp_path, module=module, functions=wanted, **changes))

    return plan


@pytest.mark.parametrize(
    "code",
    mostly_slow(
        [
            f"import functools\ndef g(self, n): return {NDVI}.sum(2) * n, ['f']\n"
            "f = functools.partial(g, n=1)\n",
            f"f = lambda self: ({NDVI}.sum(2), ['f'])\n",
            "class F:\n    def __call__(self, it):\n"
            f"        return {NDVI.replace('self', 'it')}.sum(2), ['f']\n"
            "f = F()\n",
            "import functools\n"
            "def twice(g):\n    @functools.wraps(g)\n    def h(*a, **k): return g(*a, **k)\n"
            "    return h\n"
            f"@twice\ndef f(self): return {NDVI}.sum(2), ['f']\n",
            "from __future__ import annotations\nfrom dataclasses import dataclass\n"
            "@dataclass\nclass One:\n    value: int = 1\n"
            f"def f(self): return {NDVI}.sum(2) * One().value, ['f']\n",
            f"def f(self):\n    from beside import ONE\n    return {NDVI}.sum(2) * ONE, ['f']\n",
            f"from folder.inner import ONE\ndef f(self): return {NDVI}.sum(2) * ONE, ['f']\n",
        ],
        quick=3,
    ),
    ids=["partial", "lambda", "object", "decorated", "dataclass", "late import", "folder"],
)
def test_functions_of_every_kind(write, products, tmp_path, code):
    path = write(code, beside="ONE = 1\n")
    (path.parent / "folder").mkdir()
    (path.parent / "folder" / "inner.py").write_text("ONE = 1\n")
    request = tutorial(products, tmp_path, module=path, functions=calls("f"))
    expected = computed(tutorial(products, tmp_path))["T31TCJ"][:1]
    np.testing.assert_array_equal(computed(request)["T31TCJ"], expected)
    assert not (path.parent / "__pycache__").exists()


@pytest.mark.parametrize("name", ["numpy.py", "scipy.py", "statistics.py"])
def test_a_module_named_like_a_package_does_not_take_its_place(write, name):
    stem = name.removesuffix(".py")
    path = write(f"import {stem}\ndef f(self): return {stem}\n", name)
    module = load_functions(path, ["f"]).module
    assert vars(module)[stem].__file__ != str(path)
    assert __import__(stem).__file__ != str(path)


def test_neighbours_come_before_what_is_installed_and_stay_apart(write, tmp_path):
    before = sys.modules.get("config")
    one = write("import config\ndef f(self): return config.WHO\n", config="WHO = 'one'\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.py").write_text("WHO = 'other'\n")
    (other / "mine.py").write_text(one.read_text())
    found = [load_functions(path, ["f"]).module.f(None) for path in (one, other / "mine.py", one)]
    assert found == ["one", "other", "one"]
    assert sys.modules.get("config") is before
    assert str(one.parent) not in sys.path


@pytest.mark.parametrize(
    "use", mostly_slow(["from beside import ONE", "import beside; ONE = beside.ONE"], quick=1)
)
def test_a_change_beside_the_module_is_noticed_at_once(write, plan_of, use):
    code = f"{use}\ndef f(self): return {NDVI}.sum(2) * ONE, ['f']\n"
    found = []
    for value in (1, 2):
        path = write(code, beside=f"from further import X\nONE = {value}\n", further="X = 1\n")
        plan, tiles = plan_of(path)
        values = compute_chunk(plan, tiles["T31TCJ"], 0).values
        found.append((tiles["T31TCJ"].fingerprint, values))
    path = write(code, further="X = 3\n")
    assert len({found[0][0], found[1][0], plan_of(path)[1]["T31TCJ"].fingerprint}) == 3
    np.testing.assert_allclose(found[1][1], found[0][1] * 2)


def test_a_module_is_imported_once_while_it_stays_the_same(write):
    path = write("def f(self): ...\n")
    first = load_functions(path, ["f"]).module
    assert load_functions(path, ["f"]).module is first
    path.write_text("def f(self): return 1\n")
    assert load_functions(path, ["f"]).module is not first


def test_what_functions_print_goes_to_the_log(write, plan_of, capsys, caplog):
    path = write(
        f"print('loaded')\ndef f(self):\n    print('hello')\n    return {NDVI}.sum(2), []\n"
    )
    with caplog.at_level(logging.INFO, "sitsflow"):
        plan, tiles = plan_of(path)
        compute_chunk(plan, tiles["T31TCJ"], 0)
    assert capsys.readouterr().out == ""
    assert f"{path} printed: loaded" in caplog.text
    assert "f (tile T31TCJ, chunk 0) printed: hello" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"b": 1}, r"f: missing a required argument: 'a'; external_features.functions gives the"),
        ({"a": 1, "c": 2}, r"f: got an unexpected keyword argument 'c'.* is f\(self, a, b=2\)"),
    ],
)
def test_arguments_that_do_not_fit(write, plan_of, arguments, message):
    path = write("def f(self, a, b=2): ...\n")
    with pytest.raises(FunctionError, match=message):
        plan_of(path, FunctionCall(name="f", kwargs=arguments))


def test_all_functions_that_fail_are_named_at_once(write, plan_of):
    path = write("def f(self): return 1 / 0\ndef g(self): return 3\n")
    with pytest.raises(FunctionError) as caught:
        plan_of(path, "f", "g")
    assert "f (tried on" in str(caught.value)
    assert "g (tried on" in str(caught.value)


@pytest.mark.parametrize(
    "code", ["import sys\nsys.exit(3)\n", "def f(self): raise SystemExit(3)\n"]
)
def test_a_module_that_exits_does_not_end_the_process(write, plan_of, code):
    with pytest.raises(FunctionError, match=r"mine.py, line \d"):
        plan_of(write(code))


@pytest.mark.parametrize(
    ("result", "expected"),
    mostly_slow(
        [
            (f"{NDVI}.argmax(2)", "whole"),
            (f"{NDVI}.max(2) > 0", "one"),
            (f"{NDVI}.sum(2).astype('f8') * 1e300", "nodata"),
            (f"np.ma.masked_all({NDVI}.shape[:2], int)", "nodata"),
        ],
        quick=2,
    ),
)
def test_types_of_results(write, plan_of, result, expected):
    plan, tiles = plan_of(write(f"import numpy as np\ndef f(self): return {result}, []\n"))
    values = compute_chunk(plan, tiles["T31TCJ"], 0).values
    assert values.dtype == np.float32
    assert {
        "whole": (values % 1 == 0).all(),
        "one": (values == 1).all(),
        "nodata": (values == -10000).all(),
    }[expected]


def test_a_file_that_cannot_be_read_is_no_fault_of_the_function(
    products, tmp_path, monkeypatch, write, plan_of
):
    plan, tiles = plan_of(write(f"def f(self): return {NDVI}.sum(2), []\n"))

    def fail(layers, window, **_):
        raise ReadError("the network went away")

    monkeypatch.setattr(sitsflow.timeseries.observations, "read_layers", fail)
    with pytest.raises(ReadError, match="network"):
        compute_chunk(plan, tiles["T31TCJ"], 0)


@pytest.mark.parametrize(
    "check",
    mostly_slow(
        [
            "season = ndvi.mean((0, 1)); assert season.max() > 1.5 * season.min()",
            "assert ndvi.min() < 0 < ndvi.max()",
            "assert (self.get_raw_Sentinel2_masks() == 1).any()",
            "assert self.get_raw_Sentinel2_B2().max() > 5000",
            "assert (self.get_interpolated_Sentinel2_B8() > 0).all()",
        ],
        quick=3,
    ),
)
def test_made_up_pixels_are_like_real_ones(write, plan_of, check):
    plan_of(write(f"def f(self):\n    ndvi = {NDVI}\n    {check}\n    return ndvi.sum(2), []\n"))
