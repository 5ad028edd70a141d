"""What failed, why, what to do, and where to read more."""

from __future__ import annotations

from collections.abc import Mapping

from flows.artifacts.markdown import first_line, lines, linked, plain, shortened
from sitsflow.io.paths import OutputPaths
from sitsflow.run.status import JobStatus

_MOST_DETAILED = 50
_MOST_NAMED = 200
_MOST_BRIEF = 10
_MOST_MESSAGE = 1000
_MOST_CARD = 180


def failures_page(paths: OutputPaths, statuses: Mapping[str, JobStatus]) -> tuple[str, str]:
    """Return the page, in Markdown, and one line for its card; something must have failed."""
    failed, left = _in_state(statuses, "failed"), _in_state(statuses, "not run")
    kept = "What was made is kept: start the same run again to do the rest."
    therefore = f", {len(left)} therefore not run" if left else ""
    parts = [f"**{len(failed)} failed{therefore}.** {kept}"]
    parts += [_detailed(paths, status) for status in failed[:_MOST_DETAILED]]
    if len(failed) > _MOST_DETAILED:
        more = ", ".join(
            linked(status.title, status) for status in failed[_MOST_DETAILED:][:_MOST_NAMED]
        )
        parts.append(f"### And {len(failed) - _MOST_DETAILED} more\n\n{more}")
    if left:
        parts.append(_not_run(left))
    first = first_line(f"{failed[0].title}: {failed[0].message}", _MOST_CARD)
    return "\n\n".join(parts), plain(f"{len(failed)} failed. {first}")


def failures_in_brief(statuses: Mapping[str, JobStatus]) -> str:
    """Return a list, in Markdown, of the first failures, and how many more there are."""
    failed = _in_state(statuses, "failed")
    found = [
        f"- {linked(status.title, status)}: {plain(first_line(status.message))}"
        for status in failed[:_MOST_BRIEF]
    ]
    if len(failed) > _MOST_BRIEF:
        found.append(f"- and {len(failed) - _MOST_BRIEF} more")
    return "\n".join(found)


def _in_state(statuses: Mapping[str, JobStatus], state: str) -> list[JobStatus]:
    return [status for status in statuses.values() if status.state == state]


def _detailed(paths: OutputPaths, status: JobStatus) -> str:
    again = f" (attempt {status.attempt})" if status.attempt > 1 else ""
    parts = [
        f"### {linked(status.title, status)}{again}",
        f"**Cause:** {lines(shortened(status.message, _MOST_MESSAGE) or 'none was noted')}",
    ]
    if status.remedy:
        parts.append(f"**What to do:** {plain(shortened(status.remedy, _MOST_MESSAGE))}")
    if status.log:
        # In two parts, for one long path would not be broken at the edge of the page.
        parts.append(f"**Log:** {plain(status.log)} in {plain(str(paths.root))}")
    return "\n\n".join(parts)


def _not_run(left: list[JobStatus]) -> str:
    titles = ", ".join(plain(status.title) for status in left[:_MOST_NAMED])
    more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
    return f"### Not run\n\n{titles}{more}"
