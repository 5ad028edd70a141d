"""The overview of a run: did it all go well, and what is still to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from flows.artifacts.failures import failures_in_brief
from flows.artifacts.headline import How, Timing, headline, short_headline
from flows.artifacts.markdown import first_line, link, plain, some_items
from flows.artifacts.plan import products_left_out
from flows.artifacts.tile_table import LEGEND, TileTable
from sitsflow.plan import Plan
from sitsflow.report.figures import moment
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus
from sitsflow.steps.quicklook import title_of

_MOST_LINES = 10


class Overview:
    """Makes the page of one run, from the statuses of its jobs."""

    def __init__(self, plan: Plan, jobs: Iterable[Job]) -> None:
        self._plan, self._jobs = plan, tuple(jobs)
        self._table = TileTable(self._jobs)
        self._notices = list(_notices(plan))

    def page(
        self,
        statuses: Mapping[str, JobStatus],
        how: How,
        timing: Timing,
        links: Mapping[str, str],
        picture: str = "",
    ) -> tuple[str, str]:
        """Return the page, in Markdown, and one line for its card.

        Parameters
        ----------
        links : mapping of str to str
            Where a word leads: to the other artifacts, and to the run itself.
        picture : str
            Of the map, in Markdown; empty while there is none.
        """
        parts = [
            f"**{headline(self._jobs, statuses, how, timing)}**",
            "\n".join(self._facts(how, timing)),
            " · ".join(link(word, target) for word, target in links.items()),
            f"### Tiles and steps\n\n{self._table.text(statuses)}\n\n{LEGEND}",
        ]
        if failures := failures_in_brief(statuses):
            parts.append(f"### Failures\n\n{failures}")
        parts += self._notices
        if picture:
            parts.append(f"### Map\n\n{picture}")
        page = "\n\n".join(part for part in parts if part)
        return page, short_headline(statuses, how, timing)

    def _facts(self, how: How, timing: Timing) -> Iterator[str]:
        yield f"- **Run:** {plain(title_of(self._plan))}"
        seen = f", as of {timing.now:%H:%M:%S}" if how == "running" else ""
        yield f"- **Elapsed:** {timing.elapsed}, since {moment(timing.began)}{seen}"
        if how == "running" and timing.left:
            note = (
                "" if timing.left.is_all else ", not counting steps of which no job has ended yet"
            )
            yield f"- **Estimated time left:** {timing.left}{note}"
        yield f"- **Output:** {plain(str(self._plan.paths.root))}"


def _notices(plan: Plan) -> Iterator[str]:
    if plan.notices:
        notices = [plain(first_line(text)) for text in plan.notices]
        yield f"### Notices\n\n{some_items(notices, _MOST_LINES)}"
    if plan.skipped:
        yield f"### Products left out\n\n{some_items(products_left_out(plan), _MOST_LINES)}"
