"""Sends a flow run's artifacts to the Prefect server: each made once, and then kept up to date."""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path
from typing import Literal
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

Kind = Literal["markdown", "table", "progress"]
Data = str | float | list[dict[str, object]]

_MOST_SLUG = 24
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 5.0, 320.0


def key_of(noun: str, root: Path) -> str:
    """Return the key of an artifact: the same for all runs of one output folder, and no other.

    The UI compares artifacts of one key, so that maps in folders of the same name must differ.

    Parameters
    ----------
    noun : str
        What it is, e.g. ``overview``.
    root : Path
        The output folder.
    """
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:4]
    return "-".join(part for part in (_slug(noun), _slug(root.name)[:_MOST_SLUG], digest) if part)


class ArtifactWriter:
    """Writes the artifacts of one flow run: the one in which the first of them is written.

    No run fails because the server does not take an artifact. The next ones are then dropped
    unsent for a while, which doubles each time: a busy server must not hold up the work.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._flow_run: UUID | None = None
        self._written: dict[str, tuple[UUID, tuple[Data, str]]] = {}
        self._paused_until = 0.0
        self._pause = _FIRST_PAUSE_SECONDS
        self._has_warned = False

    def write(
        self, noun: str, kind: Kind, data: Data, description: str, *, last: bool = False
    ) -> None:
        """Make the artifact called `noun`, or change it where it differs from what is there.

        Parameters
        ----------
        data : str, list of dict, or float
            Markdown, rows of a table, or per cent of progress, as `kind` says.
        description : str
            One line; the UI shows it on the card of the artifact.
        last : bool
            Whether nothing will be written after it: then it is sent in a pause too.
        """
        if time.monotonic() < self._paused_until and not last:
            return
        wanted = (data, description)
        try:
            made, there = self._written.get(noun, (None, None))
            if made is None:
                self._written[noun] = self._create(noun, kind, data, description), wanted
            elif there != wanted:
                self._update(made, kind, data, description)
                self._written[noun] = made, wanted
        except (httpx.HTTPError, PrefectException) as error:
            self._pause_sending(noun, error)
        else:
            self._pause = _FIRST_PAUSE_SECONDS

    def link_to(self, noun: str) -> str | None:
        """Return the relative link to the page of an artifact, None if it is not there."""
        if noun not in self._written:
            return None
        return f"../../artifacts/artifact/{self._written[noun][0]}"

    def _create(self, noun: str, kind: Kind, data: Data, description: str) -> UUID:
        if self._flow_run is None and flow_run.id:
            self._flow_run = UUID(flow_run.id)
        artifact = ArtifactCreate(
            key=key_of(noun, self._root),
            type=kind,
            description=description,
            data=_as_sent(kind, data),
            flow_run_id=self._flow_run,
        )
        with get_client(sync_client=True) as client:
            return client.create_artifact(artifact).id

    def _update(self, identifier: UUID, kind: Kind, data: Data, description: str) -> None:
        changed = ArtifactUpdate(data=_as_sent(kind, data), description=description)
        with get_client(sync_client=True) as client:
            client.update_artifact(identifier, changed)

    def _pause_sending(self, noun: str, error: Exception) -> None:
        self._paused_until = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LAST_PAUSE_SECONDS)
        if not self._has_warned:
            self._has_warned = True
            get_run_logger().warning(
                "the Prefect server did not take the artifact %s (%s: %s): the run goes on, and "
                "its pages in the UI may lack some", noun, type(error).__name__, error,
            )  # fmt: skip


def _as_sent(kind: Kind, data: Data) -> Data:
    """Return `data` as Prefect's own classes of artifacts send it: rows as JSON text."""
    return json.dumps(data, allow_nan=False) if kind == "table" else data


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
