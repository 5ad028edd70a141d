"""Wrong arguments are named, all at once, and nothing is written."""

from datetime import date

import pytest

from sitsflow.errors import ConfigError, OutputError
from sitsflow.simulate import simulate

DAY = date(2018, 5, 1)
GOOD = {
    "sensor": "Sentinel_2", "tiles": ["T31TCJ"], "start": DAY, "end": DAY, "every": 10, "size": 16,
    "seed": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "place", "said"),
    [
        ({"sensor": "Sentinel2"}, "sensor", "did you mean Sentinel_2"),
        ({"sensor": "xyz"}, "sensor", "known are Sentinel_2, Sentinel_2_S2C"),
        ({"tiles": ["31TCJ"]}, "tiles", "'31TCJ'.*T31TCJ"),
        ({"tiles": ["T31TCJ", "T31TCJ"]}, "tiles", "twice: T31TCJ"),
        ({"tiles": []}, "tiles", "at least one"),
        ({"sensor": "Landsat8_old"}, "tiles", "'T31TCJ'.*D0005H0002"),
        ({"end": date(2018, 4, 30)}, "start", "2018-05-01 is after the end, 2018-04-30"),
        ({"every": 0}, "every", "at least 1"),
        ({"size": 14}, "size", "at least 16"),
        ({"size": 17}, "size", "multiple of 2"),
        ({"baseline": "0400"}, "baseline", "only products of Sentinel_2_S2C"),
        ({"sensor": "Sentinel_2_S2C", "baseline": "4"}, "baseline", "not one of 0212, 0400"),
    ],
)
def test_a_bad_argument_is_named(tmp_path, changed, place, said):
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match=said) as caught:
        simulate(out, **{**GOOD, **changed})
    assert [fault.place for fault in caught.value.faults] == [place]
    assert not out.exists()


def test_all_faults_are_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        simulate(tmp_path, **{**GOOD, "tiles": ["here", "T31TCJ", "there"], "every": -1, "size": 3})
    places = [fault.place for fault in caught.value.faults]
    assert places == ["tiles", "tiles", "size", "every", "size"]


def test_products_are_never_overwritten(tmp_path):
    (product,) = simulate(tmp_path, **GOOD)
    before = {path: path.stat().st_mtime_ns for path in product.rglob("*")}
    with pytest.raises(OutputError, match=product.name):
        simulate(tmp_path, **{**GOOD, "start": date(2018, 4, 21)})
    assert list(product.parent.iterdir()) == [product]
    assert {path: path.stat().st_mtime_ns for path in product.rglob("*")} == before


def test_what_a_killed_run_left_is_replaced(tmp_path):
    (product,) = simulate(tmp_path / "first", **GOOD)
    left = tmp_path / "out" / "T31TCJ" / f".{product.name}.part"
    left.mkdir(parents=True)
    (left / "torn.tif").touch()
    (again,) = simulate(tmp_path / "out", **GOOD)
    names = {path.relative_to(product) for path in product.rglob("*")}
    assert {path.relative_to(again) for path in again.rglob("*")} == names
    assert not left.exists()


def test_progress_counts_products(tmp_path):
    told = []
    made = simulate(
        tmp_path,
        **{**GOOD, "end": date(2018, 5, 25)},
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [product.name[11:19] for product in made] == ["20180501", "20180511", "20180521"]
