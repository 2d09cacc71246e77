"""Money in suspense, refunds and voided payments, worked off by two people; money that leaves, with its evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from chassis.transaction import Meta
from contracts.events.astray import Action
from contracts.values import BillId, ParticipantId, PaymentId, ProposalId
from services.payments.commands.arrive import ArrivedAs
from services.payments.commands.proposals import Decide, Propose, decide_proposals, make_proposals
from services.payments.domain.proposals import Verdict
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import BRANCH, Somebody, close, register
from tests.integration.payments.test_arrivals import arrival, arrive, books
from tests.integration.payments.test_counts import CHECK, people
from tests.support.service import Harness

ELSEWHERE = UUID(int=0xE)


def officer(h: Harness, subject: str = "officer-1", branch: UUID = BRANCH) -> dict[str, str]:
    return h.token(roles=["officer"], subject=subject, branch_id=branch)


def head(h: Harness, subject: str = "head-1", branch: UUID = BRANCH) -> dict[str, str]:
    return h.token(roles=["checker"], subject=subject, branch_id=branch)


async def post(h: Harness, path: str, body: Any, headers: dict[str, str], expected: int) -> Any:
    response = await h.client.post(path, json=body, headers=headers)
    assert response.status_code == expected, response.text
    return response.json()


async def propose(h: Harness, action: str, payment_id: object, expected: int = 201, **more: Any) -> Any:
    body = {"action": action, "payment_id": str(payment_id), "reason": "checked", **more}
    return await post(h, "/proposals", body, officer(h), expected)


async def approve(h: Harness, proposal: Any, expected: int = 200, headers: dict[str, str] | None = None) -> Any:
    path = f"/proposals/{proposal['proposal_id']}/approval"
    return await post(h, path, None, headers or head(h), expected)


async def open_bill(h: Harness, who: Somebody) -> dict[str, Any]:
    shown = await h.client.get(f"/bills?participant_id={who.participant_id}", headers=officer(h))
    return next(bill for bill in shown.json() if bill["status"] == "OPEN")


async def account(h: Harness, kind: str = "PAYER", owner: object = None, *, verified: bool = True) -> str:
    """A payee account of the branch."""
    body = {"kind": kind, "bank_code": "008", "number": "1370001234567", "holder": "Contoh Penerima"}
    if owner is not None:
        body["owner_id"] = str(owner)
    key: str = (await post(h, "/payee-accounts", body, officer(h), 201))["payee_account_id"]
    if verified:
        await post(h, f"/payee-accounts/{key}/verification", {"evidence": "buku tabungan 12/2025"}, head(h), 200)
    return key


async def queue(h: Harness, headers: dict[str, str] | None = None, query: str = "") -> Sequence[Any]:
    response = await h.client.get(f"/suspense{query}", headers=headers or officer(h))
    assert response.status_code == 200, response.text
    found: Sequence[Any] = response.json()["cases"]
    return found


async def in_suspense(h: Harness, who: Somebody | str, amount: int, reference: str = "R1") -> PaymentId:
    (outcome,) = await arrive(h, arrival(h, who, reference, amount))
    assert outcome.outcome is ArrivedAs.SUSPENDED
    return outcome.payment_ids[0]


async def test_money_with_a_wrong_amount_pays_the_bill_and_the_rest_goes_back(h: Harness, bank: Bank) -> None:
    who = await register(h)
    payment_id = await in_suspense(h, who, 40_000)
    h.pass_time(days=2)
    (case,) = await queue(h)
    assert (case["reason"], case["held"], case["age_days"], case["waits_for"]) == ("wrong_amount", 40_000, 2, "maker")

    bill = await open_bill(h, who)
    matching = {"participant_id": str(who.participant_id), "bill_id": bill["bill_id"]}
    matched = await propose(h, "MATCH", payment_id, **matching)
    (case,) = await queue(h)
    assert (case["waits_for"], case["proposal_id"]) == ("checker", matched["proposal_id"])
    assert (await approve(h, matched))["status"] == "APPROVED"
    (case,) = await queue(h)
    assert (case["held"], case["outcome"], case["waits_for"]) == (3_200, "matched", "maker")

    returned = await approve(h, await propose(h, "RETURN", payment_id, payee_account_id=await account(h)))
    assert await queue(h) == []
    after = await books(h)
    assert (after["refunds-payable"], after.get("suspense", 0)) == (3_200, 0)
    confirming = {"partner": "bank-a", "paid_on": f"{h.clock.business():%Y-%m-%d}", "evidence": "MT940 17/3"}
    await post(h, f"/transfer-orders/{returned['order_id']}/confirmation", confirming, officer(h), 200)
    assert await books(h) == {
        "clearing:bank-a": -40_000,
        "contributions:jkk": 10_000,
        "contributions:jkm": 6_800,
        "contributions:jht": 20_000,
        "bank:bank-a": 3_200,
    }
    shown = await h.client.get(f"/payments?participant_id={who.participant_id}", headers=officer(h))
    assert [(p["amount"], p["reversed_for"]) for p in shown.json()] == [(36_800, None), (40_000, "unmatched")]
    (closed,) = await queue(h, query="?closed=true")
    assert (closed["held"], closed["waits_for"]) == (0, "nobody")


async def test_a_transfer_that_failed_puts_the_money_back_into_suspense(h: Harness, bank: Bank) -> None:
    payment_id = await in_suspense(h, "9999999999999", 5_000)
    order = await approve(h, await propose(h, "RETURN", payment_id, payee_account_id=await account(h)))
    path = f"/transfer-orders/{order['order_id']}"
    await post(h, f"{path}/failure", {"reason": "account_closed"}, officer(h), 200)
    again = {"partner": "bank-a", "paid_on": "2025-10-06", "evidence": "x"}
    assert (await post(h, f"{path}/confirmation", again, officer(h), 409))["code"] == "order_failed"
    (case,) = await queue(h)
    assert (case["held"], case["outcome"]) == (5_000, None)
    assert await books(h) == {"clearing:bank-a": -5_000, "suspense": 5_000}
    second = await approve(h, await propose(h, "RETURN", payment_id, payee_account_id=await account(h)))
    await post(h, f"/transfer-orders/{second['order_id']}/confirmation", again, officer(h), 200)
    assert await books(h) == {"clearing:bank-a": -5_000, "bank:bank-a": 5_000}


async def test_nobody_approves_what_he_proposed_or_verifies_what_he_recorded(h: Harness) -> None:
    payment_id = await in_suspense(h, "9999999999999", 5_000)
    both = ["officer", "checker"]
    alone = h.token(roles=both, subject="both-1", branch_id=BRANCH)
    body = {"kind": "PAYER", "bank_code": "008", "number": "1370001234567", "holder": "Contoh"}
    key = (await post(h, "/payee-accounts", body, alone, 201))["payee_account_id"]
    alone = h.token(roles=both, subject="both-1", branch_id=BRANCH)
    named = await post(h, f"/payee-accounts/{key}/verification", {"evidence": "Buku 1234567890123456"}, head(h), 422)
    assert [(e["field"], e["code"]) for e in named["errors"]] == [("evidence", "long_number")]
    told = await post(h, f"/payee-accounts/{key}/verification", {"evidence": "a"}, alone, 409)
    assert told["code"] == "same_person"
    unverified = await propose(h, "RETURN", payment_id, 409, payee_account_id=key)
    assert unverified["code"] == "payee_not_verified"
    await post(h, f"/payee-accounts/{key}/verification", {"evidence": "a"}, head(h), 200)
    alone = h.token(roles=both, subject="both-1", branch_id=BRANCH)
    wanted = {"action": "RETURN", "payment_id": str(payment_id), "reason": "checked", "payee_account_id": key}
    made = await post(h, "/proposals", wanted, alone, 201)
    alone = h.token(roles=both, subject="both-1", branch_id=BRANCH)
    assert (await approve(h, made, 409, alone))["code"] == "same_person"
    refusing = f"/proposals/{made['proposal_id']}"
    assert (await post(h, f"{refusing}/withdrawal", None, officer(h), 409))["code"] == "anothers_proposal"
    await post(h, f"{refusing}/refusal", {"reason": "not_proven"}, head(h), 200)
    assert (await approve(h, made, 409))["code"] == "proposal_decided"
    assert await books(h) == {"clearing:bank-a": -5_000, "suspense": 5_000}


async def test_an_approval_that_is_no_longer_possible_changes_nothing(h: Harness, bank: Bank) -> None:
    who = await register(h)
    payment_id = await in_suspense(h, "9999999999999", 36_800)
    bill = await open_bill(h, who)
    matching = {"participant_id": str(who.participant_id), "bill_id": bill["bill_id"]}
    made = await propose(h, "MATCH", payment_id, **matching)
    assert code(await bank.buy(who.code)) == "2002500"
    before = await books(h)
    assert (await approve(h, made, 409))["code"] == "bill_not_payable"
    assert await books(h) == before
    pending = await h.client.get("/proposals?status=PENDING", headers=head(h))
    assert [p["proposal_id"] for p in pending.json()["proposals"]] == [made["proposal_id"]]


async def test_money_of_long_ago_counts_at_its_own_time_when_two_people_say_so(h: Harness) -> None:
    """Beyond max_backdate_days only with maker and checker (domain.md section 1)."""
    who = await register(h)
    bill = await open_bill(h, who)
    paid_at = h.clock.business()
    h.pass_time(days=9)
    (outcome,) = await arrive(h, arrival(h, who, "R1", effective_at=paid_at))
    assert outcome.reason == "payment_too_old"
    matching = {"participant_id": str(who.participant_id), "bill_id": bill["bill_id"]}
    await approve(h, await propose(h, "MATCH", outcome.payment_ids[0], **matching))
    (paid,) = [r.event for r in await h.events() if r.event.type == "ContributionPaid"]
    assert paid.effective_at == paid_at  # type: ignore[attr-defined]


async def test_a_voided_payment_leaves_its_bill_and_may_still_arrive(h: Harness, bank: Bank) -> None:
    who = await register(h)
    assert code(await bank.pay(who.code, 36_800, "OWN-V")) == "2002500"
    (payment,) = (await h.client.get(f"/payments?participant_id={who.participant_id}", headers=officer(h))).json()
    void: dict[str, Any] = {"evidence": "settlement 2025-10-07 and 2025-10-08"}
    await approve(h, await propose(h, "VOID", payment["payment_id"], **void))
    assert await books(h) == {}
    again = await propose(h, "VOID", payment["payment_id"], 409, **void)
    assert again["code"] == "already_taken_back"
    (late,) = await arrive(h, arrival(h, who, "OWN-V"))
    assert (late.outcome, late.reason) == (ArrivedAs.SUSPENDED, "payment_voided")
    assert await books(h) == {"clearing:bank-a": -36_800, "suspense": 36_800}
    await approve(h, await propose(h, "VOID", payment["payment_id"], **void))
    assert await books(h) == {}
    (later,) = await arrive(h, arrival(h, who, "OWN-V"))
    assert later.outcome is ArrivedAs.SUSPENDED
    assert await books(h) == {"clearing:bank-a": -36_800, "suspense": 36_800}


async def test_a_repeat_of_a_voided_payment_is_not_answered_as_paid(h: Harness, bank: Bank) -> None:
    """4042518 is success to a bank: it is sent for no money that is not in the books. Money that arrives after all is."""
    who = await register(h)
    assert code(await bank.pay(who.code, 36_800, "OWN-V")) == "2002500"
    (payment,) = (await h.client.get(f"/payments?participant_id={who.participant_id}", headers=officer(h))).json()
    await approve(h, await propose(h, "VOID", payment["payment_id"], evidence="settlement 2025-10-07"))
    for advice in ("N", "Y"):
        refused = await bank.pay(who.code, 36_800, "OWN-V", flagAdvise=advice)
        assert code(refused) == "4042512"
        assert refused.json()["virtualAccountData"]["paymentFlagStatus"] == "01"
    for ids in ({"paymentRequestId": "OWN-V"}, {}):
        status = (await bank.status(who.code, **ids)).json()["virtualAccountData"]
        assert (status["paymentFlagStatus"], status["paidAmount"]["value"]) == ("01", "0.00")
    assert await books(h) == {}
    assert code(await bank.buy(who.code)) == "2002500"
    await arrive(h, arrival(h, who, "OWN-V"))
    assert code(await bank.pay(who.code, 36_800, "OWN-V")) == "4042518"
    assert (await bank.status(who.code, paymentRequestId="OWN-V")).json()["virtualAccountData"][
        "paymentFlagStatus"
    ] == "00"


async def test_a_deposit_that_waits_and_was_voided_is_not_answered_as_paid(h: Harness, bank: Bank) -> None:
    who = await register(h)
    payment_id = await in_suspense(h, who, 5_000)
    assert code(await bank.pay(who.code, 5_000, "R1")) == "4042518"
    await approve(h, await propose(h, "VOID", payment_id, evidence="file 2025-10-08"))
    assert code(await bank.pay(who.code, 5_000, "R1")) == "4042512"


async def test_what_was_matched_out_of_suspense_is_told_to_the_bank_once_under_its_own_reference(
    h: Harness, bank: Bank
) -> None:
    who = await register(h)
    payment_id = await in_suspense(h, who, 40_000)
    bill = await open_bill(h, who)
    match = await propose(
        h, "MATCH", payment_id, amount=36_800, participant_id=str(who.participant_id), bill_id=bill["bill_id"]
    )
    await approve(h, match)
    told = (await bank.status(who.code)).json()["additionalInfo"]["transactions"]
    assert [(one["paymentRequestId"], one["paidAmount"]["value"]) for one in told] == [("R1", "40000.00")]


async def test_what_never_settled_and_never_came_is_voided_whole(h: Harness) -> None:
    payment_id = await in_suspense(h, "9999999999999", 5_000)
    await approve(h, await propose(h, "VOID", payment_id, evidence="file 2025-10-08"))
    assert (await books(h), await queue(h)) == ({}, [])
    assert await in_suspense(h, "9999999999999", 5_000) == payment_id
    assert await books(h) == {"clearing:bank-a": -5_000, "suspense": 5_000}


async def test_money_is_assigned_to_the_fees_of_its_own_partner_alone(h: Harness) -> None:
    payment_id = await in_suspense(h, "9999999999999", 5_000)
    for wrong in ("fees:bank-b", "suspense", "contributions:jkk", "clearing:bank-a"):
        assert (await propose(h, "ASSIGN", payment_id, 422, account=wrong))["code"] == "account_not_allowed"
    assert (await propose(h, "ASSIGN", payment_id, 409, account="fees:bank-a", amount=5_001))[
        "code"
    ] == "more_than_held"
    await approve(h, await propose(h, "ASSIGN", payment_id, account="fees:bank-a", amount=1_000))
    assert await books(h) == {"clearing:bank-a": -5_000, "suspense": 4_000, "fees:bank-a": 1_000}


async def test_months_after_the_end_are_owed_back_and_paid_out_once(h: Harness, bank: Bank) -> None:
    """Perdir 22/2022: JHT too; the month of the event stays."""
    who = await register(h)
    wanted = {"participant_id": str(who.participant_id), "months": 6}
    await post(h, "/bills", wanted, officer(h), 201)
    assert code(await bank.buy(who.code)) == "2002500"
    await close(h, who, date(2025, 12, 3))
    await close(h, who, date(2025, 12, 3))
    after = await books(h)
    assert after["refunds-payable"] == 3 * 36_800
    assert after["contributions:jht"] == 3 * 20_000
    assert code(await bank.inquire(who.code))[:3] in ("403", "404")
    (owed,) = (await h.client.get("/refunds", headers=officer(h))).json()["refunds"]
    assert (owed["amount"], owed["months"], owed["order_status"]) == (110_400, ["2026-01", "2026-02", "2026-03"], None)

    other = await register(h)
    stranger = await account(h, "PARTICIPANT", other.participant_id)
    assert (await propose(h, "REFUND", owed["payment_id"], 409, payee_account_id=stranger))["code"] == "wrong_payee"
    heirs = await account(h, "PARTICIPANT", who.participant_id)
    first = await propose(h, "REFUND", owed["payment_id"], payee_account_id=heirs)
    second = await propose(h, "REFUND", owed["payment_id"], payee_account_id=heirs)
    order = await approve(h, first)
    assert (await approve(h, second, 409))["code"] == "already_ordered"
    void = await propose(h, "VOID", owed["payment_id"], 409, evidence="file")
    assert void["code"] == "partly_used"
    confirming = {"partner": "bank-a", "paid_on": "2025-10-06", "evidence": "MT940 18/1"}
    await post(h, f"/transfer-orders/{order['order_id']}/confirmation", confirming, officer(h), 200)
    after = await books(h)
    assert ("refunds-payable" in after, after["bank:bank-a"]) == (False, 110_400)
    assert (await approve(h, second, 409))["code"] == "already_ordered"


async def test_an_account_is_read_by_the_two_who_need_it_and_nowhere_else(h: Harness) -> None:
    who = await register(h)
    key = await account(h, "PARTICIPANT", who.participant_id, verified=False)
    (listed,) = (await h.client.get("/payee-accounts", headers=officer(h))).json()
    assert listed["number_ends"] == "4567"
    full = (await h.client.get(f"/payee-accounts/{key}", headers=head(h))).json()
    assert (full["number"], full["holder"]) == ("1370001234567", "Contoh Penerima")
    other = await account(h)
    full = (await h.client.get(f"/payee-accounts/{other}", headers=head(h))).json()
    assert (full["number"], full["holder"]) == ("1370001234567", "Contoh Penerima")
    for response in (
        await h.client.get(f"/payee-accounts/{key}", headers=head(h, branch=ELSEWHERE)),
        await h.client.get(f"/payee-accounts/{new_id()}", headers=head(h)),
    ):
        assert response.status_code == 404
    assert (await h.client.get(f"/payee-accounts/{key}", headers=h.token(roles=["central"]))).status_code == 403
    async with h.app.read() as conn:
        found = await conn.execute(sa.text("SELECT payload FROM event_log"))
        stored = await conn.execute(sa.text("SELECT details FROM payee_accounts"))
        assert not any(b"1370001" in bytes(cell) for (cell,) in [*found, *stored])


async def test_another_branch_sees_nothing_but_money_of_nobody(h: Harness) -> None:
    who = await register(h)
    own = await in_suspense(h, who, 1_000)
    nobodys = await in_suspense(h, "9999999999999", 2_000, "R2")
    elsewhere = officer(h, branch=ELSEWHERE)
    assert [case["payment_id"] for case in await queue(h, elsewhere)] == [str(nobodys)]
    taken = await post(h, f"/suspense/{nobodys}/owner", None, officer(h, "officer-9", ELSEWHERE), 200)
    assert taken["owner"] == "officer-9"
    await post(h, f"/suspense/{own}/owner", None, officer(h, branch=ELSEWHERE), 404)
    wanted = {"action": "ASSIGN", "payment_id": str(own), "reason": "checked", "account": "fees:bank-a"}
    await post(h, "/proposals", wanted, officer(h, branch=ELSEWHERE), 404)
    made = await propose(h, "ASSIGN", own, account="fees:bank-a")
    await approve(h, made, 404, head(h, branch=ELSEWHERE))
    bill = await open_bill(h, who)
    theirs = {"participant_id": str(who.participant_id), "bill_id": bill["bill_id"], "reason": "checked"}
    foreign = {"action": "MATCH", "payment_id": str(nobodys), **theirs}
    await post(h, "/proposals", foreign, officer(h, branch=ELSEWHERE), 404)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0}, {"amount": -1}, {"amount": 1.5}, {"amount": "5"}, {"action": "KEEP"}, {"action": "MATCH"},
        {"action": "RETURN"}, {"action": "VOID"}, {"reason": "Because of Siti"}, {"evidence": "a\nb"}, {"more": 1},
        {"payment_id": "x"}, {"payee_account_id": 5},
    ],
)  # fmt: skip
async def test_a_bad_proposal_is_422_and_names_its_field(h: Harness, change: dict[str, Any]) -> None:
    payment_id = await in_suspense(h, "9999999999999", 5_000)
    body = {"action": "ASSIGN", "payment_id": str(payment_id), "reason": "checked", "account": "fees:bank-a"}
    response = await h.client.post("/proposals", json=body | change, headers=officer(h))
    assert response.status_code == 422, response.text
    assert response.json()["errors"], response.text


def meta(by: str) -> Meta:
    return Meta(by, new_id())


async def test_two_approvals_of_the_same_money_use_it_once(h: Harness, bank: Bank) -> None:
    payment_id = await in_suspense(h, "9999999999999", 5_000)
    made = [await propose(h, "ASSIGN", payment_id, account="fees:bank-a") for _ in range(6)]
    commands = [Decide(ProposalId(UUID(p["proposal_id"])), Verdict.APPROVE, "", meta("head-1")) for p in made]
    outcomes = await asyncio.gather(*(h.run(decide_proposals, [command]) for command in commands))
    assert sorted(type(outcome).__name__ for (outcome,) in outcomes) == ["Accepted"] + ["Rejected"] * 5
    assert await books(h) == {"clearing:bank-a": -5_000, "fees:bank-a": 5_000}


async def test_what_else_is_pending_about_the_same_money_is_told_to_maker_and_checker(h: Harness) -> None:
    payment_id, beside = await in_suspense(h, "9999999999999", 5_000), await in_suspense(h, "9999999999998", 900, "R2")
    made = [await propose(h, "ASSIGN", payment_id, account="fees:bank-a", amount=3_000) for _ in range(2)]
    other = await propose(h, "ASSIGN", beside, account="fees:bank-a")
    first, second = (proposal["proposal_id"] for proposal in made)
    assert [proposal["others_pending"] for proposal in (*made, other)] == [[], [first], []]

    async def listed() -> dict[str, list[str]]:
        shown = (await h.client.get("/proposals", headers=head(h))).json()["proposals"]
        return {proposal["proposal_id"]: proposal["others_pending"] for proposal in shown}

    assert await listed() == {first: [second], second: [first], other["proposal_id"]: []}
    case = next(case for case in await queue(h) if case["payment_id"] == str(payment_id))
    assert (case["pending"], case["proposal_id"]) == ([first, second], first)
    # either may go first; what is left does not suffice for the other, which waits until it is refused or withdrawn
    await approve(h, made[1])
    assert (await approve(h, made[0], 409))["code"] == "more_than_held"
    assert (await listed())[second] == [first] and (await listed())[first] == []


async def test_proposals_of_one_batch_see_each_other(h: Harness) -> None:
    payment_id = await in_suspense(h, "9999999999999", 5_000)
    made = [await propose(h, "ASSIGN", payment_id, account="fees:bank-a", amount=2_000) for _ in range(3)]
    commands = [Decide(ProposalId(UUID(p["proposal_id"])), Verdict.APPROVE, "", meta("head-1")) for p in made]
    outcomes = await h.run(decide_proposals, commands)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Accepted", "Accepted", "Rejected"]
    assert await books(h) == {"clearing:bank-a": -5_000, "suspense": 1_000, "fees:bank-a": 4_000}


@pytest.mark.parametrize("size", [1, 100])
async def test_a_batch_of_decisions_takes_as_many_statements_as_one(h: Harness, size: int) -> None:
    who = await people(h, size)
    found = await arrive(h, *(arrival(h, "9999999999999", f"R-{n}") for n in range(size)))
    bills = {r.event.participant_id: r.event.bill_id for r in await h.events() if r.event.type == "ContributionBilled"}  # type: ignore[attr-defined]
    wanted = [
        Propose(
            action=Action.MATCH, payment_id=arrived.payment_ids[0], amount=None, reason="checked", evidence=None,
            participant_id=ParticipantId(w.participant_id), bill_id=BillId(bills[w.participant_id]), account=None,
            payee_account_id=None, meta=meta("officer-1"),
        )
        for w, arrived in zip(who, found, strict=True)
    ]  # fmt: skip
    made: list[Any] = await h.run(make_proposals, wanted)
    ids = [ProposalId(UUID(outcome.body["proposal_id"])) for outcome in made]
    before, _ = await h.statements()
    outcomes: list[Any] = await h.run(decide_proposals, [Decide(i, Verdict.APPROVE, "", meta("head-1")) for i in ids])
    after, _ = await h.statements()
    assert [outcome.status for outcome in outcomes] == [200] * size
    assert after - before - CHECK <= 26
