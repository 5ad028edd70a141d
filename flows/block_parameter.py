"""Parameters that are blocks: saved ones, which a run only refers to, or values as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from prefect import get_client
from prefect.blocks.core import Block
from prefect.client.schemas.objects import BlockDocument
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from blocks.run_form import PARAMETERS
from sitsflow.errors import ConfigError, Fault


@dataclass(frozen=True)
class BlockParameter:
    """Values of a block, checked by nobody yet, and the name that it is saved as, if it is."""

    values: Mapping[str, Any]
    name: str = ""


def read_block(parameter: str, value: Any, block: type[Block]) -> BlockParameter:
    """Return the values that a parameter of a flow run gives, or refers to.

    Not by Prefect's own check of parameters: it says neither which block is not there nor all that
    is wrong, and puts a traceback into the log.

    Parameters
    ----------
    parameter : str
        Its name, for messages.
    value : block, or dict
        A block, its values, or ``{"$ref": {"block_document_slug": "features-map/demo"}}``, where
        `block_document_id` does as well.
    block : type
        What it should be.

    Raises
    ------
    ConfigError
        If it is nothing of that, or refers to what is not there.
    """
    if isinstance(value, block):
        return BlockParameter(value.model_dump(mode="json", include=set(block.model_fields)))
    if not isinstance(value, Mapping):
        raise _fault(parameter, f"{value!r} is no {block.get_block_type_name()} block")
    if "$ref" not in value:
        return BlockParameter(value)
    document = _document(parameter, value["$ref"], block)
    slug = document.block_type.slug if document.block_type else ""
    if slug != block.get_block_type_slug():
        raise _fault(
            parameter,
            f"the block {document.name!r} is of the type {slug}, not {block.get_block_type_slug()}",
        )
    return BlockParameter(document.data, document.name or "")


def name_in(reference: Any) -> str:
    """Return the name of the block that a reference is to, an empty one if that cannot be known.

    Parameters
    ----------
    reference : object
        The value of a parameter, see `read_block`; it may be anything.
    """
    target = reference.get("$ref") if isinstance(reference, Mapping) else None
    if not isinstance(target, Mapping):
        return ""
    if slug := target.get("block_document_slug"):
        return str(slug).rpartition("/")[2]
    with get_client(sync_client=True) as client:
        try:
            return client.read_block_document(UUID(target["block_document_id"])).name or ""
        except (KeyError, ValueError, ObjectNotFound):
            return ""


def saved_values(slug: str) -> dict[str, dict[str, Any]]:
    """Return the values of all saved blocks of a type by name, in the order of the names."""
    with get_client(sync_client=True) as client:
        try:
            found = client.read_block_documents_by_type(slug)
        except PrefectHTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            found = []  # a new server does not know the type yet
    return dict(sorted((one.name, one.data) for one in found if one.name))


def _document(parameter: str, target: Any, block: type[Block]) -> BlockDocument:
    """Return the saved block that a reference is to."""
    if not isinstance(target, Mapping):  # Prefect takes the bare identifier too
        target = {"block_document_id": target}
    slug, identifier = target.get("block_document_slug"), target.get("block_document_id")
    with get_client(sync_client=True) as client:
        try:
            if slug is None:
                return client.read_block_document(UUID(str(identifier)))
            kind, _, name = str(slug).rpartition("/")
            return client.read_block_document_by_name(name, kind or block.get_block_type_slug())
        except (ObjectNotFound, ValueError):
            pass
    what = f"saved as {slug!r}" if slug is not None else f"with the identifier {identifier}"
    there = ", ".join(saved_values(block.get_block_type_slug())) or "none"
    raise _fault(
        parameter,
        f"there is no {block.get_block_type_name()} block {what} on this Prefect server; "
        f"there is {there}",
    )


def _fault(parameter: str, message: str) -> ConfigError:
    return ConfigError([Fault(parameter, message)], PARAMETERS)
