"""The power fails while an import runs and others write: nothing acknowledged is lost, and nothing is half.

The long run is `python -m benchmarks.power_loss --outages 60`.
"""

import pytest

from benchmarks.durability.outages import outages
from tests.compilers import compiles


@pytest.mark.slow
@compiles
@pytest.mark.parametrize(
    ("count", "seed", "alone"), [pytest.param(2, 3, False, id="beside"), pytest.param(2, 4, True, id="alone")]
)
def test_every_line_is_there_once_whatever_the_disk_forgot(count, seed, alone):
    done = list(outages(count, seed, 40, alone=alone))
    assert [one.faults for one in done] == [()] * count
    assert [one.memory for one in done] == ["some", "nothing"]
    assert alone or done[-1].acknowledged > 0
