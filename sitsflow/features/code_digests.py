"""Digests of the code that makes features here: what is made by other code is made again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sitsflow.digest import digest_text
from sitsflow.features import (
    builtin,
    metric_bands,
    metric_call,
    metric_names,
    metric_table,
    metrics,
)
from sitsflow.timeseries import (
    availability,
    harmonics,
    moments,
    percentiles,
    phenology,
    trends,
)

METRIC_MODULES = (
    metrics, metric_bands, metric_call, metric_names, metric_table,
    availability, harmonics, moments, percentiles, phenology, trends,
)  # fmt: skip
"""The code that makes the values of metrics."""


def builtin_digest() -> str:
    """Return the digest of the code of the built-in functions."""
    return hashlib.sha256(Path(builtin.__file__).read_bytes()).hexdigest()


def metrics_digest() -> str:
    """Return the digest of the code of the metrics."""
    contents = [Path(str(module.__file__)).read_bytes() for module in METRIC_MODULES]
    return digest_text(*(hashlib.sha256(content).hexdigest() for content in contents))
