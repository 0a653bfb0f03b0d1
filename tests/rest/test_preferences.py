import pytest

from service.rest.preferences import Preference, preference


@pytest.mark.parametrize(
    ("prefer", "returns", "handling"),
    [
        (b"return=minimal", "minimal", None),
        (b"return=representation", "representation", None),
        (b"return=OperationOutcome", "OperationOutcome", None),
        (b"return=operationoutcome", "OperationOutcome", None),
        (b'Return = "minimal"', "minimal", None),
        (b"handling=lenient", None, "lenient"),
        (b"respond-async, handling=lenient", None, "lenient"),
        (b"return=minimal; handling=strict", "minimal", "strict"),
        (b"return=minimal, handling=lenient, wait=10", "minimal", "lenient"),
        (b"return=minimal, return=representation", "minimal", None),
        (b"return=everything, handling=loose", None, None),
        (b"", None, None),
        (b"\xff,;=", None, None),
    ],
)
def test_what_is_preferred(prefer, returns, handling):
    read = preference(prefer)
    assert (read.returns, read.handling) == (returns, handling)


def test_what_is_applied_is_said_in_the_standards_spelling():
    assert preference(b"return=operationoutcome").applied == b"return=OperationOutcome"
    assert preference(b"handling=lenient") == Preference(handling="lenient")


@pytest.mark.parametrize(
    ("prefer", "apart"),
    [
        (b"respond-async", False),
        (b"respond-async, separate-export-status", True),
        (b"respond-async,Separate-Export-Status", True),
        (b"handling=lenient; separate-export-status", True),
        (b"", False),
    ],
)
def test_whether_the_status_of_a_job_is_told_apart(prefer, apart):
    assert preference(prefer).apart is apart
