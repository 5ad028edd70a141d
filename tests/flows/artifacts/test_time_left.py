"""The estimate of the time that a run still takes, against runs that are known to the end."""

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flows.artifacts.time_left import TimeLeft, time_left
from sitsflow.run.jobs import Job
from tests.flows.artifacts.made_statuses import BEGAN, chunk_jobs, seen_after, statuses_of

SECONDS = st.floats(0.5, 500)


@given(
    number=st.integers(1, 60),
    slots=st.integers(1, 8),
    seconds=SECONDS,
    part=st.floats(0, 1, exclude_max=True),
)
def test_jobs_that_take_the_same_are_foreseen_within_one_of_them(
    number: int, slots: int, seconds: float, part: float
) -> None:
    jobs = chunk_jobs(number)
    _, length = seen_after(0, jobs, [seconds] * number, slots)
    at = part * length
    assume(at > seconds)  # one has ended
    statuses, truth = seen_after(at, jobs, [seconds] * number, slots)
    left = time_left(jobs, statuses, BEGAN + timedelta(seconds=at))
    assert left is not None
    assert left.is_all
    assert truth - seconds - 0.01 <= left.seconds <= truth + 0.01


@given(seconds=st.lists(SECONDS, min_size=4, max_size=40), slots=st.integers(1, 4), more=SECONDS)
def test_one_more_job_takes_no_less_time(seconds: list[float], slots: int, more: float) -> None:
    jobs = chunk_jobs(len(seconds) + 1)
    at = 1.01 * max(seconds)
    now = BEGAN + timedelta(seconds=at)
    statuses, _ = seen_after(at, jobs, [*seconds, more], slots)
    assume(statuses[jobs[-1].name].state == "waiting")
    longer, shorter = time_left(jobs, statuses, now), time_left(jobs[:-1], statuses, now)
    assert longer is not None
    assert longer.seconds >= (shorter.seconds if shorter else 0) >= 0


@given(seconds=st.lists(SECONDS, min_size=1, max_size=20), slots=st.integers(1, 4))
def test_nothing_is_said_before_a_job_has_ended(seconds: list[float], slots: int) -> None:
    jobs = chunk_jobs(len(seconds))
    at = 0.9 * min(seconds)
    statuses, _ = seen_after(at, jobs, seconds, slots)
    assert time_left(jobs, statuses, BEGAN + timedelta(seconds=at)) is None


def test_nothing_is_said_of_a_run_that_has_ended() -> None:
    jobs = chunk_jobs(3)
    assert time_left(jobs, statuses_of(jobs, "done", "failed", "not run"), BEGAN) is None


def test_steps_of_which_nothing_is_known_are_not_counted() -> None:
    jobs = chunk_jobs(4)
    statuses, _ = seen_after(15, jobs, [10] * 4, slots=1)
    jobs += [Job("merge_tile", "A"), Job("mosaic")]
    statuses |= statuses_of(jobs[4:], "waiting")
    left = time_left(jobs, statuses, BEGAN + timedelta(seconds=15))
    assert left == TimeLeft(25, is_all=False)
    assert str(left) == "at least 1 min"


def test_jobs_of_an_earlier_run_say_how_long_one_takes() -> None:
    jobs = chunk_jobs(8)
    statuses, _ = seen_after(5, jobs, [10] * 8, slots=2)
    there = {"state": "already there", "seconds": 20.0}
    statuses |= {job.name: statuses[job.name].model_copy(update=there) for job in jobs[2:5]}
    # Two have run for 5 of 20 seconds, and three wait.
    left = time_left(jobs, statuses, BEGAN + timedelta(seconds=5))
    assert left == TimeLeft((2 * 15 + 3 * 20) / 2, is_all=True)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "about 1 min"),
        (700, "about 12 min"),
        (5000, "about 83 min"),
        (5700, "about 1 h 40 min"),
        (35900, "about 10 h"),
        (200_000, "about 56 h"),
    ],
)
def test_an_estimate_is_given_as_exactly_as_it_is_known(seconds: float, words: str) -> None:
    assert str(TimeLeft(seconds, is_all=True)) == words
