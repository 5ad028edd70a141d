"""Ends of a flow run that are no surprise: a message in its log, and no traceback."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.exceptions import FailedRun
from prefect.logging import get_logger, get_run_logger
from prefect.states import Failed

from sitsflow.errors import SitsflowError

P = ParamSpec("P")
R = TypeVar("R")


def expected_ends(run: Callable[P, State[R]]) -> Callable[P, State[R]]:
    """Decorate a flow's function: errors raised on purpose become its final state.

    The log of the run has the message, whole and by itself; the state has it as well.
    """

    @functools.wraps(run)
    def ended(*args: P.args, **kwargs: P.kwargs) -> State[R]:
        get_logger("prefect.flow_runs").addFilter(_is_surprise)
        try:
            state = run(*args, **kwargs)
        except SitsflowError as error:
            state = Failed(message=str(error))
        if state.is_failed():
            get_run_logger().error(state.message)
        return state

    return ended


def _is_surprise(record: logging.LogRecord) -> bool:
    """Whether to keep a record: not those of a flow that returned a failed state.

    Where a deployment runs a flow, Prefect raises such a state as an error and logs where.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], FailedRun))
