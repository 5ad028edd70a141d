"""Sums over the sixteen pixels around a point, four at a time in the processor's vector registers.

Numba keeps LLVM from packing such sums by itself, and sixteen scalar taps take eight times as long;
so these two are written in LLVM's own terms. The order of the additions is fixed: a pixel has the
same bits wherever it is computed. Cached kernels do not notice changes in this file: touch
`resample.py` too.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_FOUR = ir.VectorType(ir.FloatType(), 4)
_LANES = ir.VectorType(ir.IntType(32), 4)
_ZERO = ir.Constant(_FOUR, [0.0] * 4)
_ONE = ir.Constant(_FOUR, [1.0] * 4)
_INFINITY = ir.Constant(_FOUR, [float("inf")] * 4)


def _shuffled(builder: Any, vector: Any, lanes: list[int]) -> Any:
    return builder.shuffle_vector(vector, vector, ir.Constant(_LANES, lanes))


def _four(builder: Any, base: Any, index: Any) -> Any:
    """Four neighbouring float32 from `index` on."""
    place = builder.bitcast(builder.gep(base, [index]), _FOUR.as_pointer())
    vector = builder.load(place)
    vector.align = 4
    return vector


def _across(builder: Any, vector: Any) -> Any:
    """Sum of the four lanes, (0 + 2) + (1 + 3)."""
    vector = builder.fadd(vector, _shuffled(builder, vector, [2, 3, 0, 1]))
    vector = builder.fadd(vector, _shuffled(builder, vector, [1, 0, 3, 2]))
    return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))


def _operands(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Rows of taps, their weights (one vector a row) and the weights along the columns."""
    arrays = [
        context.make_array(signature.args[k])(context, builder, args[k]).data for k in (0, 3, 4)
    ]
    at = builder.mul(args[5], ir.Constant(args[5].type, 4))
    down, right = _four(builder, arrays[1], at), _four(builder, arrays[2], at)
    rows, start = [], args[1]
    for k in range(4):
        rows.append((_four(builder, arrays[0], start), _shuffled(builder, down, [k] * 4)))
        start = builder.add(start, args[2])
    return rows, right


def _added(builder: Any, terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = builder.fadd(total, term)
    return total


def _weighted_sum(
    typing: Any, patch: Any, start: Any, pitch: Any, down: Any, right: Any, point: Any
) -> Any:
    """Weighted sum of all sixteen taps; not finite where one of them is not."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, along = _operands(context, builder, signature, args)
        total = _added(builder, [builder.fmul(taps, weight) for taps, weight in rows])
        return _across(builder, builder.fmul(total, along))

    return types.float32(patch, start, pitch, down, right, point), emit


def _usable_sums(
    typing: Any, patch: Any, start: Any, pitch: Any, down: Any, right: Any, point: Any
) -> Any:
    """Weighted sum of the finite taps, the sum of their weights, and how many they are."""
    triple = types.UniTuple(types.float32, 3)  # type: ignore[no-untyped-call]

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, along = _operands(context, builder, signature, args)
        totals, weights, counts = [], [], []
        for taps, weight in rows:
            # Comparisons with NaN are false: only finite taps pass both.
            below = builder.fcmp_ordered("<", taps, _INFINITY)
            above = builder.fcmp_ordered(">", taps, builder.fsub(_ZERO, _INFINITY))
            usable = builder.and_(below, above)
            kept = builder.select(usable, taps, _ZERO)
            totals.append(builder.fmul(kept, weight))
            weights.append(builder.select(usable, weight, _ZERO))
            counts.append(builder.select(usable, _ONE, _ZERO))
        sums = [
            _across(builder, builder.fmul(_added(builder, terms), factor))
            for terms, factor in ((totals, along), (weights, along), (counts, _ONE))
        ]
        return cgutils.pack_array(builder, sums)  # type: ignore[no-untyped-call]

    return triple(patch, start, pitch, down, right, point), emit


# Arguments of both: `patch`, flat float32; `start`, index of the first tap; `pitch`, pixels between
# two rows of taps; `down` and `right`, flat float32 weights, four a point; `point`, which point.
weighted_sum: Any = intrinsic(_weighted_sum)
usable_sums: Any = intrinsic(_usable_sums)
