"""The head of the report: what was mapped, when, with what, and whether it is all there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyproj import CRS

from sitsflow.dates import to_day
from sitsflow.geo.grid import Grid
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.plan import Plan, TilePlan
from sitsflow.report.figures import THIN, duration, moment, number, period, plural, whole
from sitsflow.report.work import Outcome, began_and_ended


@dataclass(frozen=True)
class Heading:
    """Title, a line below it, and facts by name."""

    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]

    @property
    def wide(self) -> set[str]:
        """Names of the facts that need more room than others."""
        return {name for name, text in self.facts if len(text) > 64}


def heading_of(plan: Plan, tiles: Mapping[str, TilePlan], outcomes: list[Outcome]) -> Heading:
    """Describe a run."""
    first, last = to_day(plan.first_day), to_day(plan.last_day)
    sensors = _sensors(plan, tiles)
    count = len(plan.tile_names)
    names = ", ".join(plan.tile_names)
    features = plural(len(plan.labels), "feature")
    facts = [
        ("Tiles", names if count == 1 else f"{names} ({count})"),
        ("Sensors", "; ".join(sensors)),
        ("Acquisitions", period(first, last)),
        ("Reference system", _reference_system(plan.mosaic_grid)),
        ("Grid", _grid(plan.mosaic_grid)),
        ("Features", _features(plan)),
    ]
    times = began_and_ended(outcomes)
    if times is not None:
        begin, end = times
        took = duration((end - begin).total_seconds())
        facts.append(("Made", f"{moment(begin)}, in {took}"))
    if plan.code is not None:
        facts.append(("Code of the functions", _code(plan, plan.code)))
    facts += [("Version", f"sitsflow {plan.version}"), ("Fingerprint", plan.map_fingerprint)]
    platforms = " and ".join(dict.fromkeys(sensor.partition(":")[0] for sensor in sensors))
    where = names if count <= 4 else f"{count} tiles"
    subtitle = f"{where}, {period(first, last)}"
    return Heading(f"{features} from {platforms}", subtitle, tuple(facts))


def _sensors(plan: Plan, tiles: Mapping[str, TilePlan]) -> list[str]:
    """Each sensor: how many products, and the dates it was interpolated to."""
    found: dict[str, set[Path]] = {}
    for tile in tiles.values():
        for one in tile.series:
            found.setdefault(one.sensor.platform, set()).update(one.products)
    if not found:
        return [one.sensor.replace("_", "-") for one in plan.request.sensors]
    lines = []
    first = next(iter(tiles.values()))
    for one in first.series:
        if not one.sensor.dated:
            lines.append(f"{one.sensor.platform}: {plural(len(one.bands), 'band')}")
            continue
        words = plural(len(found[one.sensor.platform]), "product")
        if plan.request.use_gapfilling:
            words += f", interpolated to {plural(len(one.target_days), 'date')}"
            words += f" ({one.interpolated_by(plan.request).text})"
        lines.append(f"{one.sensor.platform}: {words}")
    return lines


def _code(plan: Plan, code: CodeSnapshot) -> str:
    """Where the copy of the user's code is that made the map."""
    folder = (plan.paths.code / code.digest).relative_to(plan.paths.root).as_posix()
    return f"{', '.join(file.name for file in code.files)}; as it ran: {folder}"


def _features(plan: Plan) -> str:
    native = len(plan.labels) - sum(len(one.labels) for one in plan.functions)
    parts = [plural(native, "native band")] if native else []
    if plan.functions:
        parts.append(", ".join(one.name for one in plan.functions))
    return f"{len(plan.labels)}: {' and '.join(parts)}" if parts else str(len(plan.labels))


def _reference_system(grid: Grid) -> str:
    name = CRS.from_user_input(grid.crs).name
    short = grid.crs if len(grid.crs) < 20 else ""
    return f"{short} ({name})" if short and name != short else name


def _grid(grid: Grid) -> str:
    size = f"{whole(grid.width)} × {whole(grid.height)} pixels"  # noqa: RUF001
    resolution = f"{number(grid.xres, 6)}"
    if grid.xres != grid.yres:
        resolution += f" × {number(grid.yres, 6)}"  # noqa: RUF001
    crs = grid.rasterio_crs
    if not crs.is_projected:
        return f"{size} of {resolution}°"
    metres = crs.linear_units_factor[1]
    area = grid.width * grid.xres * grid.height * grid.yres * metres**2 / 1e6
    unit = "m" if metres == 1 else crs.linear_units_factor[0]
    return f"{size} of {resolution}{THIN}{unit}, {number(area, 3)}{THIN}km²"
