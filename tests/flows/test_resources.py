"""How much more the next attempt gets, and what is said when there is no next one."""

import pytest

from flows.resources import Resources, RetryLimits, too_large

LARGEST = Resources(16.0, 4)


def test_twice_the_memory_and_cpus_each_time() -> None:
    limits = RetryLimits(allowed_retry=3, maximum_ram=180, maximum_cpu=40)
    given = [Resources(1.5)]
    for attempt in (1, 2, 3):
        more = limits.next_resources(given[-1], attempt, LARGEST, alone=0)
        assert more is not None
        given.append(more)
    assert given == [Resources(1.5, 1), Resources(3, 2), Resources(6, 4), Resources(12, 4)]
    assert limits.next_resources(given[-1], 4, LARGEST, alone=0) is None


@pytest.mark.parametrize(
    ("limits", "largest", "ram"),
    [
        (RetryLimits(0, 180, 40), LARGEST, None),
        (RetryLimits(9, 5, 40), LARGEST, 5),
        (RetryLimits(9, 3, 40), LARGEST, None),
        (RetryLimits(9, 180, 40), Resources(4), 4),
        (RetryLimits(9, 180, 40), Resources(3), None),
    ],
)
def test_never_above_a_limit_nor_above_a_worker(
    limits: RetryLimits, largest: Resources, ram: float | None
) -> None:
    more = limits.next_resources(Resources(3), 1, largest, alone=0)
    assert (more and more.ram_gb) == ram


def test_a_task_alone_on_its_worker_gets_more_than_that_worker_had() -> None:
    limits = RetryLimits(1, 180, 40)
    more = limits.next_resources(Resources(1), 1, Resources(20), alone=6)
    assert more == Resources(8)
    assert limits.next_resources(Resources(1), 1, Resources(20), alone=20) == Resources(2), (
        "there is no more"
    )


def test_cpus_stay_within_limit_and_worker() -> None:
    for limits, largest in (
        (RetryLimits(1, 180, 1), LARGEST),
        (RetryLimits(1, 180, 40), Resources(16, 1)),
    ):
        assert limits.next_resources(Resources(1), 1, largest, alone=0) == Resources(2, 1)


def test_the_last_word_says_what_was_given_and_what_to_do() -> None:
    said = RetryLimits(0, 16, 4).exhausted("its worker died", Resources(0.5), 1, LARGEST)
    assert "0.5 GB given, on attempt 1 of 1" in said
    assert "number_of_chunks" in said
    assert "allowed_retry (now 0)" in said
    assert "maximum_ram (now 16 GB)" in said
    said = RetryLimits(2, 180, 4).exhausted("out of memory", Resources(16), 2, LARGEST)
    assert "16 GB given, on attempt 2 of 3" in said
    assert "the largest has 16 GB" in said


def test_tags_have_one_decimal() -> None:
    assert Resources(0.478).tags == ["ram:0.5gb", "cpu:1"]
    assert Resources(4.0, 2).tags == ["ram:4gb", "cpu:2"]
    assert Resources(0.01).tags == ["ram:0.1gb", "cpu:1"]


def test_only_chunks_can_be_made_smaller() -> None:
    wanted, largest = Resources(6, 1), Resources(0.3, 1)
    said = {task: too_large(task, wanted, largest) for task in ("write_features", "preprocess")}
    for task, text in said.items():
        assert f"{task} asks for 6 GB and 1 CPU, and the largest worker has 0.3 GB" in text
        assert "larger workers" in text
    assert ["chunks" in text for text in said.values()] == [True, False]
