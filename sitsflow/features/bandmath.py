"""Band-math expressions such as ``(b8 - b4) / (b8 + b4)``: parsed against a list, never eval'ed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import ExpressionError

Array = NDArray[np.float32]

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.USub: np.negative,
    ast.UAdd: np.positive,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Not: np.logical_not,
}
_FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "sqrt": (1, np.sqrt),
    "sign": (1, np.sign),
    "rint": (1, np.rint),
    "exp": (1, np.exp),
    "ln": (1, np.log),
    "log": (1, np.log),
    "log2": (1, np.log2),
    "log10": (1, np.log10),
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tan": (1, np.tan),
    "asin": (1, np.arcsin),
    "acos": (1, np.arccos),
    "atan": (1, np.arctan),
    "sinh": (1, np.sinh),
    "cosh": (1, np.cosh),
    "tanh": (1, np.tanh),
    "atan2": (2, np.arctan2),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
    "where": (3, np.where),
    # As OTB's BandMath has it: ndvi(red, nir).
    "ndvi": (2, lambda red, nir: (nir - red) / (nir + red)),
}
_BAND = re.compile(r"b([1-9]\d*)$")
_LARGEST = 3e38  # of a float32
_LONGEST = 1000  # characters: deeper nesting than a formula needs would exhaust the parser
_SHOWN = 80  # characters, of an expression that cannot be understood at all
_DEEPEST = 350  # levels: a sum of all that 1000 characters hold is not refused


@dataclass(frozen=True)
class Expression:
    """A checked expression of the bands b1..bN of one date."""

    text: str
    bands: tuple[int, ...]
    """Numbers of the bands it uses, from 1, ascending."""
    _tree: ast.expr

    def __call__(self, bands: Mapping[int, Array]) -> Array:
        """Evaluate on arrays of equal shape, keyed by band number; float32.

        NaN where a band that the expression uses is NaN, even where it only chooses by it.
        """
        with np.errstate(all="ignore"):
            value = _evaluate(self._tree, bands)
        out = np.array(np.broadcast_to(value, bands[self.bands[0]].shape), np.float32)
        for number in self.bands:
            out[np.isnan(bands[number])] = np.nan
        return out


def parse(text: str) -> Expression:
    """Check an expression; muParser's ``^``, ``&&``, ``||`` and ``c ? a : b`` are understood too.

    Raises
    ------
    ExpressionError
        Naming the part that is not understood.
    """
    return _parsed(text, text, "bands b1, b2, ...")


def _parsed(text: str, written: str, names: str) -> Expression:
    """Parse an expression of bands; messages quote it as it was `written`, and name the bands."""
    if len(text) > _LONGEST:
        raise ExpressionError(f"an expression of {len(text)} characters; at most {_LONGEST}")
    python = text.strip().replace("^", "**").replace("&&", " and ").replace("||", " or ")
    try:
        tree = ast.parse(_choices(python), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"{_begin(written)} is not an expression") from None
    if _is_too_deep(tree):
        raise ExpressionError(f"{_begin(written)} is nested more than {_DEEPEST} levels deep")
    numbers: set[int] = set()
    _check(tree, _Words(written, names), numbers)
    if not numbers:
        raise ExpressionError(f"{written!r} uses none of the {names}")
    return Expression(text=text.strip(), bands=tuple(sorted(numbers)), _tree=tree)


def parse_of(text: str, bands: Sequence[str]) -> Expression:
    """Parse an expression of polarisations, such as ``vh / vv``; capitals are small letters.

    Parameters
    ----------
    text : str
    bands : sequence of str
        The polarisations that there are, which are bands 1, 2, ... of the expression.

    Raises
    ------
    ExpressionError
        If it cannot be parsed, or names what is not there.
    """
    numbers = {band.lower(): at for at, band in enumerate(bands, start=1)}
    have = ", ".join(numbers)

    def numbered(match: re.Match[str]) -> str:
        name = match[0].lower()
        if name not in numbers:
            raise ExpressionError(f"{text!r}: there is no {name} among the polarisations {have}")
        return f"b{numbers[name]}"

    if other := re.search(r"\bb\d+\b", text, re.IGNORECASE):
        raise ExpressionError(f"{text!r}: no {other[0]}; polarisations are {have}")
    numbered_text = re.sub(r"\b[vh][vh]\b", numbered, text, flags=re.IGNORECASE)
    return _parsed(numbered_text, text, f"polarisations {have}")


def _is_too_deep(tree: ast.expr) -> bool:
    """Whether checking or evaluating an expression could exhaust the interpreter's stack."""
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        # Operators are nodes too, which lead no deeper.
        level = [
            child
            for node in level
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr)
        ]
        if not level:
            return False
    return True


def _begin(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r} ..."


def split(text: str) -> list[str]:
    """Split a comma-separated list of expressions, leaving the commas of calls alone."""
    return [part.strip() for part in _parts(text) if part.strip()]


def _parts(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _choices(text: str) -> str:
    """Write muParser's ``c ? a : b`` as ``where(c, a, b)``, inner parentheses first."""
    if "?" not in text:
        return text
    plain, depth, start = "", 0, 0
    for at, character in enumerate(text):
        if character == "(":
            if depth == 0:
                plain, start = plain + text[start : at + 1], at + 1
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                plain, start = plain + _choices(text[start:at]), at
    plain += text[start:]
    return ",".join(_choice(argument) for argument in _parts(plain))


def _choice(text: str) -> str:
    condition, question, rest = text.partition("?")
    if not question:
        return text
    waiting = 1
    for at, character in enumerate(rest):
        waiting += (character == "?") - (character == ":")
        if waiting == 0:
            return f"where({condition},{_choice(rest[:at])},{_choice(rest[at + 1 :])})"
    raise ValueError("a question without a colon")


class _Words(NamedTuple):
    """What messages say of an expression: its text, and the bands that it may name."""

    text: str
    names: str


def _check(node: ast.AST, words: _Words, numbers: set[int]) -> None:
    match node:
        case ast.Constant(value=int() | float() as value) if _is_number(value):
            return
        case ast.Name(id=name) if band := _BAND.match(name):
            numbers.add(int(band.group(1)))
            return
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            if len(args) != _FUNCTIONS[name][0]:
                raise ExpressionError(
                    f"{words.text!r}: {name} takes {_FUNCTIONS[name][0]} argument(s)"
                )
            children: list[ast.expr] = args
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            children = [left, right]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            children = [operand]
        case ast.BoolOp(values=values):
            children = values
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            children = [left, right]
        case _:
            part = ast.unparse(node)
            known = ", ".join(sorted(_FUNCTIONS))
            raise ExpressionError(
                f"{words.text!r}: {part!r} is not allowed; allowed are {words.names}, numbers, "
                f"+ - * / ^, comparisons, and {known}"
            )
    for child in children:
        _check(child, words, numbers)


def _evaluate(node: ast.AST, bands: Mapping[int, Array]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value):
            return np.float32(value)
        case ast.Name(id=name):
            return bands[int(name[1:])]
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name][1](*(_evaluate(arg, bands) for arg in args))
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_evaluate(left, bands), _evaluate(right, bands))
        case ast.UnaryOp(op=op, operand=operand):
            return _number(_OPERATORS[type(op)](_evaluate(operand, bands)))
        case ast.BoolOp(op=op, values=values):
            parts = [_evaluate(value, bands) for value in values]
            result = parts[0]
            for part in parts[1:]:
                result = _OPERATORS[type(op)](result, part)
            return _number(result)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _number(_OPERATORS[type(op)](_evaluate(left, bands), _evaluate(right, bands)))
    raise AssertionError(ast.dump(node))


def _is_number(value: float) -> bool:
    return type(value) in (int, float) and abs(value) < _LARGEST


def _number(value: Any) -> Any:
    """Return truth as 1 and 0: numpy refuses to subtract one truth from another."""
    return np.float32(value) if np.asarray(value).dtype == np.bool_ else value
