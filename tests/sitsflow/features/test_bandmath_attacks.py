"""What people try who want an expression to do more than arithmetic."""

import numpy as np
import pytest

from blocks.resolve import resolve
from sitsflow.errors import ConfigError, ExpressionError
from sitsflow.features.bandmath import parse

ATTACKS = {
    "call of a builtin": ["eval(b1)", "exec(b1)", "open(b1)", "print(b1)", "type(b1)", "vars(b1)"],
    "import": ["__import__('os')", "import os", "b1; import os", "b1\nimport os", "os.system(b1)"],
    "names of Python": ["__builtins__", "b1 + __name__", "where(b1, __builtins__, 0)", "abs", "np"],
    "attributes": [
        "b1.__class__",
        "().__class__",
        "(b1).tofile",
        "b1.__class__.__mro__[1]",
        "b1.T",
    ],
    "attribute of a function": ["sqrt.__globals__", "abs.__self__", "where.__call__(b1, b1, b1)"],
    "attributes by name": ["getattr(b1, b2)", "setattr(b1, b2, b3)", "globals()", "locals()"],
    "functions of libraries": ["np.load(b1)", "numpy.fromfile(b1)", "sqrt(b1)(b2)", "b1(b2)"],
    "functions as values": ["abs(abs)", "where(b1, sqrt, b1)", "(b1 or sqrt)(b1)", "[abs][0](b1)"],
    "arguments in another way": ["max(b1, key=b2)", "abs(*[b1])", "abs(**{})", "sqrt(b1, out=b2)"],
    "code in code": ["lambda: b1", "(lambda x: x)(b1)", "[b1 for b1 in b2]", "(b1 for b1 in b2)"],
    "assignments": ["b1 = 2", "(b1 := b2)", "b1 += 1", "del b1", "b1 and (abs := b2)"],
    "statements": ["pass", "assert b1", "raise b1", "return b1", "def f(): b1", "while 1: b1"],
    "coroutines": ["await b1", "yield b1", "b1 + (yield)", "async def f(): b1"],
    "texts": [
        "'b1'",
        "b1 + 'a'",
        "b1 + b'a'",
        "f'{b1}'",
        "f'{b1!r:>{b2}}'",
        "'%s' % b1",
        "b1 * 'a'",
    ],
    "other constants": [
        "b1 + None",
        "b1 + True",
        "b1 + ...",
        "b1 + 1j",
        "b1 + 1e400",
        "b1 + 9" * 333,
    ],
    "containers": ["[b1]", "(b1,)", "{b1}", "{b1: 1}", "{**b1}", "b1[0]", "b1[::1]", "b1, b2"],
    "operators of other kinds": ["~b1", "b1 // b2", "b1 % b2", "b1 << 2", "b1 | b2", "b1 @ b2"],
    "comparisons of other kinds": ["b1 in b2", "b1 is b2", "b1 not in b2", "b1 < b2 < b3"],
    "letters that look alike": [
        "\uff45val(b1)",
        "b1²",
        "ƒ(b1)",
        "\u202eb1",
        "b1\u2028+ b2",
        "b1\x00",
    ],
    "depth": [
        "(" * 900 + "b1" + ")" * 90,
        "b1?" * 300,
        "sqrt(" * 250 + "b1",
        "[" * 900,
        "b1**" * 240,
    ],
    "length": ["b1" + " + b1" * 1000, "b" + "9" * 5000, "1" * 5000 + " + b1", " " * 5000 + "b1"],
}


@pytest.mark.parametrize("kind", ATTACKS)
def test_is_refused_when_it_is_read(kind: str) -> None:
    for text in ATTACKS[kind]:
        with pytest.raises(ExpressionError):
            pytest.fail(f"{text!r} is accepted: {parse(text)}")


@pytest.mark.parametrize("text", ["9 ** 9 ** 9 ** 9 + b1", "b1 ^ 9 ^ 9 ^ 9", "exp(exp(exp(b1)))"])
def test_large_powers_are_those_of_float32_and_take_no_time(text: str) -> None:
    value = parse(text)({1: np.full((2, 2), 9, np.float32)})
    assert value.dtype == np.float32
    assert np.isinf(value).all()


@pytest.mark.parametrize("text", ["__import__('os').system('true')", "b1.__class__", "open(b1)"])
def test_is_a_fault_of_the_configuration(text: str, tmp_path) -> None:
    (tmp_path / "s2" / "T31TCJ").mkdir(parents=True)
    raw = {
        "chain": {"output_path": "out", "list_tile": "T31TCJ", "s2_path": "s2"},
        "sensors_data_interpolation": {"use_additional_features": True},
        "Sentinel_2": {"additional_features": [text]},
    }
    with pytest.raises(ConfigError, match=r"Sentinel_2\.additional_features: .* is not allowed"):
        resolve(raw, tmp_path)
