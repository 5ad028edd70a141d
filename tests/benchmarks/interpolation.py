"""What each method of interpolation costs a pixel (python -m tests.benchmarks.interpolation)."""

from __future__ import annotations

import time

import numpy as np

from sitsflow.request import METHODS, Interpolation
from sitsflow.timeseries.interpolation import interpolate

PRODUCTS, CLEAR, EVERY = 70, 0.6, 10
ROWS, COLUMNS = 128, 1024


def main() -> None:
    """Print microseconds of processor time for one pixel's series of one band."""
    rng = np.random.default_rng(0)
    days = np.sort(rng.choice(365, PRODUCTS, replace=False)).tolist()
    targets = list(range(0, 365, EVERY))
    values = rng.integers(0, 9000, (PRODUCTS, ROWS, COLUMNS)).astype(np.float32)
    valid = rng.random(values.shape) < CLEAR
    print(f"{PRODUCTS} products, {CLEAR:.0%} clear, to {len(targets)} dates")
    chosen = Interpolation(method="whittaker", whittaker_lambda="v-curve")
    for how in (*(Interpolation(method=method) for method in METHODS), chosen):
        interpolate(values[:, :1].copy(), valid[:, :1].copy(), days, targets, how)  # compiles
        begin = time.process_time()
        interpolate(values, valid, days, targets, how)
        seconds = time.process_time() - begin
        print(f"{seconds / (ROWS * COLUMNS) * 1e6:6.2f} us  {how.text}")


if __name__ == "__main__":
    main()
