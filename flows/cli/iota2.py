"""The options of iota2's own command, and what to type here in their place."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Mapping, Sequence

PAGE = "docs/coming-from-iota2.md"

_GROUPS = "init (steps 1 and 2), writing (3 and 4) or mosaic (5)"
_RESUME = "the same command again resumes an unfinished run"

ANSWERS = {
    "config": "`sitsflow run FILE`; the file needs no option",
    "only_summary": "`sitsflow check FILE` prints the steps and the plan, and computes nothing",
    "starting_step": f"`--from GROUP`, where GROUP is {_GROUPS}",
    "ending_step": f"`--to GROUP`, where GROUP is {_GROUPS}",
    "restart": f"{_RESUME}; `--fresh` starts over",
    "restart_from": f"{_RESUME}, without a file of states; `--fresh` starts over",
    "nb_parallel_tasks": "`--workers N` is the number of processes that compute",
    "scheduler_type": "tasks run on this machine; `--cluster NAME` for another place, and "
    "`--workers 1 --debug` to look for errors",
    "config_ressources": "the memory of each task is estimated; `task_retry_limits` in the "
    "configuration limits it, and a Dask cluster block describes the jobs of a batch system",
    "execution_graph_files": "the Prefect UI shows the tasks of a run",
}
"""What to type for each option; the page says the same."""

_VALUES = {"only_summary": 0, "restart": 0, "execution_graph_files": 99}  # at most; else one
_BATCH = ("cluster", "pbs", "slurm")
_COMMANDS = ("run", "check", "functions")


def answer(arguments: Sequence[str]) -> str | None:
    """Return what to type in place of iota2's options, None where there is none of them.

    Parameters
    ----------
    arguments : sequence of str
        The command line after `sitsflow`; iota2's options with one dash or two.
    """
    options, words = _parse(arguments)
    if not options:
        return None
    names = ", ".join(f"-{name}" for name in options)
    verb = "is an option" if len(options) == 1 else "are options"
    lines = [f"{names} {verb} of iota2's command (see {PAGE})"]
    lines += [f"  -{name}: {ANSWERS[name]}" for name in options]
    if command := _command(options, words):
        lines.append(f"type: {shlex.join(command)}")
    return "\n".join(lines)


def _parse(arguments: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Sort a command line into iota2's options with their values, and all other words."""
    options: dict[str, list[str]] = {}
    words: list[str] = []
    rest = deque(arguments)
    while rest:
        argument = rest.popleft()
        dashed, equals, value = argument.partition("=")
        name = dashed.lstrip("-").replace("-", "_")
        if not argument.startswith("-") or name not in ANSWERS:
            words.append(argument)
            continue
        options[name] = [value] if equals else []
        room = 0 if equals else _VALUES.get(name, 1)
        while rest and len(options[name]) < room and _is_value(rest[0]):
            options[name].append(rest.popleft())
    return options, words


def _is_value(argument: str) -> bool:
    return not argument.startswith("-") or argument[1:].isdigit()  # `-ending_step -1`: to the end


def _command(options: Mapping[str, list[str]], words: list[str]) -> list[str] | None:
    """Return the whole command to type, None where the words do not say which one is meant."""
    words = [word for word in words if word != "Iota2.py"]
    command, *others = words if words and words[0] in _COMMANDS else ["run", *words]
    config = options.get("config", [])
    of_another = len(others) == len(words) and not "".join(others[:1]).startswith("-")
    if others and of_another and (config or "." not in others[0]):
        return None  # e.g. `sitsflow status -config FILE`
    if "only_summary" in options:
        command = "check"
    more = _run_options(options) if command == "run" else []
    return ["sitsflow", command, *(config or ([] if others else ["FILE"])), *others, *more]


def _run_options(options: Mapping[str, list[str]]) -> list[str]:
    from sitsflow.request import STEPS  # with Pydantic, which help does without

    found = []
    for name, option in (("starting_step", "--from"), ("ending_step", "--to")):
        number = "".join(options.get(name, ()))
        if number.isdigit() and 1 <= int(number) <= len(STEPS):
            found += [option, STEPS[int(number) - 1][0]]
    scheduler = "".join(options.get("scheduler_type", ())).lower()
    if scheduler in _BATCH:
        return [*found, "--cluster", "NAME"]
    if scheduler == "debug":
        return [*found, "--workers", "1", "--debug"]
    workers = options.get("nb_parallel_tasks", [])
    return [*found, "--workers", *workers] if workers else found
