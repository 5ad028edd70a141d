"""The name of the map: one file in the folder of results, whatever iota2's users write."""

import pytest
from pydantic import ValidationError

from blocks.features import ExternalFeatures


@pytest.mark.parametrize(
    ("given", "read"),
    [("ndvi_2018", "ndvi_2018"), ("ndvi.tif", "ndvi"), ("été 2.TIF", "été 2"), ("a.b", "a.b"),
     (None, None), ("None", None), ("", None)],
)  # fmt: skip
def test_a_name_is_read_with_or_without_its_ending(given: object, read: str | None) -> None:
    assert ExternalFeatures.model_validate({"output_name": given}).output_name == read


@pytest.mark.parametrize(
    "given", ["../map", "a/b.tif", ".tif", ".hidden", "a\0b", "x" * 101, "é" * 101, 3, "/abs.tif"]
)
def test_what_is_no_name_of_a_file_is_refused(given: object) -> None:
    with pytest.raises(ValidationError, match="output_name"):
        ExternalFeatures.model_validate({"output_name": given})
