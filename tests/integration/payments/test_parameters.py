"""Dated parameters over HTTP: proposed by one, approved by another, in force from their day, and never edited."""

from __future__ import annotations

import json
from typing import Any

import httpx

from services.payments.domain.parameters import CONTRIBUTION
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.office import Office, account
from tests.integration.payments.people import AGENT, Somebody, register
from tests.support.service import Harness
from tests.support.settlement import marked

LAW = json.loads(CONTRIBUTION.defaults[-1].value.model_dump_json())
ONE_OR_TWO = {"valid_from": "2025-10-07", "source": "Surat kantor pusat 1/2025", "value": {"months": [1, 2]}}


async def propose(h: Harness, kind: str, wanted: dict[str, Any], by: str = "central-1") -> httpx.Response:
    headers = h.token(roles=["central"], subject=by)
    return await h.client.post(f"/parameters/{kind}/proposals", json=wanted, headers=headers)


async def decide(h: Harness, kind: str, set_id: str, what: str, by: str = "central-2", **body: Any) -> httpx.Response:
    headers = h.token(roles=["central"], subject=by)
    path = f"/parameters/{kind}/proposals/{set_id}/{what}"
    return await h.client.post(path, headers=headers, json=body or None)


async def enact(h: Harness, kind: str, wanted: dict[str, Any]) -> str:
    """Proposed and approved; gives the version."""
    proposed = await propose(h, kind, wanted)
    assert proposed.status_code == 201, proposed.text
    approved = await decide(h, kind, proposed.json()["set_id"], "approve")
    assert approved.status_code == 200, approved.text
    version: str = approved.json()["version"]
    return version


async def bill(h: Harness, who: Any, months: int) -> httpx.Response:
    body = {"participant_id": str(who.participant_id), "months": months}
    return await h.client.post("/bills", json=body, headers=h.token(roles=["agent"], agent_id=AGENT))


async def test_two_people_change_what_may_be_billed_from_their_day_on(h: Harness) -> None:
    who = await register(h)
    proposed = await propose(h, "prepay_months", ONE_OR_TWO)
    set_id = proposed.json()["set_id"]
    own = await decide(h, "prepay_months", set_id, "approve", by="central-1")
    assert (own.status_code, own.json()["code"]) == (409, "same_person")
    assert (await decide(h, "prepay_months", set_id, "approve")).json()["status"] == "APPROVED"
    assert (await bill(h, who, 3)).status_code == 201
    h.clock.set(at(2025, 10, 7, 0))
    refused = (await bill(h, who, 3)).json()
    assert (refused["code"], refused["field"], refused["rules"]) == (
        "months_not_offered",
        "months",
        "bpu-prepay-months/2025-10-07.1",
    )
    assert refused["messages"]["en"] == "Choose 1, 2 months."
    assert (await bill(h, who, 2)).status_code == 201


async def test_a_bill_names_the_set_that_priced_it_and_keeps_its_price(h: Harness, bank: Bank) -> None:
    """A replay knows nothing of sets: the fixture compares it with what stands."""
    who = await register(h)
    dearer = LAW | {"jkm": 7_000, "discounts": []}
    version = await enact(
        h, "contribution", {"valid_from": "2025-11-01", "source": "PP contoh 1/2025", "value": dearer}
    )
    assert version == "bpu-contribution/2025-11-01.1"
    assert (await bill(h, who, 1)).json()["amount"] == 36_800
    h.clock.set(at(2025, 11, 1, 0))
    assert (await bank.buy(who.code)).status_code == 200
    headers = h.token(roles=["auditor"])
    shown = (await h.client.get(f"/bills?participant_id={who.participant_id}", headers=headers)).json()
    assert [(b["amount"], b["rules"]) for b in shown] == [(37_000, version), (36_800, "bpu-contribution/2015-07")]


async def test_a_late_payment_is_judged_by_the_backdating_of_its_day(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await enact(h, "max_backdate_days", {"valid_from": "2025-10-07", "source": "our choice", "value": {"days": 0}})
    paid_at = bank.business_now()
    h.clock.set(at(2025, 10, 7, 0))
    late = await bank.pay(who.code, 36_800, trxDateTime=paid_at)
    assert late.json()["responseCode"] == "4042519"
    assert (await bank.pay(who.code, 36_800)).json()["responseCode"] == "2002500"


async def test_a_file_is_judged_by_the_backdating_of_the_day_it_is_worked_off(h: Harness, bank: Bank) -> None:
    office, who = Office(h), await register(h)
    await office.agree()
    await enact(h, "max_backdate_days", {"valid_from": "2025-10-07", "source": "our choice", "value": {"days": 0}})
    h.clock.set(at(2025, 10, 7, 9))
    file = await office.reconcile(marked(("LOST-1", account(who), 36_800, 0, "08:30:00")))
    (line,) = await office.lines(file)
    assert (line["outcome"], line["reason"]) == ("missing_here", "payment_too_old")
    assert await office.balance("suspense") == -36_800


async def test_a_file_may_lie_back_as_far_as_is_law(h: Harness, bank: Bank) -> None:
    office, who = Office(h), await register(h)
    await office.agree()
    await enact(h, "max_backdate_days", {"valid_from": "2025-10-07", "source": "our choice", "value": {"days": 30}})
    h.clock.set(at(2025, 10, 24, 9))
    file = await office.reconcile(marked(("LOST-1", account(who), 36_800, 0, "08:30:00")))
    assert [line["reason"] for line in await office.lines(file)] == [None]
    assert await office.balance("suspense") == 0


async def test_a_month_keeps_the_grace_of_its_own_day_and_arrears_end_with_it(h: Harness, bank: Bank) -> None:
    """One month of grace from November on: October, paid before, keeps its three."""
    one, two = await register(h), await register(h)
    version = await enact(h, "grace_months", {"valid_from": "2025-11-01", "source": "contoh", "value": {"months": 1}})
    assert (await bank.buy(one.code)).status_code == 200
    assert (await bank.buy(two.code)).status_code == 200
    h.clock.set(at(2025, 11, 1, 0))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    assert (await bank.buy(two.code)).status_code == 200
    h.clock.set(at(2025, 12, 31, 23))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    assert [await quoted(bank, who) for who in (one, two)] == [["2025-11", "2025-12"], ["2025-12"]]
    h.clock.set(at(2026, 1, 1, 0))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    assert [await quoted(bank, who) for who in (one, two)] == [["2025-11", "2025-12", "2026-01"], ["2026-01"]]
    billed = [r.event for r in await h.events("contributions") if r.event.type == "ContributionBilled"]
    kinds = {(str(e.kind), e.terms) for e in billed if e.participant_id == two.participant_id}  # type: ignore[attr-defined]
    assert kinds == {
        ("FIRST", ("bpu-grace/2022-07", "bpu-first-month/2022-07")),
        ("STANDARD", (version,)),
        ("REACTIVATION", (version, "bpu-first-month/2022-07")),
    }


async def test_the_rule_of_the_first_month_is_shown_and_has_no_other_value(h: Harness) -> None:
    kinds = {k["kind"]: k for k in (await h.client.get("/parameters", headers=h.token(roles=["auditor"]))).json()}
    assert kinds["first_month_rule"]["in_force"]["value"] == {"rule": "MONTH_OF_PAYMENT"}
    assert kinds["grace_months"]["in_force"]["value"] == {"months": 3}
    wanted = {"valid_from": "2025-10-07", "source": "contoh", "value": {"rule": "MONTH_AFTER"}}
    refused = await propose(h, "first_month_rule", wanted)
    assert (refused.status_code, refused.json()["field"]) == (422, "value.rule")


async def quoted(bank: Bank, who: Somebody) -> list[str]:
    answer = (await bank.inquire(who.code)).json()
    assert answer["responseCode"] == "2002400", answer
    months: list[str] = answer["additionalInfo"]["contributionMonths"]
    return months


async def test_no_set_begins_before_tomorrow(h: Harness) -> None:
    today = await propose(h, "prepay_months", ONE_OR_TWO | {"valid_from": "2025-10-06"})
    assert (today.status_code, today.json()["code"], today.json()["field"]) == (
        409,
        "parameters_too_early",
        "valid_from",
    )
    set_id = (await propose(h, "prepay_months", ONE_OR_TWO)).json()["set_id"]
    h.clock.set(at(2025, 10, 7, 0))
    late = await decide(h, "prepay_months", set_id, "approve")
    assert (late.status_code, late.json()["code"]) == (409, "parameters_too_early")
    assert "2025-10-08" in late.json()["messages"]["id"]


async def test_a_proposal_may_be_withdrawn_and_an_approved_set_may_not(h: Harness) -> None:
    first = (await propose(h, "prepay_months", ONE_OR_TWO)).json()["set_id"]
    waiting = (await h.client.get("/parameters/proposals", headers=h.token(roles=["auditor"]))).json()
    assert [(p["set_id"], p["proposed_by"]) for p in waiting] == [(first, "central-1")]
    assert (await decide(h, "prepay_months", first, "withdraw", reason="salah ketik")).json()["status"] == "WITHDRAWN"
    assert (await decide(h, "prepay_months", first, "approve")).json()["code"] == "set_decided"
    second = (await propose(h, "prepay_months", ONE_OR_TWO)).json()["set_id"]
    await decide(h, "prepay_months", second, "approve")
    assert (await decide(h, "prepay_months", second, "withdraw", reason="salah ketik")).json()["code"] == "set_decided"
    assert (await h.client.get("/parameters/proposals", headers=h.token(roles=["auditor"]))).json() == []


async def test_what_is_law_and_its_history_are_shown_with_both_people(h: Harness) -> None:
    version = await enact(h, "prepay_months", ONE_OR_TWO)
    headers = h.token(roles=["auditor"])
    today = {k["kind"]: k for k in (await h.client.get("/parameters", headers=headers)).json()}
    assert today["prepay_months"]["in_force"]["value"] == {"months": [1, 2, 3, 6, 12]}
    later = {k["kind"]: k for k in (await h.client.get("/parameters?day=2025-10-07", headers=headers)).json()}
    assert later["prepay_months"]["in_force"]["version"] == version
    history = (await h.client.get("/parameters/prepay_months", headers=headers)).json()
    assert [(s["status"], s["valid_to"], s["proposed_by"], s["decided_by"]) for s in history] == [
        ("APPROVED", None, "central-1", "central-2"),
        ("DEFAULT", "2025-10-06", None, None),
    ]


async def test_of_sets_approved_for_one_day_the_history_says_which_counts_and_each_approval_what_it_displaces(
    h: Harness,
) -> None:
    made = [(await propose(h, "prepay_months", ONE_OR_TWO)).json()["set_id"] for _ in range(4)]
    approved = []
    for hour, number in ((10, 0), (11, 2), (12, 1)):
        h.clock.set(at(2025, 10, 6, hour))
        approved.append(await decide(h, "prepay_months", made[number], "approve"))
    names = [f"bpu-prepay-months/2025-10-07.{number}" for number in (1, 2, 3, 4)]
    assert [answer.json()["displaces"] for answer in approved] == [[], [names[0]], [names[2]]]
    headers = h.token(roles=["auditor"])
    history = (await h.client.get("/parameters/prepay_months", headers=headers)).json()
    shown = {s["version"]: (s["status"], s["displaced_by"], s["valid_to"]) for s in history if s["set_id"]}
    assert shown == {
        names[3]: ("PROPOSED", None, None),
        names[2]: ("APPROVED", names[1], "2025-10-06"),
        names[1]: ("APPROVED", None, None),
        names[0]: ("APPROVED", names[1], "2025-10-06"),
    }
    law = {k["kind"]: k for k in (await h.client.get("/parameters?day=2025-10-07", headers=headers)).json()}
    assert law["prepay_months"]["in_force"]["version"] == names[1]


async def test_a_wrong_set_is_refused_with_the_field_in_both_languages(h: Harness) -> None:
    for change, field in (
        ({"value": {"months": [2, 1]}}, "value.months"),
        ({"value": {"months": []}}, "value.months"),
        ({"value": {"months": [1], "more": 1}}, "value.more"),
        ({"value": [1]}, "value"),
        ({"source": ""}, "source"),
        ({"source": "NIK 3671040403909999"}, "source"),
        ({"valid_from": "2025-02-30"}, "valid_from"),
        ({"subject": "018f0000-0000-7000-8000-000000000001"}, "subject"),
        ({"surprise": 1}, "surprise"),
    ):
        response = await propose(h, "prepay_months", ONE_OR_TWO | change)
        assert (response.status_code, response.json()["field"]) == (422, field), response.text
        assert set(response.json()["errors"][0]["messages"]) == {"id", "en"}
    broken = await propose(h, "contribution", {**ONE_OR_TWO, "value": LAW | {"jkm": 6_801}})
    assert (broken.status_code, broken.json()["errors"][0]["code"]) == (422, "fraction_of_a_rupiah")


async def test_unknown_kinds_and_sets_of_another_kind_are_404(h: Harness) -> None:
    set_id = (await propose(h, "prepay_months", ONE_OR_TWO)).json()["set_id"]
    assert (await propose(h, "no_such_kind", ONE_OR_TWO)).status_code == 404
    assert (await decide(h, "contribution", set_id, "approve")).status_code == 404
    assert (await h.client.get("/parameters/no_such_kind", headers=h.token(roles=["central"]))).status_code == 404


async def test_only_the_central_office_decides_and_nobody_else_reads_but_auditor_and_operator(h: Harness) -> None:
    set_id = (await propose(h, "prepay_months", ONE_OR_TWO)).json()["set_id"]
    doors: list[tuple[str, str, Any, set[str]]] = [
        ("GET", "/parameters", None, {"central", "auditor", "operator"}),
        ("GET", "/parameters/proposals", None, {"central", "auditor", "operator"}),
        ("GET", "/parameters/prepay_months", None, {"central", "auditor", "operator"}),
        ("POST", "/parameters/prepay_months/proposals", ONE_OR_TWO, {"central"}),
        ("POST", f"/parameters/prepay_months/proposals/{set_id}/withdraw", {"reason": "salah ketik"}, {"central"}),
        ("POST", f"/parameters/prepay_months/proposals/{set_id}/approve", None, {"central"}),
    ]
    roles = {"agent", "officer", "checker", "coordinator", "participant", "central", "auditor", "operator", "service"}
    for method, path, body, allowed in doors:
        assert (await h.client.request(method, path, json=body)).status_code == 401
        for role in sorted(roles):
            status = (await h.client.request(method, path, json=body, headers=h.token(roles=[role]))).status_code
            assert (status == 403) == (role not in allowed), (method, path, role, status)


async def test_two_approvals_at_once_are_one(h: Harness) -> None:
    import asyncio

    set_id = (await propose(h, "prepay_months", ONE_OR_TWO)).json()["set_id"]
    answers = await asyncio.gather(
        *(decide(h, "prepay_months", set_id, "approve", by=f"central-{n}") for n in range(2, 8)),
        decide(h, "prepay_months", set_id, "withdraw", by="central-9", reason="salah ketik"),
    )
    assert {a.status_code for a in answers} <= {200, 409}
    assert len([r for r in await h.events("parameters") if r.event.type != "ParameterSetProposed"]) == 1
