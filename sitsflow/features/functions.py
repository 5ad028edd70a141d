"""User functions: finding them by name, calling them, and checking what they return."""

from __future__ import annotations

import copy
import difflib
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sitsflow.errors import ConfigError, FunctionError, SitsflowError
from sitsflow.features import builtin
from sitsflow.features.accessors import Accessors
from sitsflow.features.metric_names import GENERAL, is_metric, nearest_name
from sitsflow.features.metrics import compute_metrics
from sitsflow.features.results import FunctionResult, check_result
from sitsflow.features.time_limit import TimeIsUp, TimeLimit
from sitsflow.features.user_module import UserCode, is_interruption, load_snapshot, load_user_code
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.plan import Plan

Function = Callable[..., Any]

_FIRST_CALLS, _LAST_CALLS = 4, 4  # of a traceback; one of too deep a recursion has a thousand
_MOST_TEXT = 1000  # characters of an error's own text


class Functions:
    """The functions a run calls, by name: those of a module, and metrics, which need none.

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

    def is_metric(self, name: str) -> bool:
        """Whether a name is that of metrics; a function of that name in the module comes first."""
        return not _has(self.module, name) and is_metric(name)

    def check_arguments(self, name: str, kwargs: Mapping[str, Any]) -> None:
        """Refuse keyword arguments that a function does not take, or lacks."""
        if self.is_metric(name):
            return  # they are read where it is called
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
        kind: type[Exception] = FunctionError
        try:
            with self._importing(f"{name} ({where})"), np.errstate(all="ignore"):
                # What is not finite is counted later, and said.
                function = self._function(name)
                given = copy.deepcopy(dict(kwargs))  # a function may change what it was given
                result = (limit or TimeLimit(None)).call(function, accessors, **given)
                made = check_result(result, name, where)
                return made._replace(answers=self.is_metric(name))
        except ConfigError as error:
            raise self._with_nearest(name, error) from None
        except SitsflowError:
            raise
        except BaseException as error:
            if is_interruption(error):
                raise
            failure = self._failure(name, error, where)
            kind = MemoryError if isinstance(error, MemoryError) else FunctionError
        # Not in the handler: an error travels with the one that it was raised in, and a class of
        # the user's is unknown where it arrives.
        raise kind(failure)

    def _function(self, name: str) -> Function:
        if self.is_metric(name):
            return partial(compute_metrics, name)
        function: Function = getattr(self.module, name)
        return function

    def _with_nearest(self, name: str, error: ConfigError) -> ConfigError:
        """Say which function may be meant by a name that was taken for that of a metric."""
        near = difflib.get_close_matches(name, _public_names(self.module), n=1, cutoff=0.8)
        if not near or not self.is_metric(name):
            return error
        hint = f" (the nearest function is {near[0]})"
        return ConfigError([one._replace(message=f"{one.message}{hint}") for one in error.faults])

    def _failure(self, name: str, error: BaseException, where: str) -> str:
        """Say where a user function failed, without the lines that lead from here to it."""
        what = f"raised {type(error).__name__}: {_short(error)}"
        if isinstance(error, TimeIsUp):
            what = (
                "was interrupted: the functions' time on a chunk, external_features.timeout, is up"
            )
        lines = [f"{name} ({where}) {what}"]
        ours = Path(__file__).parent
        calls = []
        for frame in traceback.extract_tb(error.__traceback__):
            file = Path(frame.filename)
            if not file.is_relative_to(ours) or file == Path(builtin.__file__):
                calls.append(f"  {frame.filename}, line {frame.lineno}, in {frame.name}")
                calls[-1] += f"\n    {self._line(frame)}"
        if len(calls) > _FIRST_CALLS + _LAST_CALLS:
            left_out = f"  ... {len(calls) - _FIRST_CALLS - _LAST_CALLS} more calls ..."
            calls = [*calls[:_FIRST_CALLS], left_out, *calls[-_LAST_CALLS:]]
        return "\n".join([*lines, *calls])

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


def _found(code: UserCode | None, path: Path | None, names: Sequence[str]) -> Functions:
    module = builtin if code is None else code.module
    where = "the built-in functions" if path is None else str(path)
    known = _public_names(module)
    faults = []
    for name in dict.fromkeys(names):
        if not _has(module, name) and not is_metric(name):
            near = difflib.get_close_matches(name, [*known, GENERAL], n=1, cutoff=0.5)
            best = nearest_name(name) or next(iter(near), "")
            hint = f"did you mean {best}?" if best else "`sitsflow functions CONFIG` lists all"
            faults.append(f"external_features.functions: {where}: no function {name!r}; {hint}")
    if faults:
        raise FunctionError("\n".join(faults))
    return Functions(module, code)


def _public_names(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]


def _has(module: ModuleType, name: str) -> bool:
    return callable(getattr(module, name, None))


def _short(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (the class may be the user's)
        return "(an error without a text)"
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]} ..."
