"""The sentences of refusals."""

from service.fhir.search import refusals


def test_a_refusal_names_what_is_wrong_and_what_would_be_right():
    (issue,) = refusals.unknown_parameter("colour", "Goal", ["status", "subject"]).issues
    assert issue.code == "not-supported"
    assert issue.text == "Goal has no search parameter `colour`. It has `status`, `subject`."
    assert refusals.unknown_modifier("subject", "x", []).issues[0].text.endswith("It takes none.")


def test_refusals_are_answered_with_400():
    assert refusals.empty("name").status == 400
    assert (
        refusals.too_many(3).issues[0].text
        == "The search has more than 3 conditions; ask for fewer at a time."
    )
