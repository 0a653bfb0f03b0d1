import json
from random import Random

import pytest

from benchmarks.cohort import RESPONSES, Sent, main, responses, transaction, young_person


def test_a_young_person_has_as_many_responses_as_are_counted():
    sent = Sent()
    found = responses(Random(1), 7, sent)
    assert len(found) == RESPONSES == len(sent.responses)
    assert len({one["identifier"]["value"] for one in found}) == RESPONSES
    assert len(sent.rated) + len(sent.totals) == 20 * 3 + 10


def test_people_are_put_under_ids_of_their_own_and_responses_posted():
    put = transaction(young_person(Random(1), 7), "PUT")
    assert put["entry"][0]["request"] == {"method": "PUT", "url": "Patient/load-7"}
    posted = transaction(responses(Random(1), 7, Sent()))
    assert {entry["request"]["url"] for entry in posted["entry"]} == {"QuestionnaireResponse"}


@pytest.mark.slow
def test_one_command_sends_a_cohort_and_finds_all_of_it_once(tmp_path, capsys):
    written = tmp_path / "cohort.json"
    given = ["--serve", "sqlite", "--workers", "1", "--connections", "4", "--responses", "900"]
    assert main([*given, "--json", str(written)]) == 0
    told = json.loads(written.read_text())
    assert (told["responses"], told["observations"], told["faults"]) == (900, 30 * 70, {})
    assert told["repeated"] > 0
    assert "nothing lost, nothing twice" in capsys.readouterr().out
