import pytest

from service.fhir.problems import Invalid, Issue
from service.fhir.search.expressions import Everything, Query
from service.interactions.update import update
from service.operations.every import every

TOO_MANY = Issue("error", "too-costly", "ratings-too-many", "Too many.")
QUERY = Query("Patient", Everything(), 2)


@pytest.fixture
async def five(context, act):
    for id_ in "abcde":
        await update(context, act, "Patient", id_, {"resourceType": "Patient", "id": id_})


async def ids(context, act, most):
    return [one["id"] async for one in every(context, act, QUERY, most, TOO_MANY)]


@pytest.mark.parametrize("most", [5, 6, 100])
async def test_all_are_given_page_by_page(context, act, five, most):
    assert await ids(context, act, most) == list("abcde")


async def test_a_page_may_lead_beyond_what_is_allowed_but_no_other_follows(context, act, five):
    for most in (1, 2, 3, 4):
        with pytest.raises(Invalid) as refused:
            await ids(context, act, most)
        assert refused.value.issues == [TOO_MANY]


async def test_another_locality_has_its_own(context, elsewhere, five):
    assert await ids(context, elsewhere, 5) == []
