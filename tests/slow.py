"""Which cases of a test `make test` runs, where each takes a process of its own."""

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], quick: int) -> list[Any]:
    """Return cases for `pytest.mark.parametrize`: all but the first `quick` marked as slow."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if number < quick else pytest.mark.slow,
        )
        for number, case in enumerate(cases)
    ]
