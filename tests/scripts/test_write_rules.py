from __future__ import annotations

import re

import pytest

from scripts import write_rules
from service.fhir import codec
from tests.documented.test_errors import HEADINGS


def test_both_files_are_as_the_script_writes_them():
    assert write_rules.CODES.read_bytes() == write_rules.code_system()
    assert write_rules.PAGE.read_text() == write_rules.page()


def test_every_slug_has_a_code_and_a_definition():
    concepts = {concept["code"]: concept for concept in codec.decode(write_rules.code_system())["concept"]}
    ruled = {rule.slug for one in write_rules.structures() for rule in write_rules.invariants(one)}
    assert concepts.keys() == HEADINGS | ruled
    assert not HEADINGS & ruled
    assert all(len(concept["definition"].split()) > 1 for concept in concepts.values())


STATUSES = [
    ("401. There is no token.", "There is no token."),
    ("409 or 412. It collides.", "It collides."),
    ("422, or a warning. It is not known.", "It is not known."),
    ("warning. It is blank.", "It is blank."),
    ("No such operation.", "No such operation."),
]


@pytest.mark.parametrize(("sentence", "meaning"), STATUSES)
def test_the_status_is_no_part_of_a_meaning(sentence, meaning):
    assert re.sub(write_rules.STATUS, "", sentence) == meaning
