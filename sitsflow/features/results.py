"""What a user function returns, checked and brought into one form."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import FunctionError
from sitsflow.features.labels import default_labels, label_text


class FunctionResult(NamedTuple):
    """What a function made: (band, row, col), and its bands' labels, None for default names."""

    values: NDArray[Any]
    labels: tuple[str, ...] | None
    answers: bool = False
    """Whether NaN is an answer, as of a pixel without a season, and no fault of the function."""


def check_result(result: Any, name: str, where: str) -> FunctionResult:
    """Bring what a function returned into (band, row, col) and labels.

    Raises
    ------
    FunctionError
        If it is something else than (array, labels), or either of them cannot be used.
    """
    if not isinstance(result, tuple) or len(result) != 2:
        raise FunctionError(
            f"{name} ({where}): returned {_what(result)}; a function returns (array, labels)"
        )
    return FunctionResult(_bands(result[0], name, where), _labels(result[1], name, where))


def check_shape(features: FunctionResult, shape: tuple[int, int], name: str, where: str) -> None:
    """Refuse an array that does not cover the chunk."""
    if features.values.shape[1:] != shape:
        got = (*features.values.shape[1:], features.values.shape[0])
        raise FunctionError(
            f"{name} ({where}): returned an array of shape {got}; the chunk has {shape[0]} rows "
            f"and {shape[1]} columns, so (row, col) or (row, col, band) must start with {shape}"
        )


def labels_of(features: FunctionResult, number: int) -> tuple[str, ...]:
    """Return a function's own labels if there is one a band, else iota2's default names."""
    bands = len(features.values)
    if features.labels is not None and len(features.labels) == bands:
        return features.labels
    return default_labels(number, bands)


def check_labels(found: tuple[str, ...], tried: tuple[str, ...], name: str, where: str) -> None:
    """Refuse bands other than those of the trial: they are decided before a pixel is read."""
    if len(found) != len(tried):
        raise FunctionError(
            f"{name} ({where}): made {len(found)} band(s), but {len(tried)} when it was tried; "
            "the number must not depend on pixels or on the size of the chunk"
        )
    for band, (label, other) in enumerate(zip(found, tried, strict=True), start=1):
        if label != other:
            raise FunctionError(
                f"{name} ({where}): band {band} has the label {label!r}, but {other!r} when it "
                "was tried; labels must not depend on pixels or on the size of the chunk"
            )


def _bands(values: Any, name: str, where: str) -> NDArray[Any]:
    try:
        array = values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
    except (ValueError, TypeError) as error:
        raise FunctionError(f"{name} ({where}): returned no array: {error}") from None
    if array.dtype.kind not in "fiub":
        what = f"{array.dtype} values" if array.dtype != object else _what(values)
        raise FunctionError(f"{name} ({where}): returned {what}; an array of numbers is needed")
    if isinstance(array, np.ma.MaskedArray):
        array = np.ma.filled(array.astype(np.float64), np.nan)
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or array.shape[2] == 0:
        raise FunctionError(
            f"{name} ({where}): returned an array of shape {np.shape(values)}; "
            "(row, col) or (row, col, band) is needed"
        )
    return np.moveaxis(array, -1, 0)


def _labels(labels: Any, name: str, where: str) -> tuple[str, ...] | None:
    if labels is None or (isinstance(labels, str) and not labels):
        return None
    if isinstance(labels, Set):
        raise FunctionError(f"{name} ({where}): returned a set of labels, which has no order")
    try:
        if isinstance(labels, str):
            return (label_text(labels),)
        return tuple(label_text(label) for label in labels) or None
    except (TypeError, ValueError) as error:
        raise FunctionError(f"{name} ({where}): {error}") from None


def _what(result: Any) -> str:
    if result is None:
        return "None"
    if isinstance(result, tuple):
        return f"a tuple of {len(result)}"
    return f"{'an' if type(result).__name__[0] in 'aeiou' else 'a'} {type(result).__name__}"
