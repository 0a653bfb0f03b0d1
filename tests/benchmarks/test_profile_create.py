import sys

import pytest

from benchmarks.profile_create import REST, stage


def stack(*paths):
    """Return the innermost frame of calls through functions that stand in those files, outermost first."""
    found = {"frame": None}

    def catch():
        found["frame"] = sys._getframe(1)

    call = catch
    for path in reversed(paths):
        names = {"call": call}
        exec(compile("def function():\n    call()\n", path, "exec"), names)
        call = names["function"]
    call()
    return found["frame"]


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["/x/service/interactions/create.py", "/x/service/fhir/validation/walker.py"], "validate"),
        (["/x/service/fhir/validation/validator.py", "/x/service/fhir/paths/path.py"], "validate"),
        (["/x/service/fhir/search/extraction.py", "/x/service/fhir/paths/path.py"], "extract index values"),
        (["/x/service/storage/sqlite.py", "/x/service/storage/names.py"], "number names and rows"),
        (["/x/service/rest/mount.py"], "route, read headers, answer"),
        (["/x/service/rest/exchanges.py", "/y/structlog/_native.py"], "log"),
        (["/y/uvicorn/server.py", "/y/asyncio/runners.py"], REST),
        (["/y/elsewhere.py"], "HTTP and event loop"),
    ],
)
def test_a_sample_belongs_to_the_innermost_stage_on_its_stack(paths, wanted):
    assert stage(stack(*paths)) == wanted


def test_a_sample_of_nothing_is_the_servers():
    assert stage(None) == REST
