"""Jobs as a short text, and back."""

from hypothesis import given
from hypothesis import strategies as st

from sitsflow.run.job_text import jobs_text, parse_jobs
from sitsflow.run.jobs import Job

TILES = st.sampled_from(["T31TCJ", "D0005H0002", "crop1", "all"])


@given(st.dictionaries(TILES, st.sets(st.integers(0, 40), min_size=1)))
def test_chunks_come_back(chunks: dict[str, set[int]]) -> None:
    jobs = [
        Job("write_features", tile, index)
        for tile, indices in chunks.items()
        for index in sorted(indices)
    ]
    assert parse_jobs("write_features", jobs_text(jobs)) == jobs


@given(st.sets(TILES))
def test_tiles_come_back(tiles: set[str]) -> None:
    jobs = [Job("merge_tile", tile) for tile in sorted(tiles)]
    assert parse_jobs("merge_tile", jobs_text(jobs)) == jobs


def test_the_text_is_short() -> None:
    jobs = [Job("write_features", "A", index) for index in (0, 1, 2, 5, 7, 8)]
    assert jobs_text([*jobs, Job("write_features", "B", 3)]) == "A 0-2 5 7-8, B 3"
    assert jobs_text([Job("mosaic")]) == "all"
    assert parse_jobs("mosaic", "all") == [Job("mosaic")]
    assert parse_jobs("mosaic", "") == []
