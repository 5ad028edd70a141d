"""The sections that say what runs, and within which limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from blocks.section import NoEffect, Section, Words

FEATURES_MAP = ("i2_features_map", "I2FeaturesMap")
"""The one builder there is, by its older and its newer name."""


class Builders(Section):
    """Which of iota2's builders runs."""

    builders_class_name: Words = Field(
        default=FEATURES_MAP[:1],
        title="Builders",
        description="`i2_features_map`, or `I2FeaturesMap` as newer versions of iota2 have it.",
    )
    builders_paths: Annotated[Any, NoEffect("there are no builders to be found")] = Field(
        default=None, title="Builders' folders", description="Where iota2 looks for builders."
    )

    @field_validator("builders_class_name")
    @classmethod
    def _features_map_only(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if other := [name for name in value if name not in FEATURES_MAP]:
            raise ValueError(
                f"sitsflow makes features maps only, not {', '.join(map(repr, other))}; "
                "write ['i2_features_map']"
            )
        if len(value) != 1:
            raise ValueError("name one builder: ['i2_features_map']")
        return FEATURES_MAP[:1]


class TaskRetryLimits(Section):
    """How far a task may go that ran out of memory."""

    allowed_retry: int = Field(
        default=0,
        ge=0,
        title="Retries",
        description="How often a task that ran out of memory is run again, each time with twice "
        "the memory and CPUs.",
    )
    maximum_ram: float = Field(
        default=16.0,
        gt=0,
        title="Memory at most (GB)",
        description="Memory that a task may use at most, in GB; it sizes `auto` chunks too.",
    )
    maximum_cpu: int = Field(
        default=4, gt=0, title="CPUs at most", description="CPUs that a task may use at most."
    )
