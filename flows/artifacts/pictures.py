"""Pictures that show inside the UI: small, in the text of the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.artifacts.markdown import plain, table
from sitsflow.plan import Plan, TilePlan

if TYPE_CHECKING:
    from PIL.Image import Image

    from sitsflow.report.features import FeatureSummary

_WIDTHS = (900, 720, 560, 420)
_MOST_BYTES = 110_000  # a third more as text
_PREVIEW = 190  # three of them side by side fit in a page
_MOST_PREVIEWS = 6
_A_ROW = 3
_MOST_PIXELS = 500_000_000  # to decode for all previews together: some seconds


def quicklook_picture(path: Path, widest: int = _WIDTHS[0], most: int = _MOST_BYTES) -> str:
    """Return the picture at `path`, scaled down, in Markdown.

    Parameters
    ----------
    widest, most : int
        Pixels a row, and bytes before they are written as text, at most.

    Raises
    ------
    OSError
        If there is no picture that can be read.
    """
    import PIL.Image

    with PIL.Image.open(path) as file:
        picture = file.convert("RGB")
    for width in (width for width in _WIDTHS if width <= widest):
        data = _encoded(_at_most(picture, width))
        if len(data) <= most:
            break
    return f"![quicklook]({_uri(data)})"


def previews(plan: Plan, tiles: Mapping[str, TilePlan], names: Sequence[str]) -> str:
    """Return pictures of the first feature of the first tiles of `names`, in Markdown.

    No more tiles are looked at than some seconds allow; those without a map are left out.
    """
    found: dict[str, FeatureSummary] = {}
    pixels = 0
    for name in names[:_MOST_PREVIEWS]:
        grid = tiles[name].grid
        pixels += grid.height * grid.width
        if pixels > _MOST_PIXELS:
            break
        feature = _first_feature(plan, tiles, name)
        if feature is not None:
            found[name] = feature
    if not found:
        return ""
    captions = [_caption(name, feature) for name, feature in found.items()]
    pictures = [_picture(feature) for feature in found.values()]
    columns, *rows = _in_rows(captions, pictures)
    label = plain(next(iter(found.values())).label)
    about = f"**{label}** of tiles that are done, its colours between the two values"
    return f"{about}\n\n{table(columns, rows)}"


def _first_feature(plan: Plan, tiles: Mapping[str, TilePlan], tile: str) -> FeatureSummary | None:
    from sitsflow.report.features import choose, features_of
    from sitsflow.report.pixels import read_overview

    alone = plan.model_copy(update={"tile_names": (tile,), "mosaic_grid": tiles[tile].grid})
    overview = read_overview(alone, tiles, choose(plan)[:1])
    if overview is None:
        return None
    return next(iter(features_of(plan, overview).values()))


def _caption(tile: str, feature: FeatureSummary) -> str:
    from sitsflow.report.figures import number

    if not feature.has_values:
        return f"{plain(tile)}: no value"
    low, high = number(feature.scale.low), number(feature.scale.high)
    return f"{plain(tile)}: {low} to {high}"


def _picture(feature: FeatureSummary) -> str:
    import PIL.Image

    if not feature.has_values:
        return ""
    _, _, text = feature.picture.partition(",")
    with PIL.Image.open(io.BytesIO(base64.b64decode(text))) as file:
        picture = file.convert("RGBA")
    if max(picture.size) < _PREVIEW:
        larger = _PREVIEW // max(picture.size)
        size = picture.width * larger, picture.height * larger
        picture = picture.resize(size, PIL.Image.Resampling.NEAREST)
    return f"![{plain(feature.label)}]({_uri(_encoded(_at_most(picture, _PREVIEW)))})"


def _in_rows(captions: list[str], pictures: list[str]) -> Iterator[list[str]]:
    """Yield rows of a table: captions and, below them, pictures."""
    width = min(_A_ROW, len(captions))
    for first in range(0, len(captions), width):
        for cells in (captions, pictures):
            row = cells[first : first + width]
            yield row + [""] * (width - len(row))


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
