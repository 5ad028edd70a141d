"""What failed, why, what to do, and where to read more."""

from __future__ import annotations

from collections.abc import Mapping

from flows.artifacts.markdown import lines, linked, plain
from sitsflow.io.paths import OutputPaths
from sitsflow.run.status import JobStatus

_MOST_TOLD = 50
_MOST_NAMED = 200
_MOST_CARD = 180


def failures_page(paths: OutputPaths, statuses: Mapping[str, JobStatus]) -> tuple[str, str]:
    """Return the page, in Markdown, and one line for its card."""
    failed = [status for status in statuses.values() if status.state == "failed"]
    left = [status for status in statuses.values() if status.state == "not run"]
    if not failed:
        text = "Nothing failed."
        return (f"{text}\n\n{_left(left)}" if left else text), text
    kept = "What was made is kept: the same run again does only the rest."
    parts = [f"**{len(failed)} failed, {len(left)} therefore not run.** {kept}"]
    parts += [_told(paths, status) for status in failed[:_MOST_TOLD]]
    if len(failed) > _MOST_TOLD:
        more = ", ".join(
            linked(status.title, status) for status in failed[_MOST_TOLD:][:_MOST_NAMED]
        )
        parts.append(f"### And {len(failed) - _MOST_TOLD} more\n\n{more}")
    if left:
        parts.append(_left(left))
    return "\n\n".join(parts), _card(failed)


def _told(paths: OutputPaths, status: JobStatus) -> str:
    again = f" (attempt {status.attempt})" if status.attempt > 1 else ""
    parts = [
        f"### {linked(status.title, status)}{again}",
        f"**Cause:** {lines(status.message or 'none was noted')}",
    ]
    if status.remedy:
        parts.append(f"**What to do:** {plain(status.remedy)}")
    if status.log:
        # In two parts, for one long path would not be broken at the edge of the page.
        parts.append(f"**Log:** {plain(status.log)} in {plain(str(paths.root))}")
    return "\n\n".join(parts)


def _left(left: list[JobStatus]) -> str:
    titles = ", ".join(plain(status.title) for status in left[:_MOST_NAMED])
    more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
    return f"### Not run\n\n{titles}{more}"


def _card(failed: list[JobStatus]) -> str:
    first = " ".join(f"{failed[0].title}: {failed[0].message}".split())
    if len(first) > _MOST_CARD:
        first = f"{first[:_MOST_CARD]}..."
    return plain(f"{len(failed)} failed. {first}")
