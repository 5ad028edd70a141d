"""Where the randomness of this folder comes from, and how much of it there is.

``CHAOS_SEED=N`` chooses other moments and other bytes; ``CHAOS=short`` takes few of them.
"""

from __future__ import annotations

import os
import random
import shlex

SEED = int(os.environ.get("CHAOS_SEED", "2018"))
SHORT = os.environ.get("CHAOS") == "short"


def generator(*names: object) -> random.Random:
    """Return the random numbers of one case: they follow from the seed and its names alone."""
    return random.Random(" ".join(map(str, (SEED, *names))))


def how_to_repeat(test: str) -> str:
    """Say how to run one test again, by pytest's name of it."""
    return f"repeat it: CHAOS_SEED={SEED} .venv/bin/python -m pytest -m chaos {shlex.quote(test)}"
