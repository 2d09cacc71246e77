"""Agents' balances: deposits of any amount, first payments taken from them, never below zero; and cash in hand (domain.md section 4)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.groups import (
    ELSEWHERE,
    accounts,
    agent,
    coordinator,
    officer,
    payments_of,
    register_many,
    stranger,
)
from tests.integration.payments.people import AGENT, BRANCH, Somebody, refuse, register
from tests.support.service import Harness

MINE = f"agent-balance:{AGENT}"


async def opened(h: Harness) -> str:
    response = await h.client.post("/agent-balances", headers=agent(h))
    assert response.status_code == 201, response.text
    return str(response.json()["code"])


async def charge(h: Harness, who: Somebody, headers: dict[str, str] | None = None) -> httpx.Response:
    body = {"participant_id": str(who.participant_id)}
    return await h.client.post("/agent-balances/charges", json=body, headers=headers or agent(h))


async def statement(h: Harness) -> list[dict[str, Any]]:
    response = await h.client.get(f"/agent-balances/{AGENT}/statement", headers=agent(h))
    found: list[dict[str, Any]] = response.json()["lines"]
    return found


async def balance(h: Harness) -> int:
    (found,) = (await h.client.get("/agent-balances", headers=agent(h))).json()
    return int(found["balance"])


async def test_a_deposit_of_any_amount_stands_in_the_balance(h: Harness, bank: Bank) -> None:
    number = await opened(h)
    quoted = (await bank.inquire(number)).json()["virtualAccountData"]
    assert (quoted["virtualAccountTrxType"], quoted["totalAmount"]["value"]) == ("O", "0.00")
    for amount, reference in ((100_000, "D-1"), (1, "D-2")):
        assert code(await bank.pay(number, amount, reference)) == "2002500"
    assert code(await bank.pay(number, 100_000, "D-1")) == "4042518"
    assert code(await bank.pay(number, 100_000, "D-1", flagAdvise="Y")) == "2002500"
    assert code(await bank.pay(number, 5, "D-1")) == "4042513"
    assert await balance(h) == 100_001
    found = await accounts(h)
    assert (found[MINE], found["clearing:bank-a"]) == (100_001, -100_001)


async def test_a_first_payment_is_taken_from_it(h: Harness, bank: Bank) -> None:
    number, who = await opened(h), await register(h)
    await bank.pay(number, 50_000)
    response = await charge(h, who)
    assert (response.status_code, response.json()["balance"]) == (201, 50_000 - 36_800)
    (payment,) = await payments_of(h, who)
    assert (payment["partner"], payment["kind"], payment["amount"]) == ("agent-balance", "FIRST", 36_800)
    found = await accounts(h)
    assert (found[MINE], found["clearing:agent-balance"], found["clearing:bank-a"]) == (13_200, 0, -50_000)
    assert code(await bank.inquire(who.code)) == "4042414"


async def test_money_out_of_a_balance_is_never_said_to_be_missing_at_a_bank(h: Harness, bank: Bank) -> None:
    """Nobody's file could show it: voided, it would be gone from suspense and stand on a clearing account for ever."""
    number, who = await opened(h), await register(h)
    await bank.pay(number, 50_000)
    assert (await charge(h, who)).status_code == 201
    (payment,) = await payments_of(h, who)
    void = {"action": "VOID", "payment_id": payment["payment_id"], "reason": "checked", "evidence": "file"}
    posted = await h.client.post("/proposals", json=void, headers=officer(h))
    await refuse(h, who, PaymentId(UUID(payment["payment_id"])), RefusalReason.NIK_TAKEN)
    waiting = await h.client.post("/proposals", json=void, headers=officer(h))
    for refused in (posted, waiting):
        assert (refused.status_code, refused.json()["code"]) == (409, "not_offered"), refused.text
    found = await accounts(h)
    assert (found["suspense"], found["clearing:agent-balance"]) == (36_800, 0)


async def test_a_bill_of_last_month_is_issued_anew_and_charged(h: Harness, bank: Bank) -> None:
    number, who = await opened(h), await register(h, expires_at=at(2025, 11, 20))
    h.clock.set(at(2025, 11, 5))
    await bank.pay(number, 50_000)
    assert (await charge(h, who)).status_code == 201
    (payment,) = await payments_of(h, who)
    assert payment["months"][0]["month"] == "2025-11"


async def test_it_never_goes_below_zero(h: Harness, bank: Bank) -> None:
    number, people = await opened(h), await register_many(h, 3)
    refused = await charge(h, people[0])
    assert (refused.status_code, refused.json()["code"]) == (409, "balance_too_low")
    assert "36.800" in refused.json()["detail"]
    await bank.pay(number, 2 * 36_800)
    answers = await asyncio.gather(*(charge(h, who) for who in people))
    assert sorted(one.status_code for one in answers) == [201, 201, 409]
    assert await balance(h) == 0
    assert sum([len(await payments_of(h, who)) for who in people]) == 2


async def test_only_a_first_payment_is_taken(h: Harness, bank: Bank) -> None:
    number, who = await opened(h), await register(h)
    await bank.pay(number, 100_000)
    assert (await charge(h, who)).status_code == 201
    assert (await charge(h, who)).json()["code"] == "nothing_owed"
    h.clock.set(at(2025, 11, 5))
    assert (await charge(h, who)).json()["code"] == "not_a_first_bill"


async def test_the_agent_can_check_the_statement_line_by_line(h: Harness, bank: Bank) -> None:
    number, people = await opened(h), await register_many(h, 2)
    await bank.pay(number, 100_000, "D-1")
    for who in people:
        await charge(h, who)
    await bank.pay(number, 7, "D-2")
    found = await statement(h)
    assert [(one["kind"], one["amount"], one["balance"]) for one in found] == [
        ("DEPOSIT", 100_000, 100_000),
        ("CHARGE", -36_800, 63_200),
        ("CHARGE", -36_800, 26_400),
        ("DEPOSIT", 7, 26_407),
    ]
    assert [one["channel_reference"] for one in found] == ["D-1", None, None, "D-2"]
    assert [one["participant_id"] for one in found][1:3] == [str(who.participant_id) for who in people]
    after = found[1]["seq"]
    page = await h.client.get(f"/agent-balances/{AGENT}/statement?after={after}", headers=agent(h))
    assert page.json()["lines"] == found[2:]


async def test_an_agent_has_one_code(h: Harness) -> None:
    first = await h.client.post("/agent-balances", headers=agent(h))
    again = await h.client.post("/agent-balances", headers=agent(h))
    assert (first.status_code, again.status_code, first.json()) == (201, 200, again.json())


async def test_balances_are_seen_within_the_scope(h: Harness, bank: Bank) -> None:
    await opened(h)
    for headers in (agent(h), coordinator(h), officer(h), h.token(roles=["central"])):
        assert len((await h.client.get("/agent-balances", headers=headers)).json()) == 1
    for headers in (agent(h, ELSEWHERE), coordinator(h, ELSEWHERE), officer(h, ELSEWHERE)):
        assert (await h.client.get("/agent-balances", headers=headers)).json() == []
    path = f"/agent-balances/{AGENT}/statement"
    unknown = await h.client.get(f"/agent-balances/{ELSEWHERE}/statement", headers=agent(h))
    for headers in (agent(h, ELSEWHERE), officer(h, ELSEWHERE)):
        foreign = await h.client.get(path, headers=headers)
        assert (foreign.status_code, foreign.json()) == (404, unknown.json())
    assert (await h.client.get(path, headers=coordinator(h))).status_code == 403
    who = await register(h)
    assert (await charge(h, who, agent(h, ELSEWHERE))).status_code == 404
    assert (await charge(h, who, officer(h))).status_code == 403


class TestCash:
    async def note(self, h: Harness, who: Somebody, **more: Any) -> httpx.Response:
        body = {"participant_id": str(who.participant_id), **more}
        return await h.client.post("/cash", json=body, headers=agent(h))

    async def in_hand(self, h: Harness) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await h.client.get("/cash", headers=agent(h))).json()
        return found

    async def test_cash_is_in_hand_and_ages_until_its_bill_is_paid(self, h: Harness, bank: Bank) -> None:
        one, two = await register_many(h, 2)
        assert (await self.note(h, one, received_at=at(2025, 10, 6, 7).isoformat())).json()["amount"] == 36_800
        h.pass_time(hours=1)
        assert (await self.note(h, two)).status_code == 201
        assert (await self.note(h, two)).status_code == 200
        h.pass_time(hours=25, minutes=59)
        assert [(c["participant_id"], c["age_hours"]) for c in await self.in_hand(h)] == [
            (str(one.participant_id), 28),
            (str(two.participant_id), 25),
        ]
        (mine,) = (await h.client.get("/cash/agents", headers=coordinator(h))).json()
        assert (mine["agent_id"], mine["notes"], mine["amount"], mine["age_hours"]) == (str(AGENT), 2, 73_600, 28)
        bank.token = (await bank.ask_token()).json()["accessToken"]
        await bank.buy(one.code)
        assert [c["participant_id"] for c in await self.in_hand(h)] == [str(two.participant_id)]
        await bank.pay(await opened(h), 36_800)
        await charge(h, two)
        assert await self.in_hand(h) == []
        assert (await h.client.get("/cash/agents", headers=coordinator(h))).json() == []

    async def test_an_earlier_payment_does_not_clear_cash_for_the_next_bill(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await bank.buy(who.code)
        wish = {"participant_id": str(who.participant_id), "months": 1}
        assert (await h.client.post("/bills", json=wish, headers=agent(h))).status_code == 201
        await self.note(h, who)  # at the very instant of that payment
        assert [c["participant_id"] for c in await self.in_hand(h)] == [str(who.participant_id)]
        await bank.buy(who.code)
        assert await self.in_hand(h) == []

    async def test_cash_that_is_given_back_is_in_hand_no_more_and_stands_on_the_statement(
        self, h: Harness, bank: Bank
    ) -> None:
        who, other = await register(h), await register(h)
        note, kept = [(await self.note(h, one)).json() for one in (who, other)]
        h.pass_time(minutes=5)
        back = {"participant_id": str(who.participant_id), "bill_id": note["bill_id"]}
        early = await h.client.post(
            "/cash/returns", json={**back, "returned_at": at(2025, 9, 1).isoformat()}, headers=agent(h)
        )
        assert (early.status_code, early.json()["errors"][0]["code"]) == (422, "before_it_was_taken")
        foreign = await h.client.post("/cash/returns", json=back, headers=agent(h, ELSEWHERE))
        assert (foreign.status_code, foreign.json()["code"]) == (409, "no_cash_in_hand")
        given = await h.client.post("/cash/returns", json=back, headers=agent(h))
        assert (given.status_code, given.json()) == (200, {"bill_id": note["bill_id"], "amount": 36_800})
        assert (await h.client.post("/cash/returns", json=back, headers=agent(h))).status_code == 409
        (mine,) = (await h.client.get("/cash/agents", headers=coordinator(h))).json()
        assert (mine["notes"], mine["amount"]) == (1, 36_800)
        assert (await self.note(h, who)).status_code == 201  # he brings it again
        await bank.buy(other.code)
        path = f"/cash/agents/{AGENT}/statement"
        shown = (await h.client.get(path, headers=agent(h))).json()["lines"]
        assert [(one["kind"], one["amount"], one["bill_id"] == note["bill_id"], one["paid_in"]) for one in shown] == [
            ("RECEIVED", 36_800, True, False),
            ("RECEIVED", 36_800, False, True),
            ("RETURNED", -36_800, True, False),
            ("RECEIVED", 36_800, True, False),
        ]
        assert kept["bill_id"] == shown[1]["bill_id"]
        unknown = await h.client.get(f"/cash/agents/{stranger()}/statement", headers=agent(h))
        foreign = await h.client.get(path, headers=agent(h, ELSEWHERE))
        assert (foreign.status_code, foreign.json()) == (404, unknown.json())

    async def test_cash_has_no_effect_on_the_books(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await self.note(h, who)
        assert await accounts(h) == {}
        assert code(await bank.inquire(who.code)) == "2002400"

    async def test_what_cannot_be_is_refused(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        later = await self.note(h, who, received_at=at(2025, 10, 6, 10).isoformat())
        assert (later.status_code, later.json()["field"]) == (422, "received_at")
        assert (await self.note(h, who, received_at="2025-10-06T07:00:00")).status_code == 422
        assert (await self.note(h, who, amount=1)).status_code == 422
        await bank.buy(who.code)
        assert (await self.note(h, who)).json()["code"] == "nothing_owed"

    async def test_it_is_seen_within_the_scope(self, h: Harness) -> None:
        who = await register(h)
        await self.note(h, who)
        for headers in (agent(h), officer(h), h.token(roles=["auditor"])):
            assert len((await h.client.get("/cash", headers=headers)).json()) == 1
        for headers in (agent(h, ELSEWHERE), officer(h, ELSEWHERE)):
            assert (await h.client.get("/cash", headers=headers)).json() == []
            assert (await h.client.get("/cash/agents", headers=headers)).json() == []
        assert (await h.client.get("/cash", headers=coordinator(h))).status_code == 403
        assert (await h.client.get("/cash/agents", headers=coordinator(h, ELSEWHERE))).json() == []
        body = {"participant_id": str(who.participant_id)}
        foreign = await h.client.post("/cash", json=body, headers=agent(h, ELSEWHERE))
        scopeless = await h.client.post("/cash", json=body, headers=h.token(roles=["agent"], branch_id=BRANCH))
        assert (foreign.status_code, scopeless.status_code) == (404, 403)
