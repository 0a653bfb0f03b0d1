from __future__ import annotations

import pytest

from service.fhir.problems import Malformed
from service.interactions.etags import NEVER, etag, tagged_version, version_number


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ('W/"3"', 3),
        ('"3"', 3),
        (' W/"12" ', 12),
        ('W/"999999999999999999"', 999_999_999_999_999_999),
        ('W/"0"', NEVER),
        ('W/"03"', NEVER),
        ('W/"abc"', NEVER),
        ('W/""', NEVER),
        ('W/"1000000000000000000"', NEVER),
        ('W/"٣"', NEVER),
    ],
)
def test_tags(tag, version):
    assert tagged_version(tag) == version


@pytest.mark.parametrize("tag", ["", "3", "*", "W/3", 'w/"3"', 'W/"3', 'W/"3", W/"4"'])
def test_what_is_no_tag(tag):
    with pytest.raises(Malformed):
        tagged_version(tag)


def test_a_tag_names_its_version():
    assert [tagged_version(etag(version)) for version in (1, 2, 10**12)] == [1, 2, 10**12]
    assert version_number("7") == 7
