import math

from benchmarks.durability.job_tally import CANCEL, Ending, Event, Round, anew, tally, told
from tests.bulk.counting import FIRST, job

EXPORT = Ending("export", "a", "done", ended=50, anew=3)
CANCELLED = Ending("export", "b", "cancelled", ended=30)
OVER = Ending("export", "c", "cancelled", ended=5)
FAILED = Ending("import", "d", "failed", "storage-full", 60)
EVENTS = (
    Event("SIGKILL", 10),
    Event(CANCEL, 30, "b"),
    Event("full disk", 40),
    Event("SIGKILL", 55),
    Event("SIGKILL", 70),
)


def test_each_kind_is_counted_apart_with_what_happened_while_it_was_under_way():
    kinds = tally([Round(0, (EXPORT, CANCELLED, OVER, FAILED), EVENTS)])
    export, imported = kinds["export"], kinds["import"]
    assert export.ended == {"done": 1, "cancelled": 1, "ended before its cancel": 1}
    assert export.struck == {"SIGKILL": 1, CANCEL: 1, "full disk": 1}
    assert export.jobs_struck == {"SIGKILL": 2, CANCEL: 1, "full disk": 1}
    assert (export.jobs, export.undisturbed, export.resumed, export.anew) == (3, 1, 1, 3)
    assert imported.ended == {"failed: storage-full": 1}
    assert imported.struck == {"SIGKILL": 2, "full disk": 1}


def test_what_happens_again_in_the_next_round_is_counted_again():
    again = tally([Round(0, (EXPORT,), EVENTS), Round(1, (EXPORT,), EVENTS)])
    assert again["export"].struck["full disk"] == 2


def test_a_job_that_never_ended_saw_everything_but_what_was_for_others():
    one = Round(0, (Ending("import", "d", "running"),), EVENTS)
    assert one.endings[0].ended == math.inf
    assert one.struck(one.endings[0]) == [each for each in EVENTS if each.what != CANCEL]
    assert one.ended == {"running": 1}
    assert one.done_to_them["SIGKILL"] == 3


def test_a_line_tells_of_each_kind():
    [export, imported] = told(tally([Round(0, (EXPORT, FAILED), EVENTS)])).splitlines()
    assert export == (
        "export: 1 jobs (1 done); under way at 1 SIGKILL, 1 full disk; 1 with tasks begun anew (3), 0 undisturbed"
    )
    assert imported.startswith("import: 1 jobs (1 failed: storage-full); under way at 2 SIGKILL")


def test_figures_are_plain_values_in_json():
    [plain] = [one.as_json() for one in tally([Round(0, (FAILED,), EVENTS)]).values()]
    assert plain["ended"] == {"failed: storage-full": 1}
    assert type(plain["struck"]) is dict


async def test_a_task_that_was_claimed_twice_was_begun_anew(store, database_url):
    one = job(1)
    await store.jobs.add(one, (FIRST, FIRST))
    for _ in range(2):
        task = await store.jobs.claim("a", frozenset({one.kind}))
        assert task.number == 0
        await store.jobs.release(task)
    assert await anew(database_url) == {one.id: 1}
