import numpy as np
import pytest

from sitsflow.products.masks import any_in_blocks, matches
from sitsflow.products.sensors.model import Rule

VALUES = [0, 1, 2, 3, 9, 128]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(how="nonzero"), [0, 1, 1, 1, 1, 1]),
        (Rule(how="bits", values=(0,)), [0, 1, 0, 1, 1, 0]),
        (Rule(how="bits", values=(1, 7)), [0, 0, 1, 1, 0, 1]),
        (Rule(how="classes", values=(0, 3)), [1, 0, 0, 1, 0, 0]),
    ],
)
def test_rules_on_every_type_a_mask_file_has(dtype, rule, expected):
    found = matches(np.array([VALUES], dtype), rule)
    assert found.dtype == bool
    assert found.tolist() == [[bool(value) for value in expected]]


def test_a_block_holds_a_true_if_any_of_its_pixels_is():
    values = np.zeros((1, 4, 4), bool)
    values[0, 0, 3] = True
    assert any_in_blocks(values, 2, 2).tolist() == [[[False, True], [False, False]]]


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (2, 2), (3, 2)])
def test_pixels_that_fill_no_block_are_left_out(rows, cols):
    values = np.random.default_rng(0).random((2, 8, 9)) < 0.2
    found = any_in_blocks(values[:, :7], rows, cols)
    assert found.shape == (2, 7 // rows, 9 // cols)
    for date, row, col in np.ndindex(found.shape):
        block = values[date, row * rows : (row + 1) * rows, col * cols : (col + 1) * cols]
        assert found[date, row, col] == block.any()


@pytest.mark.parametrize(
    "rule", [Rule(how="nonzero"), Rule(how="bits", values=(0,)), Rule(how="classes", values=(3,))]
)
def test_a_mask_that_is_nan_or_infinite_meets_every_rule(rule):
    values = np.array([[np.nan, np.inf, 0]], np.float32)
    assert matches(values, rule).tolist() == [[True, True, False]]


@pytest.mark.parametrize(("dtype", "value"), [("int8", -128), ("uint8", 128), ("int16", -32640)])
def test_bits_beyond_those_of_the_file(dtype, value):
    found = matches(np.array([[value, 0]], dtype), Rule(how="bits", values=(7, 12, 15)))
    assert found.tolist() == [[True, False]]
