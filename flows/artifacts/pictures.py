"""Pictures that show inside the UI: small, in the text of the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flows.artifacts.markdown import plain
from sitsflow.plan import Plan, TilePlan

if TYPE_CHECKING:
    from PIL.Image import Image

    from sitsflow.report.features import FeatureSummary

_WIDTHS = (900, 720, 560, 420)
_PREVIEW = 280
_MOST_BYTES = 110_000  # a third more as text
_MOST_FEATURES = 3
_MOST_PIXELS = 500_000_000  # of a tile, to decode for its preview: some seconds


def quicklook_page(path: Path) -> str:
    """Return a page, in Markdown, that holds the picture at `path`, scaled down.

    Raises
    ------
    OSError
        If there is no picture that can be read.
    """
    import PIL.Image

    with PIL.Image.open(path) as file:
        picture = file.convert("RGB")
    for width in _WIDTHS:
        data = _encoded(_at_most(picture, width))
        if len(data) <= _MOST_BYTES:
            break
    return f"![quicklook]({_uri(data)})\n\nWhole size: {plain(str(path))}"


def preview_page(plan: Plan, tiles: Mapping[str, TilePlan], tile: str) -> tuple[str, str] | None:
    """Return a page with pictures of a tile's first features, and one line for its card.

    None where the tile has no map, or one too large to be looked at in passing.
    """
    from sitsflow.report.features import choose, features_of
    from sitsflow.report.pixels import read_overview

    grid = tiles[tile].grid
    bands = choose(plan)[:_MOST_FEATURES]
    if grid.height * grid.width * len(bands) > _MOST_PIXELS:
        bands = bands[:1]
    alone = plan.model_copy(update={"tile_names": (tile,), "mosaic_grid": grid})
    overview = (
        None if grid.height * grid.width > _MOST_PIXELS else read_overview(alone, tiles, bands)
    )
    if overview is None:
        return None
    features = features_of(plan, overview).values()
    names = ", ".join(feature.label for feature in features)
    return "\n\n".join(_pictured(feature) for feature in features), plain(f"{tile}: {names}")


def _pictured(feature: FeatureSummary) -> str:
    import PIL.Image

    from sitsflow.report.figures import number

    title = f"**{plain(feature.label)}**"
    if not feature.has_values:
        return f"{title}: no value"
    _, _, text = feature.picture.partition(",")
    with PIL.Image.open(io.BytesIO(base64.b64decode(text))) as file:
        picture = file.convert("RGBA")
    if max(picture.size) < _PREVIEW:
        larger = _PREVIEW // max(picture.size)
        size = picture.width * larger, picture.height * larger
        picture = picture.resize(size, PIL.Image.Resampling.NEAREST)
    low, high = number(feature.scale.low), number(feature.scale.high)
    uri = _uri(_encoded(_at_most(picture, _PREVIEW)))
    return f"{title}, colours from {low} to {high}\n\n![{plain(feature.label)}]({uri})"


def _at_most(picture: Image, side: int) -> Image:
    """Scale a picture down to a width, and twice that height."""
    smaller = picture.copy()
    smaller.thumbnail((side, 2 * side))
    return smaller


def _encoded(picture: Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80, method=4)
    return buffer.getvalue()


def _uri(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"
