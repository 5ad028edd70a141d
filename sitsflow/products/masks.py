"""From a product's mask files to one answer: which pixels may be used."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sitsflow.products.sensors.model import Rule

Bool = NDArray[np.bool_]


def matches(values: NDArray[Any], rule: Rule) -> Bool:
    """Tell where mask values meet a rule.

    Parameters
    ----------
    values : ndarray of any integer or float type, any shape
        As the file has them. Re-encoded products hold masks as floats, with whole values; where
        such a mask is NaN it says nothing, and is taken to meet the rule.
    rule : Rule
        ``nonzero``, ``bits`` or ``classes``.

    Returns
    -------
    ndarray of bool, the shape of `values`
    """
    if rule.how == "nonzero":
        return np.asarray(values != 0)
    if values.dtype.kind not in "iu":
        known = np.isfinite(values)
        return np.asarray(matches(np.where(known, values, 0).astype(np.int64), rule) | ~known)
    if rule.how == "bits":
        bits = sum(1 << bit for bit in rule.values)
        if bits > np.iinfo(values.dtype).max:  # bits that a narrow or a signed file has not
            values = values.astype(np.int64)
        return np.asarray((values & values.dtype.type(bits)) != 0)
    return np.isin(values, rule.values)


def any_in_blocks(values: Bool, rows: int, cols: int) -> Bool:
    """Tell which blocks of `rows` x `cols` pixels hold a True; (date, row, col) both ways."""
    # By strides: NumPy's `any` over two axes of blocks takes thirty times as long.
    bottom, right = values.shape[1] // rows * rows, values.shape[2] // cols * cols
    tall = reduce(np.logical_or, (values[:, row:bottom:rows, :right] for row in range(rows)))
    return reduce(np.logical_or, (tall[:, :, col::cols] for col in range(cols)))
