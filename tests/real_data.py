"""Real products, in their place beside the repository, which they are no part of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


def real_data(name: str) -> Path:
    """Return a folder of real products.

    A clone alone goes without the tests that need it, unless it must not.
    """
    folder = _FOLDER / name
    if not folder.exists() and os.environ.get("SITSFLOW_REAL_DATA") != "required":
        pytest.skip(f"real products are not there: {folder}")
    return folder
