from __future__ import annotations

import pytest

from service.outcomes.referrals import (
    ODS_CODE,
    Referral,
    Referrals,
    is_text_like,
    online_providers,
    read_referrals,
)
from tests.outcomes.clinic import extension, locate, refer
from tests.outcomes.instruments import day

TRUST = ("Organization", "trust")


def request(id_, received="2026-01-05", status="active", **more):
    dated = {} if received is None else {"authoredOn": received}
    return {"resourceType": "ServiceRequest", "id": id_, "status": status, **dated, **more}


def episode(id_, *requests, end=None, **more):
    return {
        "resourceType": "EpisodeOfCare",
        "id": id_,
        "status": "active" if end is None else "finished",
        "referralRequest": [refer(("ServiceRequest", each)) for each in requests],
        "period": {"start": "2026-01-05", **({} if end is None else {"end": end})},
        **more,
    }


def coded(name, code):
    return extension(name, valueCoding={"system": "urn:x", "code": code})


def encounter(id_, start="2026-02-01T10:00:00Z", attended="5", how="01", on=(), **more):
    return {
        "resourceType": "Encounter",
        "id": id_,
        "status": "finished",
        "extension": [coded("attendance-status", attended), coded("consultation-mechanism", how)],
        "basedOn": [refer(("ServiceRequest", each)) for each in on],
        **({} if start is None else {"period": {"start": start}}),
        **more,
    }


def read(requests, episodes=(), encounters=(), online=()):
    return {each.id: each for each in read_referrals(requests, episodes, encounters, locate, online)}


def contacts(*encounters, online=()):
    found = read([request("r")], [episode("e", "r")], encounters, online)
    return [contact.encounter for contact in found["r"].contacts]


def test_a_referral_is_a_request_that_an_episode_or_a_contact_names():
    """A signposting is a request as well, and no referral."""
    requests = [request("of-episode"), request("of-contact"), request("signposting")]
    found = read(requests, [episode("e", "of-episode")], [encounter("c", on=["of-contact"])])
    assert found.keys() == {"of-episode", "of-contact"}


def test_what_a_referral_says_is_read():
    assert read([request("r", "2026-01-05T09:00:00Z")], [episode("e", "r")]) == {
        "r": Referral("r", day("2026-01-05"), None, is_closed=False, is_rejected=False)
    }
    assert read([request("r", None)], [episode("e", "r")])["r"].received is None


@pytest.mark.parametrize(
    ("status", "known", "closed", "rejected"),
    [
        ("active", True, False, False),
        ("on-hold", True, False, False),
        ("unknown", True, False, False),
        ("completed", True, True, False),
        ("revoked", True, True, True),
        ("draft", False, None, None),
        ("entered-in-error", False, None, None),
    ],
)
def test_the_status_of_a_referral(status, known, closed, rejected):
    found = read([request("r", status=status)], [episode("e", "r")])
    assert (list(found) == ["r"]) is known
    if known:
        assert (found["r"].is_closed, found["r"].is_rejected) == (closed, rejected)


def test_an_episode_closes_its_last_referral():
    found = read([request("a"), request("b")], [episode("e", "a", "b", end="2026-05-30")])
    assert (found["a"].closed, found["a"].is_closed) == (None, False)
    assert (found["b"].closed, found["b"].is_closed) == (day("2026-05-30"), True)
    month = read([request("a")], [episode("e", "a", end="2026-05")])
    assert month["a"].closed == day("2026-05-31")
    assert read([request("a")], [episode("e", end="2026-05"), episode("f", "a")])["a"].closed is None
    assert read([request("a")], [episode("e", "a") | {"period": {}}])["a"].closed is None
    without = {name: value for name, value in episode("e", "a").items() if name != "period"}
    assert read([request("a")], [without])["a"].closed is None


@pytest.mark.parametrize(
    ("status", "closed"),
    [("finished", True), ("cancelled", True), ("active", False), ("waitlist", False), ("onhold", False)],
)
def test_an_end_that_is_only_planned_closes_nothing(status, closed):
    found = read([request("r")], [episode("e", "r", end="2026-05-30", status=status)])
    assert (found["r"].closed is not None) is found["r"].is_closed is closed


def test_what_was_entered_in_error_names_nothing():
    assert read([request("r")], [episode("e", "r", status="entered-in-error")]) == {}
    assert read([request("r")], [], [encounter("c", on=["r"], status="entered-in-error")]) == {}
    found = read(
        [request("r")], [episode("e", "r", end="2026-05-30", status="entered-in-error"), episode("f", "r")]
    )
    assert found["r"].closed is None


# AttendStatus and ConsMechanismMH: domain facts section 3.3.
@pytest.mark.parametrize("attended", ["2", "3", "4", "5", "6", "7"])
@pytest.mark.parametrize("how", ["01", "02", "04", "05", "09", "10", "11", "12", "13", "98"])
def test_which_contacts_count(attended, how, domain_facts):
    counted = domain_facts["reliable_change_national"]["contact_counted_if"]["direct"]
    counts = attended in counted["AttendStatus"] and how in counted["ConsMechanismMH"]
    assert counts is (attended in {"5", "6"} and how in {"01", "02", "04", "11"})
    assert bool(contacts(encounter("c", attended=attended, how=how, on=["r"]))) is counts


@pytest.mark.parametrize("attended", ["4", "5"])
@pytest.mark.parametrize("how", ["01", "05", "09", "10", "12", "13", "98"])
def test_text_like_contacts_count_with_two_providers(attended, how):
    met = encounter("c", attended=attended, how=how, on=["r"], serviceProvider=refer(TRUST))
    assert is_text_like(met) is (how not in {"01", "98"})
    assert bool(contacts(met, online={TRUST})) is (attended == "5" and how != "98")
    assert bool(contacts(met, online={("Organization", "other")})) is (attended == "5" and how == "01")
    nobody = {name: value for name, value in met.items() if name != "serviceProvider"}
    assert bool(contacts(nobody, online={TRUST, None})) is (attended == "5" and how == "01")


def test_the_two_providers_are_known_by_their_codes(domain_facts):
    codes = domain_facts["reliable_change_national"]["contact_counted_if"]["text_only_exception_providers"]
    assert set(codes) == {"DFC", "S9X2N"}

    def organization(id_, code, system=ODS_CODE):
        return {
            "id": id_,
            "identifier": [{"system": "urn:x", "value": "1"}, {"system": system, "value": code}],
        }

    given = [
        organization("a", "DFC"),
        organization("b", "S9X2N"),
        organization("c", "RXX"),
        organization("d", "DFC", "urn:x"),
        {"id": "e"},
    ]
    assert online_providers(given) == {("Organization", "a"), ("Organization", "b")}


def test_what_does_not_say_how_they_met_is_no_contact():
    bare = encounter("c", on=["r"])
    del bare["extension"]
    assert contacts(bare) == []
    assert not is_text_like(bare)
    assert contacts(encounter("c", on=["r"], extension=[coded("attendance-status", "5")])) == []
    assert contacts(encounter("c", on=["r"], extension=[coded("consultation-mechanism", "01")])) == []
    assert contacts(encounter("c", None, on=["r"])) == []


def test_contacts_stand_in_the_order_of_day_time_and_id():
    found = contacts(
        encounter("d", "2026-02-02T09:00:00Z", on=["r"]),
        encounter("c", "2026-02-01T10:00:00Z", on=["r"]),
        encounter("b", "2026-02-01T10:00:00Z", on=["r"]),
        encounter("e", "2026-02-01T09:00:00Z", on=["r"]),
        encounter("a", "2026-02-01", on=["r"]),
        # By its own text on the day before, though the instant is later.
        encounter("f", "2026-01-31T23:00:00-12:00", on=["r"]),
    )
    assert found == ["f", "a", "e", "b", "c", "d"]


def test_a_contact_knows_its_day():
    [contact] = read([request("r")], [], [encounter("c", "2026-02-01T10:00:00Z", on=["r"])])["r"].contacts
    assert (contact.encounter, contact.day) == ("c", day("2026-02-01"))
    assert contact.order[1] == "c"


@pytest.mark.parametrize(
    ("class_", "stay"), [("IMP", True), ("ACUTE", True), ("NONAC", True), ("AMB", False), (None, False)]
)
def test_a_stay_in_hospital(class_, stay):
    more = {} if class_ is None else {"class": {"code": class_}}
    met = [encounter("c", on=["r"], **more), encounter("d", on=["r"])]
    assert read([request("r")], [], met)["r"].has_hospital_stay is stay


# Two referrals of one episode and one of another: received in January, closed in May; March; April.
REQUESTS = [request("march", "2026-03-01"), request("january", "2026-01-05"), request("april", "2026-04-01")]
EPISODES = [episode("e", "january", "march"), episode("f", "april", end="2026-05-30")]


@pytest.mark.parametrize(
    ("what", "met", "whose"),
    [
        ("it says so", encounter("c", on=["january"]), "january"),
        ("the first that it says", encounter("c", on=["april", "january"]), "april"),
        ("the first that is here", encounter("c", on=["elsewhere", "january"]), "january"),
        (
            "the day before the second",
            encounter("c", "2026-02-28", episodeOfCare=[refer(("EpisodeOfCare", "e"))]),
            "january",
        ),
        (
            "the day of the second",
            encounter("c", "2026-03-01", episodeOfCare=[refer(("EpisodeOfCare", "e"))]),
            "march",
        ),
        ("before any", encounter("c", "2026-01-04", episodeOfCare=[refer(("EpisodeOfCare", "e"))]), None),
        (
            "the last day of the other",
            encounter("c", "2026-05-30", episodeOfCare=[refer(("EpisodeOfCare", "f"))]),
            "april",
        ),
        (
            "the day after it",
            encounter("c", "2026-05-31", episodeOfCare=[refer(("EpisodeOfCare", "f"))]),
            None,
        ),
        (
            "of an episode elsewhere",
            encounter("c", episodeOfCare=[refer(("EpisodeOfCare", "x")), {"display": "x"}]),
            None,
        ),
        ("of nothing", encounter("c"), None),
        ("without a day", encounter("c", None, episodeOfCare=[refer(("EpisodeOfCare", "e"))]), None),
        ("without a day, but it says so", encounter("c", None, on=["april"]), "april"),
    ],
)
def test_whose_an_encounter_is(what, met, whose):
    found = read_referrals(REQUESTS, EPISODES, [met], locate)
    named = found.named(None, ("Encounter", "c"))
    assert (named and named.id) == whose, what


def test_what_a_request_that_is_not_here_closes_or_holds_is_nothing():
    found = read([request("r")], [episode("e", "gone", end="2026-05-30"), episode("f", "r")])
    assert found.keys() == {"r"}
    assert (
        read(
            [request("r")],
            [episode("e", "gone")],
            [encounter("c", episodeOfCare=[refer(("EpisodeOfCare", "e"))])],
        )
        == {}
    )


def referral(id_, received, closed=None, named=()):
    return Referral(
        id_,
        None if received is None else day(received),
        None if closed is None else day(closed),
        is_closed=False,
        is_rejected=False,
        named=frozenset(named),
    )


HELD = Referrals(
    [
        referral("second", "2026-03-01", "2026-05-30", ["c"]),
        referral("first", "2026-01-05", None, ["b"]),
        referral("undated", None),
        referral("twin", "2026-03-01"),
    ]
)


def test_referrals_stand_in_the_order_of_their_receipt_then_ids():
    assert [each.id for each in HELD] == ["undated", "first", "second", "twin"]


def test_the_request_goes_before_the_encounter():
    assert HELD.named(("ServiceRequest", "first"), ("Encounter", "c")).id == "first"
    assert HELD.named(("ServiceRequest", "gone"), ("Encounter", "c")).id == "second"
    assert HELD.named(None, ("Encounter", "b")).id == "first"
    assert HELD.named(None, ("Encounter", "gone")) is None
    assert HELD.named(None, None) is None
    assert HELD.named(("ServiceRequest", "gone"), None) is None


@pytest.mark.parametrize(
    ("on", "whose"),
    [
        ("2026-01-04", None),
        ("2026-01-05", "first"),
        ("2026-02-28", "first"),
        ("2026-03-01", "twin"),
        ("2027-01-01", "twin"),
    ],
)
def test_the_referral_that_was_open_on_a_day(on, whose):
    found = HELD.on(day(on))
    assert (found and found.id) == whose


def test_what_was_closed_is_open_on_its_last_day():
    alone = Referrals([referral("a", "2026-03-01", "2026-05-30")])
    assert alone.on(day("2026-05-30")).id == "a"
    assert alone.on(day("2026-05-31")) is None
