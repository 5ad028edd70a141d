"""Products on disk: finding them by name, checking that they are whole."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Layer(BaseModel):
    """One raster band of one file."""

    model_config = ConfigDict(frozen=True)

    path: Path
    index: int = Field(default=1, description="band number in the file, from 1")


class Scene(BaseModel):
    """One product: a sensor's look at a tile on a day. Layers are keyed by band or mask name."""

    model_config = ConfigDict(frozen=True)

    product: Path
    day: int = Field(description="days since 1970-01-01")
    bands: dict[str, Layer]
    masks: dict[str, Layer]
    state: str = Field(description="names, sizes and times of change of its files, digested")
