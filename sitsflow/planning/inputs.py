"""Which content each input file has: whether it is the one that an earlier run read."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from sitsflow.digest import digest_text
from sitsflow.errors import ProductError
from sitsflow.io.archives import file_on_disk
from sitsflow.io.paths import OutputPaths
from sitsflow.io.read import holds_the_same
from sitsflow.io.read_digests import load_reads
from sitsflow.plan import InputFile, RadarSeries, SeriesPlan, load_files
from sitsflow.products.files import place_in
from sitsflow.products.scenes import Scene
from sitsflow.radar.image import co_polarised_first, orbit_file_of

log = logging.getLogger(__name__)

_READERS = 8  # each holds one window of one file


class Inputs(NamedTuple):
    """The input files of a tile by name, and how many were compared with what was read of them."""

    files: dict[str, InputFile]
    compared: int = 0
    same: int = 0


def layer_name(series: SeriesPlan, scene: Scene, path: Path) -> str:
    """Return the name of a product's file: it tells sensor, product and place in the product."""
    place = place_in(scene.product, path)
    return f"{series.sensor.label}/{scene.product.name}/{place}"


def layer_files(series: SeriesPlan, layers: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Yield name and path of the files that hold some bands or masks, of all scenes."""
    wanted = tuple(layers)
    for scene in series.scenes:
        for layer in wanted:
            path = scene.layers[layer].path
            yield layer_name(series, scene, path), path
    if series.radar is not None and wanted:
        yield from _radar_files(series.radar, series.sensor.label)


def _radar_files(radar: RadarSeries, label: str) -> Iterator[tuple[str, Path]]:
    """Yield what images of radar are made of: all slices, their annotation, and the relief."""
    for acquisition in radar.acquisitions:
        for product in acquisition.slices:
            for name in co_polarised_first(product, radar.settings.polarisations):
                for path in product.channels[name].paths:
                    place = place_in(product.product, path)
                    yield f"{label}/{product.product.name}/{place}", path
            if radar.settings.orbit_files is not None:
                path = orbit_file_of(product, radar.settings.orbit_files).path
                yield f"{label}/{product.product.name}/{path.name}", path
    geoid = radar.settings.geoid
    for number, path in enumerate((*radar.settings.dem, *([] if geoid is None else [geoid]))):
        # Rasters of several folders may have the same name.
        yield f"{label}/elevation/{number}/{path.name}", path


def identify(output_path: Path, tile: str, paths: Mapping[str, Path]) -> Inputs:
    """Find which content each of a tile's input files has.

    A file that has the size and the time of change that it had when an earlier run in
    `output_path` was planned has the same content; no pixel is read. Where the time of change
    alone is another one, the same windows that the jobs of earlier runs read are read again, and
    the content is the same if all their pixels are. Any other file has a new content.

    Parameters
    ----------
    paths : mapping of str to Path
        The files, by the names that `layer_name` gives them.

    Raises
    ------
    ProductError
        If a file is gone.
    """
    known = load_files(output_path, tile)
    files = {name: _as_it_is(name, path, known.get(name)) for name, path in paths.items()}
    touched = [
        name
        for name, file in files.items()
        if name in known and file.content != known[name].content and file.size == known[name].size
    ]
    same = _still_the_same(output_path, tile, touched, known, files)
    for name in same:
        files[name] = files[name].model_copy(update={"content": known[name].content})
    return Inputs(files, len(touched), len(same))


def _as_it_is(name: str, path: Path, known: InputFile | None) -> InputFile:
    """Describe a file by size and time of change alone."""
    try:
        about = file_on_disk(path).stat()
    except OSError as error:
        raise ProductError(f"{path}: cannot be read ({error.strerror})") from None
    stamp = about.st_size, about.st_mtime_ns
    if known is not None and (known.size, known.changed) == stamp:
        content = known.content
    else:
        # The former content is part of it: one that comes back unproven is not taken for known.
        content = digest_text(name, *map(str, stamp), known.content if known else "")[:16]
    return InputFile(path=path, size=stamp[0], changed=stamp[1], content=content)


def _still_the_same(
    output_path: Path,
    tile: str,
    names: list[str],
    known: Mapping[str, InputFile],
    files: Mapping[str, InputFile],
) -> list[str]:
    """Return those of the files whose pixels are all as they were when jobs read them."""
    if not names:
        return []
    reads = load_reads(OutputPaths(output_path).reads(tile))

    def is_same(name: str) -> bool:
        before = reads.get((name, known[name].content), [])
        return bool(before) and all(holds_the_same(files[name].path, read) for read in before)

    log.info("%s: comparing %d file(s) with what was read of them", tile, len(names))
    with ThreadPoolExecutor(_READERS) as pool:  # GDAL waits and decodes without Python's lock
        found = list(pool.map(is_same, names))
    return [name for name, same in zip(names, found, strict=True) if same]
