"""Bad input at the HTTP door: each row gets its answer, and nothing of it is stored. One world for all: nothing here
changes it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from chassis.ids import new_id
from tests.integration.registration.world import World, form

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def refused(shared: World, headers: dict[str, str] | None = None, **changes: Any) -> tuple[int, str, str | None]:
    answer = await shared.register(form(**changes), headers)
    body = answer.json()
    return answer.status_code, body["code"], body.get("field")


def again(headers: dict[str, str]) -> dict[str, str]:
    """The same person, another command."""
    return {**headers, "Idempotency-Key": str(new_id())}


class TestRulesOfTheForm:
    @pytest.mark.parametrize(
        ("changes", "code", "field"),
        [
            ({"nik": "367104040390000"}, "nik_format", "nik"),
            ({"nik": "367104040390000a"}, "nik_format", "nik"),
            ({"nik": "9971040403900001"}, "nik_province", "nik"),
            ({"nik": "3671043203900001"}, "nik_day", "nik"),
            ({"nik": "3671040413900001"}, "nik_month", "nik"),
            ({"nik": "3671040403900000"}, "nik_serial", "nik"),
            ({"birth_date": "2030-01-01"}, "birth_date_future", "birth_date"),
            ({"birth_date": "2007-10-07"}, "entry_age_below", "birth_date"),
            ({"birth_date": "1959-10-06"}, "entry_age_exceeded", "birth_date"),
            ({"phone": "0215551234"}, "phone_not_mobile", "phone"),
            ({"phone": "+6591234567"}, "phone_foreign", "phone"),
            ({"phone": "12"}, "phone_format", "phone"),
            ({"income": 0}, "income_not_positive", "income"),
            ({"income": -5}, "income_not_positive", "income"),
            ({"programmes": ["JKK"]}, "programmes_bundle", "programmes"),
            ({"programmes": ["JKK", "JKM"], "employs_others": True}, "jht_compulsory", "programmes"),
            ({"consent": None}, "consent_missing", "consent"),
            ({"consent": {"given": False, "text_version": "2025-01"}}, "consent_missing", "consent"),
        ],
    )
    async def test_a_broken_rule_is_422_with_the_rule_set(
        self, shared: World, changes: dict[str, Any], code: str, field: str
    ) -> None:
        answer = await shared.register({k: v for k, v in {**form(), **changes}.items() if v is not None})
        body = answer.json()
        assert (answer.status_code, body["code"], body["field"]) == (422, code, field)
        assert body["rules"] == "bpu-registration/2022-07"
        assert body["messages"]["id"] != body["messages"]["en"]

    async def test_all_broken_rules_are_listed(self, shared: World) -> None:
        answer = await shared.register(form(income=0, phone="12", programmes=["JKK"]))
        assert {one["field"] for one in answer.json()["errors"]} == {"income", "phone", "programmes"}

    async def test_a_refusal_quotes_nothing_of_the_person(self, shared: World) -> None:
        text = (await shared.register(form(nik="3671043203900001", phone="0215551234"))).text
        assert "367104" not in text
        assert "0215551234" not in text


class TestShape:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": None}, "name"),
            ({"name": 5}, "name"),
            ({"name": ""}, "name"),
            ({"name": "x" * 256}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"name": "a\x1bb"}, "name"),
            ({"name": "a\u2028b"}, "name"),
            ({"income": "1"}, "income"),
            ({"income": False}, "income"),
            ({"income": 1.5}, "income"),
            ({"income": 2**53}, "income"),
            ({"employs_others": 1}, "employs_others"),
            ({"birth_date": "1990-02-30"}, "birth_date"),
            ({"birth_date": 5}, "birth_date"),
            ({"sex": "X"}, "sex"),
            ({"programmes": "JKK"}, "programmes"),
            ({"programmes": ["JKK", "JP"]}, "programmes.1"),
            ({"email": "bukan-surel"}, "email"),
            ({"outreach_id": "besok"}, "outreach_id"),
            ({"surprise": 1}, "surprise"),
        ],
    )
    async def test_a_bad_field_is_422_and_named(self, shared: World, changes: dict[str, Any], field: str) -> None:
        body = {k: v for k, v in {**form(), **changes}.items() if not (k in changes and v is None)}
        answer = await shared.register(body)
        assert answer.status_code == 422
        assert [one["field"] for one in answer.json()["errors"]] == [field]

    @pytest.mark.parametrize("number", ["1e3", "NaN", "Infinity"])
    async def test_numbers_that_json_or_money_does_not_know(self, shared: World, number: str) -> None:
        raw = json.dumps(form(income=4711)).replace("4711", number)
        headers = {**shared.agent(), "Content-Type": "application/json"}
        answer = await shared.h.client.post("/participants", content=raw, headers=headers)
        assert answer.status_code in (400, 422)

    async def test_half_a_character_is_422(self, shared: World) -> None:
        raw = json.dumps(form(name="SURROGATE")).replace("SURROGATE", "a\\ud800b")
        headers = {**shared.agent(), "Content-Type": "application/json"}
        answer = await shared.h.client.post("/participants", content=raw, headers=headers)
        assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (422, ["name"])

    async def test_every_bad_field_is_listed(self, shared: World) -> None:
        answer = await shared.register(form(name=5, income="1", sex="X", surprise=1))
        assert {one["field"] for one in answer.json()["errors"]} == {"name", "income", "sex", "surprise"}

    @pytest.mark.parametrize(
        ("content", "media", "status"),
        [
            (b"{", "application/json", 400),
            (b'{"nik": "1", "nik": "2"}', "application/json", 400),
            (b"[" * 40 + b"]" * 40, "application/json", 400),
            (b"\xff", "application/json", 400),
            (b"nik=1", "application/x-www-form-urlencoded", 415),
            (b"x" * 70_000, "application/json", 413),
        ],
    )
    async def test_what_is_no_json_form(self, shared: World, content: bytes, media: str, status: int) -> None:
        headers = {**shared.agent(), "Content-Type": media}
        assert (await shared.h.client.post("/participants", content=content, headers=headers)).status_code == status

    async def test_the_branch_comes_from_the_token_except_for_the_person(self, shared: World) -> None:
        assert (await refused(shared, branch_id=str(shared.branch_id)))[1] == "branch_not_accepted"
        person = shared.h.token(roles=["participant"], subject="person-1")
        assert (await refused(shared, person))[1] == "branch_required"
        assert (await refused(shared, again(person), branch_id=str(new_id())))[1] == "branch_unknown"


class TestWho:
    async def test_without_a_token_with_another_role_or_without_its_scope(self, shared: World) -> None:
        assert (await shared.h.client.post("/participants", json=form())).status_code == 401
        for headers in (shared.coordinator(), shared.checker(), shared.h.token(roles=["agent"])):
            assert (await shared.register(form(), headers)).status_code == 403

    async def test_an_agent_of_another_wadah_than_the_token_says(self, shared: World) -> None:
        headers = shared.agent(wadah_id=new_id())
        assert (await refused(shared, headers))[:2] == (422, "agent_of_other_wadah")

    async def test_an_agent_nobody_knows(self, shared: World) -> None:
        assert (await refused(shared, shared.agent(agent_id=new_id())))[:2] == (422, "agent_unknown")
