"""User functions: loading their module, calling them, and checking what they return."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow import builtin
from sitsflow.accessors import Accessors
from sitsflow.errors import FunctionError
from sitsflow.labels import iota2_labels, label_text

Function = Callable[..., Any]


class Functions(NamedTuple):
    """The functions a run calls, by name, and a digest of the code they come from."""

    module: ModuleType
    by_name: dict[str, Function]
    digest: str


class Features(NamedTuple):
    """What a function made: (band, row, col), and its bands' labels, None for default names."""

    values: NDArray[Any]
    labels: tuple[str, ...] | None


def load_functions(path: Path | None, names: Sequence[str]) -> Functions:
    """Import the module at `path` (None: the built-in one) and find the functions `names` in it.

    Raises
    ------
    FunctionError
        If the module does not import, or lacks a function.
    """
    module = builtin if path is None else _import(path)
    where = "the built-in functions" if path is None else str(path)
    known = [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]
    faults = []
    for name in dict.fromkeys(names):
        if not callable(getattr(module, name, None)):
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            faults.append(f"{where}: no function {name!r}{hint}")
    if faults:
        raise FunctionError("\n".join(faults))
    source = Path(module.__file__ or "").read_bytes()
    siblings = sorted(set(_siblings(module))) if path is not None else []
    digest = hashlib.sha256(b"\0".join([source, *(one.read_bytes() for one in siblings)]))
    return Functions(module, {name: getattr(module, name) for name in names}, digest.hexdigest())


def call(function: Function, accessors: Accessors, kwargs: dict[str, Any], where: str) -> Features:
    """Call one function and bring what it returns into (band, row, col).

    Parameters
    ----------
    function : callable
        Takes `accessors` as ``self`` and returns ``(array, labels)``; the array has shape
        (row, col) or (row, col, band).
    where : str
        Tile and chunk, for messages.

    Raises
    ------
    FunctionError
        With the user's own traceback lines, or with what is wrong about the result.
    """
    name = function.__name__
    try:
        with np.errstate(all="ignore"):  # what is not finite is counted later, and said
            result = function(accessors, **kwargs)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever a user's code raises)
        raise FunctionError(_failure(function, error, where)) from None
    if not isinstance(result, tuple) or len(result) != 2:
        raise FunctionError(
            f"{name} ({where}): returned {_what(result)}; a function returns (array, labels)"
        )
    return Features(_bands(result[0], name, where), _labels(result[1], name, where))


def check_shape(features: Features, shape: tuple[int, int], name: str, where: str) -> None:
    """Refuse an array that does not cover the chunk."""
    if features.values.shape[1:] != shape:
        got = (*features.values.shape[1:], features.values.shape[0])
        raise FunctionError(
            f"{name} ({where}): returned an array of shape {got}; the chunk has {shape[0]} rows "
            f"and {shape[1]} columns, so (row, col) or (row, col, band) must start with {shape}"
        )


def _bands(values: Any, name: str, where: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise FunctionError(f"{name} ({where}): returned {array.dtype} values; numbers are needed")
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or array.shape[2] == 0:
        raise FunctionError(
            f"{name} ({where}): returned an array of shape {np.shape(values)}; "
            "(row, col) or (row, col, band) is needed"
        )
    return np.moveaxis(array, -1, 0)


def _labels(labels: Any, name: str, where: str) -> tuple[str, ...] | None:
    if labels is None or isinstance(labels, str):
        return (labels,) if labels else None
    try:
        return tuple(label_text(label) for label in labels) or None
    except TypeError as error:
        raise FunctionError(f"{name} ({where}): {error}") from None


def _what(result: Any) -> str:
    if isinstance(result, tuple):
        return f"a tuple of {len(result)}"
    return f"{'an' if type(result).__name__[0] in 'aeiou' else 'a'} {type(result).__name__}"


def _failure(function: Function, error: Exception, where: str) -> str:
    """Say where a user function failed, by the lines of its own files only."""
    lines = [f"{function.__name__} ({where}) raised {type(error).__name__}: {error}"]
    ours = str(Path(__file__).parent)
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith(ours) or frame.filename == builtin.__file__:
            lines.append(f"  {frame.filename}, line {frame.lineno}, in {frame.name}")
            lines.append(f"    {frame.line}")
    return "\n".join(lines)


def _import(path: Path) -> ModuleType:
    # A name of its own, or a user's `numpy.py` would take the place of the real one.
    name = f"sitsflow_user_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FunctionError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        with _importable(path.parent), iota2_labels():
            spec.loader.exec_module(module)
    except SyntaxError as error:
        raise FunctionError(
            f"{error.filename}, line {error.lineno}: {error.msg}\n    {(error.text or '').strip()}"
        ) from None
    except Exception as error:  # noqa: BLE001  (importing runs the user's code)
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
        place = f"{path}, line {line}" if line else str(path)
        raise FunctionError(f"{place}: {type(error).__name__}: {error}") from None
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a user's module import its neighbours, as it does when run from its own folder."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _siblings(module: ModuleType) -> Iterator[Path]:
    """Yield the files of the modules beside a user's module which it imports."""
    own = Path(module.__file__ or "")
    for value in vars(module).values():
        owner = value if isinstance(value, ModuleType) else _owner(value)
        file = Path(getattr(owner, "__file__", None) or "")
        if file.parent == own.parent and file != own:
            yield file


def _owner(value: Any) -> ModuleType | None:
    return sys.modules.get(getattr(value, "__module__", None) or "")
