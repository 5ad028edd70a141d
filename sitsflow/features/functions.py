"""User functions: finding them by name, calling them, and checking what they return."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import FunctionError, SitsflowError
from sitsflow.features import builtin
from sitsflow.features.accessors import Accessors
from sitsflow.features.labels import label_text
from sitsflow.features.time_limit import TimeIsUp, TimeLimit
from sitsflow.features.user_module import UserCode, is_interruption, load_snapshot, load_user_code
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.plan import Plan

Function = Callable[..., Any]


class FunctionResult(NamedTuple):
    """What a function made: (band, row, col), and its bands' labels, None for default names."""

    values: NDArray[Any]
    labels: tuple[str, ...] | None


class Functions:
    """The functions a run calls, by name.

    Parameters
    ----------
    module : module
        Where they are defined.
    code : UserCode, optional
        The user's file and its neighbours; None for the built-in functions.
    """

    def __init__(self, module: ModuleType, code: UserCode | None = None) -> None:
        self.module = module
        self._code = code

    def snapshot(self) -> CodeSnapshot | None:
        """Return the user's code as far as it was imported until now; None of the built-ins."""
        return None if self._code is None else self._code.snapshot()

    def check_arguments(self, name: str, kwargs: Mapping[str, Any]) -> None:
        """Refuse keyword arguments that a function does not take, or lacks."""
        function = getattr(self.module, name)
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # written in C, and silent about itself
            return
        try:
            signature.bind(None, **kwargs)
        except TypeError as error:
            given = ", ".join(kwargs) or "none"
            raise FunctionError(
                f"{name}: {error}; external_features.functions gives the arguments {given}, and "
                f"the function is {name}{signature}"
            ) from None

    def call(
        self,
        name: str,
        accessors: Accessors,
        kwargs: Mapping[str, Any],
        where: str,
        limit: TimeLimit | None = None,
    ) -> FunctionResult:
        """Call one function and bring what it returns into (band, row, col).

        Parameters
        ----------
        name : str
            The function takes `accessors` as ``self`` and returns ``(array, labels)``; the array
            has shape (row, col) or (row, col, band). What a masked array masks becomes NaN.
        where : str
            Tile and chunk, for messages.
        limit : TimeLimit, optional
            Of the time that functions may take.

        Raises
        ------
        FunctionError
            With the user's own traceback lines, or with what is wrong about the result.
        SitsflowError
            What the accessors raise, as when a file cannot be read: no fault of the function.
        """
        try:
            with self._importing(f"{name} ({where})"), np.errstate(all="ignore"):
                # What is not finite is counted later, and said.
                function = getattr(self.module, name)
                result = (limit or TimeLimit(None)).call(function, accessors, **kwargs)
        except (MemoryError, SitsflowError):
            raise
        except BaseException as error:
            if is_interruption(error):
                raise
            raise FunctionError(self._failure(name, error, where)) from None
        if not isinstance(result, tuple) or len(result) != 2:
            raise FunctionError(
                f"{name} ({where}): returned {_what(result)}; a function returns (array, labels)"
            )
        return FunctionResult(_bands(result[0], name, where), _labels(result[1], name, where))

    def _failure(self, name: str, error: BaseException, where: str) -> str:
        """Say where a user function failed, without the lines that lead from here to it."""
        what = f"raised {type(error).__name__}: {error}"
        if isinstance(error, TimeIsUp):
            what = (
                "was interrupted: the functions' time on a chunk, external_features.timeout, is up"
            )
        lines = [f"{name} ({where}) {what}"]
        ours = Path(__file__).parent
        for frame in traceback.extract_tb(error.__traceback__):
            file = Path(frame.filename)
            if not file.is_relative_to(ours) or file == Path(builtin.__file__):
                lines.append(f"  {frame.filename}, line {frame.lineno}, in {frame.name}")
                lines.append(f"    {self._line(frame)}")
        return "\n".join(lines)

    def _line(self, frame: traceback.FrameSummary) -> str:
        # The file may have been edited since.
        ran = None if self._code is None else self._code.line(frame.filename, frame.lineno)
        return frame.line or "" if ran is None else ran

    def _importing(self, where: str) -> AbstractContextManager[None]:
        return nullcontext() if self._code is None else self._code.importing(where)


def load_functions(path: Path | None, names: Sequence[str]) -> Functions:
    """Import the module at `path` (None: the built-in one) and find the functions `names` in it.

    Raises
    ------
    FunctionError
        If the module does not import, or lacks a function; all that are missing are named.
    """
    return _found(None if path is None else load_user_code(path), path, names)


def planned_functions(plan: Plan) -> Functions:
    """Return the functions of a run as they were when it was planned, whatever was edited since.

    Raises
    ------
    FunctionError
        If the module does not import.
    OutputError
        If the run's copy of it is gone or was changed.
    """
    assert plan.code is not None or plan.request.module is None
    code = None if plan.code is None else load_snapshot(plan.code, plan.paths.code)
    return _found(code, plan.request.module, [one.name for one in plan.request.functions])


def builtin_digest() -> str:
    """Return the digest of the code of the built-in functions."""
    return hashlib.sha256(Path(builtin.__file__).read_bytes()).hexdigest()


def _found(code: UserCode | None, path: Path | None, names: Sequence[str]) -> Functions:
    module = builtin if code is None else code.module
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
    return Functions(module, code)


def check_shape(features: FunctionResult, shape: tuple[int, int], name: str, where: str) -> None:
    """Refuse an array that does not cover the chunk."""
    if features.values.shape[1:] != shape:
        got = (*features.values.shape[1:], features.values.shape[0])
        raise FunctionError(
            f"{name} ({where}): returned an array of shape {got}; the chunk has {shape[0]} rows "
            f"and {shape[1]} columns, so (row, col) or (row, col, band) must start with {shape}"
        )


def _bands(values: Any, name: str, where: str) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
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
