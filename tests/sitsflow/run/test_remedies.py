import errno

import pytest

from sitsflow.errors import (
    FunctionError,
    InputChangedError,
    OutputError,
    ProductError,
    ReadError,
    ResourceError,
)
from sitsflow.run.remedies import remedy_of


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FunctionError("x"), "Correct the function, then run again: the chunks of all tiles are"),
        (FunctionError("x"), "pre-processing and common masks are kept"),
        (ReadError("x"), "tried several times"),
        (ReadError("x"), "only what is missing is computed, or its whole tile if"),
        (InputChangedError("x"), "Bring the file back as it was"),
        (ProductError("x"), "its tile is computed again"),
        (ResourceError("x"), "external_features.number_of_chunks"),
        (OutputError("x"), "--fresh"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full: make room"),
        (FileNotFoundError("x"), "if its content is the same"),
        (PermissionError("x"), "Let the user who runs this"),
        (KeyError("x"), "not expected: the log has the traceback"),
    ],
)
def test_each_kind_of_error_has_its_remedy(error, text):
    assert text in remedy_of(error)
    assert remedy_of(error).endswith(".")
