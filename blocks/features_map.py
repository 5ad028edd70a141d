"""The Prefect block of a features map: a configuration that the server keeps by name."""

from __future__ import annotations

from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import ConfigDict, model_validator

from blocks.configuration import Configuration
from blocks.plain_form import PlainForm


class FeaturesMap(PlainForm, Block, Configuration):
    """What a features map is made of: iota2's sections and keys.

    Saved on the server it is the base of runs; paths are whole, for the server has no folder of
    its own that relative ones could start from.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=False)

    _block_type_name: ClassVar[str] = "Features map"
    _block_type_slug: ClassVar[str] = "features-map"
    _description: ClassVar[str] = (
        "What a features map is made of: tiles, products of the sensors, dates, the output grid "
        "and the functions, by iota2's sections and keys."
    )

    @model_validator(mode="before")
    @classmethod
    def _forget_own_slug(cls, data: Any) -> Any:
        # Prefect writes the slug into what it dumps, and closed models would refuse it.
        if isinstance(data, dict) and data.get("block_type_slug") == cls._block_type_slug:
            return {key: value for key, value in data.items() if key != "block_type_slug"}
        return data

    def raw(self) -> dict[str, Any]:
        """Return what differs from the defaults, as a file would hold it."""
        return {k: v for k, v in self.plain().items() if k in Configuration.model_fields}
