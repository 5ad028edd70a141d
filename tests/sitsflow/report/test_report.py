import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from sitsflow.dates import to_date
from sitsflow.planning.planner import make_plan
from sitsflow.products.scenes import Skipped
from sitsflow.report.page import write_report
from sitsflow.request import Chunking
from sitsflow.run.jobs import all_jobs
from sitsflow.run.status import JobStatus, save_status
from tests.requests import TILES, tutorial
from tests.sitsflow.report.made import made
from tests.sitsflow.report.page import Page
from tests.sitsflow.report.runs import carry_out

NASTY = "<script>alert('x')</script>"


def _report(plan, tiles) -> Page:
    path = plan.paths.final / "report.html"
    assert write_report(plan, tiles, path) == path
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []
    return Page(path)


def _request(products: Path, output: Path, **changes):
    return tutorial(products, output, chunking=Chunking(mode="split_number", number=2), **changes)


@pytest.fixture(scope="module")
def whole(products, tmp_path_factory):
    plan, tiles = make_plan(_request(products, tmp_path_factory.mktemp("run"), tiles=TILES))
    carry_out(plan, tiles)
    return plan, tiles, _report(plan, tiles)


def _fields(n_bands: int, height: int = 40, width: int = 30) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(0, 1000, (n_bands, height, width)).astype(np.float32)


def test_it_holds_every_tile_feature_and_date(whole):
    plan, tiles, page = whole
    for word in (*plan.tile_names, *plan.labels, *(one.name for one in plan.functions)):
        assert word in page.text
    for tile in tiles.values():
        for day in tile.series[0].days:
            assert str(to_date(day)) in page.text
    assert "All of it was made" in page.text
    assert plan.map_fingerprint in page.text
    assert plan.version in page.text
    assert "EPSG:32631" in page.text
    assert "of the test" in page.text  # the configuration


def test_it_needs_no_other_file(whole):
    references = whole[2].references
    assert sum(one.startswith("data:image/png;base64,") for one in references) == 3
    assert all(one.startswith(("data:image/png;base64,", "#")) for one in references)
    assert "<script" not in whole[2].source


def test_it_is_small(whole):
    assert len(whole[2].source) < 300_000


def test_anchors_lead_somewhere(whole):
    page = whole[2]
    places = {attributes.get("id") for _, attributes in page.elements}
    assert {one[1:] for one in page.references if one.startswith("#")} <= places


def test_dots_tell_the_share_of_usable_pixels(whole):
    plan, tiles, page = whole
    dots = len(plan.tile_names) * len(tiles[TILES[0]].series[0].days)
    titles = re.findall(r"<title>T31T[CD]J, 2018-\d\d-\d\d: ([^<]+)\s%</title>", page.source)
    assert len(titles) == dots
    assert len(set(titles)) > 3


def test_samples_show_observed_masked_and_interpolated_values(whole):
    _, tiles, page = whole
    n_charts = page.count("figure", "plotted")
    assert n_charts == 6
    assert page.count("i", "pin") == 2 * n_charts
    # The key has one of each.
    points = page.count("circle", "valid") + page.count("circle", "masked") - 2
    assert 0 < points <= n_charts * len(tiles[TILES[0]].series[0].days)
    assert page.count("circle", "made") - 1 == n_charts * len(tiles[TILES[0]].series[0].target_days)


def test_the_same_files_give_the_same_report(whole):
    plan, tiles, page = whole
    assert _report(plan, tiles).source == page.source


def test_a_failed_chunk_leaves_the_other_tiles(products, tmp_path):
    plan, tiles = make_plan(_request(products, tmp_path / "run", tiles=TILES))
    carry_out(plan, tiles, {"write_features_T31TDJ_chunk_1": f"FunctionError: {NASTY} failed"})
    page = _report(plan, tiles)
    assert "1 failed, and the map is not all there" in page.text
    assert f"FunctionError: {NASTY} failed" in page.text
    assert "logs/write_features_T31TDJ_chunk_1.out" in page.text
    assert "the map of all tiles, final/features_map.tif" in page.text
    assert "1 map of single tiles: T31TDJ" in page.text
    assert "1 chunk of tile T31TDJ: 1" in page.text
    assert "these are the tiles that were" in page.text
    assert page.count("img") == 3
    assert "* of the chunks that were made" in page.text
    assert NASTY not in page.source


def test_nothing_made_is_no_error(products, tmp_path):
    plan, tiles = make_plan(_request(products, tmp_path / "run"))
    carry_out(plan, tiles, {"preprocess_T31TCJ": "ReadError: gone"})
    page = _report(plan, tiles)
    assert "There is no map yet" in page.text
    assert "ReadError: gone" in page.text
    assert page.count("img") == page.count("figure") == 0


def test_products_gone_are_told(products, tmp_path):
    plan, tiles = make_plan(_request(products, tmp_path / "run"))
    carry_out(plan, tiles)
    series = tiles[TILES[0]].series[0]
    scenes = tuple(
        scene.model_copy(
            update={
                "masks": {
                    name: layer.model_copy(update={"path": tmp_path / "gone.tif"})
                    for name, layer in scene.masks.items()
                }
            }
        )
        for scene in series.scenes
    )
    gone = series.model_copy(update={"scenes": scenes})
    page = _report(plan, {TILES[0]: tiles[TILES[0]].model_copy(update={"series": (gone,)})})
    assert "gone.tif: is gone" in page.text
    assert page.count("img") == 3


def test_one_date(products, tmp_path):
    folder = tmp_path / "one" / TILES[0]
    folder.mkdir(parents=True)
    product = next(
        path for path in sorted((products / TILES[0]).iterdir()) if "_20180602-" in path.name
        or "_20180603-" in path.name
    )  # fmt: skip
    (folder / product.name).symlink_to(product)
    request = _request(
        tmp_path / "one", tmp_path / "run", minimum_required_dates=1, use_gapfilling=False
    )
    plan, tiles = make_plan(request)
    carry_out(plan, tiles)
    page = _report(plan, tiles)
    assert str(to_date(tiles[TILES[0]].series[0].days[0])) in page.text
    assert "interpolated" not in page.text
    assert page.count("figure", "plotted") > 0


def test_what_users_write_is_escaped(tmp_path):
    labels = [NASTY, 'a"b', "a&b", "'"]
    plan, tiles = made(
        tmp_path, labels, _fields(4), nan_counts={NASTY: 7}, warnings=(f"beware of {NASTY}",)
    )
    broken = Skipped(tile="T31TCJ", sensor="S", product=Path(NASTY), reason=NASTY)
    plan = plan.model_copy(update={"notices": (NASTY,), "skipped": (broken,)})
    configuration = plan.paths.logs / "run_informations.txt"
    configuration.write_text(f"[configuration]\n</pre>{NASTY}\n", encoding="utf-8")
    page = _report(plan, tiles)
    assert "<script" not in page.source
    assert f"</pre>{NASTY}" in page.text
    for label in labels:
        assert label in page.text
    assert page.text.count(f"beware of {NASTY}") == 1
    assert "14 (" in page.text  # of both chunks


def test_pixels_whose_index_was_held_are_summed_over_chunks(tmp_path):
    plan, tiles = made(tmp_path, ["one"], _fields(1), held_counts={"Sentinel2_NDVI": 6}, pixels=50)
    page = _report(plan, tiles)
    assert "Indices held in their range" in page.text
    assert "12 (12" in page.text  # of 100 pixels
    assert "2 chunks" in page.text


def test_forty_features(tmp_path):
    labels = [f"feature_{n}" for n in range(40)]
    plan, tiles = made(tmp_path, labels, _fields(40))
    page = _report(plan, tiles)
    assert page.count("img") == 9
    assert "9 of 40 features" in page.text
    assert all(label in page.text for label in labels)
    assert page.count("td", "mini") == 40


def test_features_without_any_value(tmp_path):
    values = _fields(2)
    values[1] = np.nan
    plan, tiles = made(tmp_path, ["some", "none"], values)
    page = _report(plan, tiles)
    assert page.count("span", "empty") == 1
    assert page.count("img") == 2


def test_a_map_without_any_value(tmp_path):
    plan, tiles = made(tmp_path, ["none"], np.full((1, 40, 30), np.nan, np.float32))
    page = _report(plan, tiles)
    assert page.count("span", "empty") == 1
    assert page.count("figure", "plotted") == 0


def test_without_a_note_of_the_run_the_request_is_shown(tmp_path):
    plan, tiles = made(tmp_path, ["one"], _fields(1))
    (plan.paths.logs / "run_informations.txt").unlink()
    assert '"output_path"' in _report(plan, tiles).text


def test_dates_of_the_plan_stand_in_the_heading(tmp_path):
    plan, tiles = made(tmp_path, ["one"], _fields(1))
    plan = plan.model_copy(update={"first_day": date(2017, 11, 3)})
    assert "3 Nov 2017 to 31 Dec 2018" in _report(plan, tiles).text


def test_it_is_written_again_where_it_would_say_something_else(products, tmp_path):
    plan, tiles = make_plan(_request(products, tmp_path))
    carry_out(plan, tiles)
    path = write_report(plan, tiles, plan.paths.report)
    before = path.stat()
    write_report(plan, tiles, path)
    assert path.stat().st_ino == before.st_ino  # a new one would be another file
    job = next(iter(all_jobs(plan, tiles)))
    save_status(plan.paths, job.name, JobStatus(title=job.title, message="done otherwise"))
    write_report(plan, tiles, path)
    assert path.stat().st_ino != before.st_ino
    path.write_text("<html>an older version's</html>")
    write_report(plan, tiles, path)
    assert "All of it was made" in path.read_text()
