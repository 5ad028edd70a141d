"""Where a run's artifacts are put: one a noun, made once and then kept up to date."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import httpx
from prefect import get_client
from prefect.artifacts import MarkdownArtifact, ProgressArtifact, TableArtifact
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

Kind = Literal["markdown", "table", "progress"]

_MOST_SLUG = 24
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 5.0, 320.0


def key_of(noun: str, root: Path) -> str:
    """Return the key of an artifact: the same for all runs of one output folder, and no other.

    The UI compares artifacts of one key, so that maps in folders of the same name must differ.

    Parameters
    ----------
    noun : str
        What it is, e.g. ``preview T31TCJ``.
    root : Path
        The output folder.
    """
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:4]
    return "-".join(part for part in (_slug(noun), _slug(root.name)[:_MOST_SLUG], digest) if part)


class Shelf:
    """Puts artifacts on the flow run under way; a run never fails for want of one.

    Where the server does not take one, the next are dropped unsent for a while, which doubles
    each time: a busy server must not hold up the work.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[UUID, object]] = {}
        self._silent_until = 0.0
        self._pause = _FIRST_PAUSE_SECONDS
        self._has_warned = False

    def put(
        self, noun: str, kind: Kind, data: Any, description: str, *, last: bool = False
    ) -> None:
        """Make the artifact called `noun`, or change the one that this run made.

        Parameters
        ----------
        data : str, list of dict, or float
            Markdown, rows of a table, or per cent of progress, as `kind` says.
        description : str
            One line; the UI shows it on the card of the artifact.
        last : bool
            Whether no other will follow that would mend its loss: it is sent whatever came before.
        """
        if time.monotonic() < self._silent_until and not last:
            return
        wanted = (data, description)
        try:
            known = self._known.get(noun)
            if known is None:
                self._known[noun] = self._make(noun, kind, data, description), wanted
            elif known[1] != wanted:
                self._change(known[0], kind, data, description)
                self._known[noun] = known[0], wanted
        except (httpx.HTTPError, PrefectException) as error:
            self._despair(noun, error)
        else:
            self._pause = _FIRST_PAUSE_SECONDS

    def _make(self, noun: str, kind: Kind, data: Any, description: str) -> UUID:
        artifact = _artifact(kind, data, key=key_of(noun, self._root), description=description)
        made: Any = artifact.create(_sync=True)  # type: ignore[call-arg]
        return UUID(str(made.id))

    def _change(self, identifier: UUID, kind: Kind, data: Any, description: str) -> None:
        shown: Any = _artifact(kind, data).format(_sync=True)  # type: ignore[call-arg]
        with get_client(sync_client=True) as client:
            client.update_artifact(identifier, ArtifactUpdate(data=shown, description=description))

    def _despair(self, noun: str, error: Exception) -> None:
        self._silent_until = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LAST_PAUSE_SECONDS)
        if not self._has_warned:
            self._has_warned = True
            get_run_logger().warning(
                "the Prefect server did not take the artifact %s (%s: %s): the run goes on, and "
                "its pages in the UI may lack some", noun, type(error).__name__, error,
            )  # fmt: skip


def _artifact(
    kind: Kind, data: Any, **fields: Any
) -> MarkdownArtifact | TableArtifact | ProgressArtifact:
    if kind == "markdown":
        return MarkdownArtifact(markdown=data, **fields)
    if kind == "table":
        return TableArtifact(table=data, **fields)
    return ProgressArtifact(progress=data, **fields)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
