"""The curve through state vectors, and orbit files."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from sitsflow.errors import ProductError
from sitsflow.radar.image import orbit_file_of
from sitsflow.radar.orbit import StateVectors, check_vectors
from sitsflow.radar.orbit_files import (
    choose_orbit_file,
    find_orbit_files,
    read_orbit_file,
    seen_from,
)
from sitsflow.radar.safe import Sentinel1Product
from tests.radar.geometry_cases import annotation_at, real_annotation_file

RADIUS_M, TURN = 7_071_000.0, 2 * np.pi / (98.6 * 60)
NOON = np.datetime64("2021-12-23T05:10:00", "us")


def circle(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle, none = TURN * times, np.zeros_like(times)
    place = RADIUS_M * np.stack([np.cos(angle), np.sin(angle), none], axis=-1)
    speed = RADIUS_M * TURN * np.stack([-np.sin(angle), np.cos(angle), none], axis=-1)
    return place, speed


def vectors(step: float = 10.0) -> StateVectors:
    times = np.arange(-40.0, 80.0, step)
    return StateVectors(NOON, times, *circle(times))


def test_a_circular_orbit_is_kept_to_half_a_millimetre() -> None:
    times = np.linspace(-40, 70, 1777)
    place, speed, pull = vectors().at(times)
    true_place, true_speed = circle(times)
    assert np.abs(place - true_place).max() < 4e-4
    assert np.abs(speed - true_speed).max() < 2e-4
    assert np.abs(pull + TURN**2 * true_place).max() < 1e-3
    assert vectors().at(vectors().times)[0] == pytest.approx(vectors().positions, abs=1e-8)


def test_real_vectors_left_out_are_found_again() -> None:
    """With vectors 20 s apart the bound of the error is sixteen times that with 10 s."""
    orbit = annotation_at(real_annotation_file()).orbit
    half = StateVectors(
        orbit.reference, orbit.times[::2], orbit.positions[::2], orbit.velocities[::2]
    )
    place, speed, _ = half.at(orbit.times[1:-1:2])
    assert np.abs(place - orbit.positions[1:-1:2]).max() < 16 * 3e-4
    assert np.abs(speed - orbit.velocities[1:-1:2]).max() < 8 * 1e-4


def test_times_may_count_from_another_moment() -> None:
    moved = vectors().referred_to(NOON + np.timedelta64(1_500_000, "us"))
    assert moved.times[0] == -41.5
    assert moved.at(np.array([1.0]))[0] == pytest.approx(vectors().at(np.array([2.5]))[0])


def test_no_orbit_is_refused() -> None:
    times = np.array([0.0, 10.0])
    place, speed = circle(times)
    for wrong in (
        (times[:1], place[:1], speed[:1]),
        (times[::-1], place, speed),
        (times, place / 1000, speed / 1000),
    ):
        with pytest.raises(ProductError, match=r"^x\.xml: "):
            check_vectors(StateVectors(NOON, *wrong), "x.xml")


def write_orbit_file(folder: Path, kind: str, created: str, mission: str = "S1B") -> Path:
    """An orbit file of three minutes around 2021-12-23 05:11."""
    times = np.arange(-60.0, 180.0, 10.0)
    place, speed = circle(times)
    listed = "".join(
        f"<OSV><TAI>TAI=x</TAI><UTC>UTC={NOON + np.timedelta64(int(t), 's')}</UTC>"
        + "".join(
            f'<{name} unit="m">{value:.6f}</{name}>'
            for name, value in zip(["X", "Y", "Z", "VX", "VY", "VZ"], [*p, *v], strict=True)
        )
        + "<Quality>NOMINAL</Quality></OSV>"
        for t, p, v in zip(times, place, speed, strict=True)
    )
    name = f"{mission}_OPER_AUX_{kind}ORB_OPOD_{created}_V20211223T050900_20211223T051250.EOF"
    path = folder / name
    path.write_text(
        '<?xml version="1.0" ?><Earth_Explorer_File><Data_Block type="xml">'
        f'<List_of_OSVs count="{len(times)}">{listed}</List_of_OSVs></Data_Block>'
        "</Earth_Explorer_File>"
    )
    return path


def test_the_best_orbit_file_is_chosen(tmp_path: Path) -> None:
    write_orbit_file(tmp_path, "RES", "20211223T090000")
    old = write_orbit_file(tmp_path, "POE", "20220112T000000")
    new = write_orbit_file(tmp_path, "POE", "20220113T000000")
    write_orbit_file(tmp_path, "POE", "20220114T000000", "S1A")
    (tmp_path / "S1B_other.EOF").write_text("")
    files = find_orbit_files(tmp_path)
    assert len(files) == 4
    first, last = NOON + np.timedelta64(10, "s"), NOON + np.timedelta64(35, "s")
    assert choose_orbit_file(files, "S1B", first, last).path == new
    assert choose_orbit_file(files[:1], "S1C", first, last) is None
    assert choose_orbit_file(files, "S1B", first, last + np.timedelta64(1, "h")) is None
    orbit = read_orbit_file(old, first, last)
    assert orbit.reference == first
    assert (orbit.times[0], orbit.times[-1]) == (-60, 80)
    assert orbit.at(np.array([0.0]))[0][0] == pytest.approx(circle(np.array([10.0]))[0][0])


def test_an_orbit_file_replaces_the_orbit_of_a_product(tmp_path: Path) -> None:
    path = write_orbit_file(tmp_path, "RES", "20211223T090000")
    image = annotation_at(real_annotation_file())
    other = seen_from(image, path)
    since = (image.first_line - NOON) / np.timedelta64(1, "us") * 1e-6
    assert other.orbit.at(np.array([5.0]))[0][0] == pytest.approx(
        circle(np.array([since + 5]))[0][0], abs=1e-3
    )
    assert other.lines == image.lines


def test_orbit_files_that_cannot_serve_are_named(tmp_path: Path) -> None:
    product = Sentinel1Product.model_construct(
        product=Path("S1B_IW_x.SAFE"), mission="S1B", start=datetime(2021, 12, 23, 5, 11, 22),
        stop=datetime(2021, 12, 23, 5, 11, 47),
    )  # fmt: skip
    with pytest.raises(ProductError, match=r"none of the 0 orbit file.* is of S1B and covers"):
        orbit_file_of(product, tmp_path)
    path = write_orbit_file(tmp_path, "RES", "20211223T090000")
    late = NOON + np.timedelta64(1, "h")
    with pytest.raises(ProductError, match=f"{path.name}: its state vectors do not cover"):
        read_orbit_file(path, late, late)
    path.write_text(path.read_text().replace('<X unit="m">', '<X unit="m">z'))
    with pytest.raises(ProductError, match=f"{path.name}: X is 'z.*', not a finite number"):
        read_orbit_file(path, NOON, NOON)
    with pytest.raises(ProductError, match="is no folder of orbit files"):
        find_orbit_files(path)
