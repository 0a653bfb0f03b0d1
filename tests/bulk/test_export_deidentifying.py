"""De-identified exports on a real store: what is rare, who is restricted, and that tasks may be repeated."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from service.access.callers import Caller
from service.bulk import export_steps
from service.bulk.export_request import EXPORT
from service.bulk.exporting import FIRST, Export
from service.bulk.running import Pace, Runner
from service.storage.audit import unpacked
from service.storage.jobs import Outcome, Task
from tests.bulk.exports import ADMINISTRATOR, group, job, request, token
from tests.storage.builders import LOCALITY, deletion, patient, score, update
from tests.storage.builders import unit as unit_of
from tests.storage.circle import CAMHS, agency, wrote

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
TYPES = ("Observation", "Organization", "Patient")


@dataclass
class Recorded:
    """The kind, and the tasks that were performed with what came of each; `between` happens behind the census."""

    between: Any = None
    kind: Export = field(default_factory=Export)
    done: dict[int, tuple[Task, Outcome]] = field(default_factory=dict)

    async def perform(self, context, files, task):
        outcome = await self.kind.perform(context, files, task)
        if self.between is not None and export_steps.step(task.what).do == "census":
            await self.between()
        self.done[task.number] = (task, outcome)
        return outcome


@dataclass
class Made:
    """What came of an export: its job, its lines by type, its report, and the tasks."""

    job: object
    lines: dict[str, list[dict]]
    report: list[str]
    tasks: dict[int, tuple[Task, Outcome]]
    children: set[str]


async def text(files, file):
    return b"".join([chunk async for chunk in files.read(file.path)])


@pytest.fixture
def made(around, folder):
    async def exported(*types, caller=ADMINISTRATOR, between=None, **more) -> Made:
        asked = replace(request(*(types or TYPES), **more), deidentified=True)
        one = await job(around, asked, caller)
        await around.store.jobs.add(one, (FIRST,))
        kind = Recorded(between)
        runner = Runner(around, folder, {EXPORT: kind}, pace=Pace(poll=0.01, look=0.1, pauses=(1, 1)))
        ended = await runner.finish(LOCALITY, one.id)
        lines, report, children = {}, [], set()
        for file in await around.store.jobs.files(LOCALITY, one.id):
            found = list(map(json.loads, (await text(folder, file)).splitlines()))
            assert len(found) == file.count
            if file.kind == "report":
                report += [issue["diagnostics"] for each in found for issue in each["issue"]]
            else:
                assert file.kind == "output"
                lines.setdefault(file.type, []).extend(found)
                children |= {child for child, _ in unpacked(file.children)}
        return Made(ended, lines, report, kind.done, children)

    return exported


def young(number: int, gender: str = "female", **more):
    return patient(f"yp-{number}", str(number), gender=gender, birthDate="1965-07-02", **more)


def labelled(code: str):
    return {"meta": {"security": [{"system": CONFIDENTIALITY, "code": code}]}}


async def test_rare_values_are_counted_before_anything_is_told(around, made):
    genders = ["female"] * 9 + ["male"] * 6 + ["other"] * 5
    await wrote(around.store, CAMHS, *(young(number, gender) for number, gender in enumerate(genders)))
    found = await made("Patient")
    assert sorted(each["gender"] for each in found.lines["Patient"]) == sorted(genders)
    await wrote(around.store, CAMHS, young(100, "unknown"))
    found = await made("Patient")
    # One of no other gender: the rarest of those that are told is kept back with it.
    assert sorted(each.get("gender", "") for each in found.lines["Patient"]) == [
        *[""] * 6,
        *["female"] * 9,
        *["male"] * 6,
    ]
    # Their births are all the same, but adults': nothing is told.
    assert all("birthDate" not in each for each in found.lines["Patient"])


@pytest.mark.parametrize("code", ["R", "V", "unheard-of"])
async def test_whoever_is_restricted_is_left_out_with_all_that_is_about_them(code, around, made):
    # The label `N` says nothing.
    ash, birch = young(1, **labelled("N")), young(2, **labelled(code))
    scores = [score("s1", "yp-1"), score("s2", "yp-2"), score("s3", "yp-1") | labelled(code)]
    about = score("s4", "yp-1") | {"focus": [{"reference": "Patient/yp-2"}]}
    others = [young(number) for number in range(3, 7)]  # with ash as many as there must be
    await wrote(around.store, CAMHS, agency(CAMHS), ash, birch, *others, *scores, about)
    found = await made()
    assert {type_: len(lines) for type_, lines in found.lines.items()} == {
        "Observation": 2,
        "Organization": 1,
        "Patient": 5,
    }
    assert found.children == {"yp-1", *(each["id"] for each in others)}
    assert "Patient, some left out: restricted, labelled, or not about one young person." in found.report
    [focus] = [each["focus"] for each in found.lines["Observation"] if "focus" in each]
    assert "reference" not in focus[0]


async def test_a_label_that_is_put_on_meanwhile_holds(around, made):
    await wrote(around.store, CAMHS, *(young(number) for number in range(1, 6)), score("s1", "yp-1"))

    async def label():
        before = await around.store.read(LOCALITY, "Patient", "yp-1")
        await around.store.commit(LOCALITY, unit_of(update(before, young(1, **labelled("R")))))

    found = await made("Observation", "Patient", between=label)
    assert found.job.state == "done"
    assert {type_: len(lines) for type_, lines in found.lines.items()} == {"Patient": 4}
    assert "yp-1" not in found.children


async def test_tasks_that_are_repeated_make_the_same_files(around, folder, made, monkeypatch):
    for name, rows in (("SEARCHED_ROWS", 5), ("SOON", 3)):
        monkeypatch.setattr(export_steps, name, rows)
    people = [young(number) for number in range(12)]
    await wrote(around.store, CAMHS, *people, *(score(f"s{number}", f"yp-{number}") for number in range(12)))
    found = await made("Observation", "Patient")
    assert len(found.tasks) > 7
    for number, (task, outcome) in found.tasks.items():
        again = await Export().perform(around, folder, replace(task, attempt=99))
        assert (again.more, again.then, again.result) == (outcome.more, outcome.then, outcome.result), number
        for one, other in zip(again.files, outcome.files, strict=True):
            assert await text(folder, one) == await text(folder, other)
            assert (one.count, one.children) == (other.count, other.children)
    # Each of a slice stands in the order of its pseudonyms, whatever that of the store is.
    ids = [each["id"] for each in found.lines["Patient"][:3]]
    assert ids == sorted(ids)


async def test_the_report_adds_up_what_tasks_did(around, made, monkeypatch):
    for name in ("SEARCHED_ROWS", "SOON"):
        monkeypatch.setattr(export_steps, name, 3)
    await wrote(around.store, CAMHS, *(young(number) for number in range(11)))
    found = await made("Patient")
    assert len([one for one in found.tasks.values() if one[1].files]) > 3
    assert "Patient.identifier removed: 11." in found.report
    assert not any("yp-" in each for each in found.report)


async def test_of_nothing_there_is_a_report_that_says_so(made):
    found = await made("Patient")
    assert found.lines == {}
    assert len(found.report) == 1


async def test_blocks_have_headers_with_pseudonyms(around, made):
    await wrote(around.store, CAMHS, *(young(number) for number in range(6)), score("s1", "yp-1"))
    found = await made("Observation", "Patient", level="Patient", organized_by="Patient")
    lines = found.lines[""]
    assert [each["resourceType"] for each in lines].count("Parameters") == 6
    who = None
    for each in lines:
        if each["resourceType"] == "Parameters":
            who = each["parameter"][0]["valueReference"]["reference"]
        else:
            assert who == each.get("subject", {"reference": f"Patient/{each['id']}"})["reference"]


async def test_elements_can_be_chosen(around, made):
    await wrote(around.store, CAMHS, *(young(number) for number in range(6)))
    found = await made("Patient", elements=(("Patient", "active"),))
    for each in found.lines["Patient"]:
        assert "gender" not in each
        assert each["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_recipients_are_agencies(around, made):
    await wrote(around.store, CAMHS, *(young(number) for number in range(6)))
    mine, same, other = [
        {each["id"] for each in (await made("Patient", caller=caller)).lines["Patient"]}
        for caller in (
            ADMINISTRATOR,
            Caller("another", ADMINISTRATOR.agency, LOCALITY, administrator=True),
            Caller(ADMINISTRATOR.client, "school", LOCALITY, administrator=True),
        )
    ]
    assert mine == same
    assert mine.isdisjoint(other)


@pytest.mark.parametrize("how", ["deleted", "restricted"])
async def test_who_does_not_come_out_is_not_counted(how, around, made):
    """Whom a Group lists and who is not there any more, or is restricted, hides nobody."""
    people = [young(number) for number in range(10)]
    await wrote(around.store, CAMHS, *people, group("g", *(f"yp-{number}" for number in range(9))))
    found = await made("Patient", level="Group", group="g")
    assert (found.job.state, len(found.lines["Patient"])) == ("done", 9)
    for number in range(4, 9):
        before = await around.store.read(LOCALITY, "Patient", f"yp-{number}")
        change = deletion(before) if how == "deleted" else update(before, young(number, **labelled("R")))
        await around.store.commit(LOCALITY, unit_of(change))
    found = await made("Patient", level="Group", group="g")
    assert found.job.state == "failed"
    assert b"export-deidentified-few" in found.job.fault
    assert found.lines == {}


@pytest.mark.parametrize("level", ["system", "Patient"])
async def test_an_export_of_few_is_refused_at_every_level(level, around, made):
    await wrote(around.store, CAMHS, agency(CAMHS), *(young(number) for number in range(4)))
    found = await made("Organization", "Patient", level=level)
    assert found.job.state == "failed"
    assert b"export-deidentified-few" in found.job.fault
    await wrote(around.store, CAMHS, young(4))
    found = await made("Organization", "Patient", level=level)
    assert (found.job.state, len(found.lines["Patient"])) == ("done", 5)


@pytest.mark.parametrize(
    ("scopes", "state"),
    [
        ("system/*.rs", "done"),
        ("system/Patient.rs?gender=female system/Observation.rs", "done"),
        ("system/Patient.rs?gender=male system/Observation.rs", "failed"),
        ("system/Observation.rs", "done"),
    ],
)
async def test_counted_is_whom_the_token_shows(scopes, state, around, made):
    people = [young(number, "female" if number < 5 else "male") for number in range(9)]
    await wrote(
        around.store, CAMHS, agency(CAMHS), *people, *(score(f"s{at}", f"yp-{at}") for at in range(9))
    )
    found = await made("Observation", "Patient", level="Patient", caller=token(around, scopes))
    assert found.job.state == state
    assert (b"export-deidentified-few" in found.job.fault) == (state == "failed")


async def test_a_group_of_few_is_refused(around, made):
    await wrote(around.store, CAMHS, *(young(number) for number in range(6)))
    members = [{"entity": {"reference": f"Patient/yp-{number}"}} for number in range(6)]
    for count, state in ((4, "failed"), (5, "done")):
        few = {"resourceType": "Group", "id": f"g{count}", "type": "person", "actual": True}
        await wrote(around.store, CAMHS, few | {"member": members[:count]})
        found = await made("Patient", level="Group", group=f"g{count}")
        assert found.job.state == state
        assert (b"export-deidentified-few" in found.job.fault) == (state == "failed")
