"""Money in suspense that becomes credit, credit of a participation that ends, payments taken back that used or made credit: through the doors.

After each step no rupiah is lost or made: what the bank took stands somewhere, and what is shown as paid is what the ledger holds.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from chassis.records import Record
from contracts.events.participants import ParticipationClosed, ProtectionRefused, RefusalReason
from contracts.values import PaymentId, Sector
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.incentive_doors import buy
from tests.integration.payments.people import SCOPE, Somebody, close, lapse, refuse, register
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.integration.payments.test_arrivals import books as balances
from tests.integration.payments.test_credit import TWO, driver
from tests.integration.payments.test_suspense import account, approve, head, in_suspense, officer, post, propose, queue
from tests.integration.payments.test_terms import ask, bills, quoted
from tests.support.service import Harness


async def books(h: Harness) -> dict[str, int]:
    """What each account holds, once it was seen that what is shown as paid is what the accounts of contributions hold."""
    held = await balances(h)
    totals = (await h.client.get("/contributions/totals", headers=h.token(roles=["central"]))).json()
    assert totals["contributions"] == sum(amount for name, amount in held.items() if name.startswith("contributions:"))
    return held


async def credit(h: Harness, who: Somebody) -> tuple[int, int]:
    """(all of it, how much came out of suspense)."""
    path = f"/credit?participant_id={who.participant_id}"
    told = (await h.client.get(path, headers=officer(h))).json()
    return told["credit"], told["from_suspense"]


async def give(h: Harness, who: Somebody, payment_id: PaymentId, amount: int | None = None) -> None:
    more = {} if amount is None else {"amount": amount}
    made = await propose(h, "CREDIT", payment_id, participant_id=str(who.participant_id), **more)
    assert (await approve(h, made))["status"] == "APPROVED"


async def owed(h: Harness) -> list[tuple[int, str, list[str]]]:
    found = (await h.client.get("/refunds", headers=officer(h))).json()["refunds"]
    return sorted((one["amount"], one["reason"], one["months"]) for one in found)


async def pay_out(h: Harness, who: Somebody, payment_id: str, amount: int) -> None:
    """Two people order it, the bank carries it out."""
    payee = await account(h, "PARTICIPANT", who.participant_id)
    order = await approve(h, await propose(h, "REFUND", payment_id, payee_account_id=payee))
    confirming = {"partner": "bank-a", "paid_on": f"{h.clock.business():%Y-%m-%d}", "evidence": "MT940 18/1"}
    await post(h, f"/transfer-orders/{order['order_id']}/confirmation", confirming, officer(h), 200)
    (shown,) = [
        one for one in (await h.client.get("/refunds", headers=officer(h))).json()["refunds"]
        if one["payment_id"] == payment_id
    ]  # fmt: skip
    assert (shown["amount"], shown["order_status"]) == (amount, "CONFIRMED")


async def test_money_paid_twice_lowers_the_next_bills_of_its_payer(h: Harness, bank: Bank) -> None:
    """JKK and JKM alone, oldest month first: 16,800 of 36,800 a month."""
    who = await register(h)
    await buy(bank, who)
    twice = await in_suspense(h, who, 36_800)
    made = await propose(h, "CREDIT", twice, participant_id=str(who.participant_id), amount=20_000)
    (case,) = await queue(h)
    assert (case["waits_for"], case["held"]) == ("checker", 36_800)
    assert (await approve(h, made, 409, head(h, "officer-1")))["code"] == "same_person"
    await approve(h, made)
    (case,) = await queue(h)
    assert (case["held"], case["outcome"]) == (16_800, "credited")
    assert await credit(h, who) == (20_000, 20_000)
    held = await books(h)
    assert (held["suspense"], held["carry-forward"], held["clearing:bank-a"]) == (16_800, 20_000, -73_600)
    h.clock.set(at(2025, 11, 3))
    assert await quoted(bank, who) == ("20000.00", ["2025-11"])
    await buy(bank, who)
    assert await credit(h, who) == (3_200, 3_200)
    h.clock.set(at(2025, 12, 3))
    assert await quoted(bank, who) == ("33600.00", ["2025-12"])
    await buy(bank, who)
    assert await credit(h, who) == (0, 0)
    held = await books(h)
    assert held == {
        "clearing:bank-a": -(73_600 + 20_000 + 33_600),
        "contributions:jkk": 30_000,
        "contributions:jkm": 20_400,
        "contributions:jht": 60_000,
        "suspense": 16_800,
    }
    await give(h, who, twice)
    assert await queue(h) == []


async def test_credit_that_covers_a_month_whole_pays_it(h: Harness, bank: Bank) -> None:
    who = await register(h, programmes=TWO)
    await buy(bank, who)
    await give(h, who, await in_suspense(h, "9999999999999", 20_000))
    h.clock.set(at(2025, 11, 3))
    assert code(await bank.inquire(who.code)) == "4042414"
    (newest, _) = await bills(h, who)
    assert (newest["status"], newest["amount"]) == ("PAID", 0)
    assert await credit(h, who) == (3_200, 3_200)
    assert (await books(h))["carry-forward"] == 3_200


async def test_credit_is_given_to_whoever_has_a_next_bill_alone(h: Harness, bank: Bank) -> None:
    who, lapsed, dead = [await register(h) for _ in range(3)]
    for one in (lapsed, dead):
        await buy(bank, one)
    payment_id = await in_suspense(h, "9999999999999", 36_800)
    still_fine = await propose(h, "CREDIT", payment_id, participant_id=str(lapsed.participant_id))
    h.clock.set(at(2026, 2, 1, 0))
    await lapse(h, lapsed, "2025-10")
    await close(h, dead, date(2025, 10, 20))
    for one in (who, lapsed, dead):
        told = await propose(h, "CREDIT", payment_id, 409, participant_id=str(one.participant_id))
        assert told["code"] == "credit_not_usable"
    assert (await approve(h, still_fine, 409))["code"] == "credit_not_usable"
    await propose(h, "CREDIT", payment_id, 422)
    assert (await books(h))["suspense"] == 36_800


async def test_a_payment_that_used_credit_and_is_voided_gives_it_back(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await buy(bank, who)
    await give(h, who, await in_suspense(h, who, 36_800))
    h.clock.set(at(2025, 11, 3))
    payment_id = await buy(bank, who)
    assert await credit(h, who) == (20_000, 20_000)
    await approve(h, await propose(h, "VOID", payment_id, evidence="files of two days"))
    assert await credit(h, who) == (36_800, 36_800)
    held = await books(h)
    assert (held["clearing:bank-a"], held["carry-forward"], held["contributions:jht"]) == (-73_600, 36_800, 20_000)
    assert await quoted(bank, who) == ("20000.00", ["2025-11"])


async def test_a_voided_payment_takes_the_credit_along_that_it_made(h: Harness, bank: Bank) -> None:
    who, payment_id = await driver(h, bank)
    h.clock.set(at(2026, 2, 3))
    await h.due("carry-forward")
    await approve(h, await propose(h, "VOID", payment_id, evidence="files of two days"))
    assert (await credit(h, who), await books(h)) == ((0, 0), {})


async def test_credit_that_was_used_before_its_payment_was_voided_still_pays_its_month(h: Harness, bank: Bank) -> None:
    """The month is protected: the partner goes on owing what it cost, and credit out of suspense makes that good first."""
    who, payment_id = await driver(h, bank)
    h.clock.set(at(2026, 3, 3))
    await h.due("carry-forward")
    assert code(await bank.inquire(who.code)) == "4042414"
    assert await credit(h, who) == (8_400, 0)
    await give(h, who, await in_suspense(h, who, 5_000))
    await approve(h, await propose(h, "VOID", payment_id, evidence="files of two days"))
    held = await books(h)
    assert held == {"clearing:bank-a": -(8_400 + 5_000), "contributions:jkk": 5_000, "contributions:jkm": 3_400,
                    "carry-forward": 5_000}  # fmt: skip
    assert await credit(h, who) == (5_000, 5_000)


async def test_protection_that_is_refused_of_a_month_that_credit_paid_gives_the_credit_back(
    h: Harness, bank: Bank
) -> None:
    who = await register(h, programmes=TWO)
    await buy(bank, who)
    await give(h, who, await in_suspense(h, who, 36_800))
    h.clock.set(at(2025, 11, 3))
    await bank.inquire(who.code)
    (paid,) = [p for p in await payments(h, who) if p["amount"] == 0]
    await refuse(h, who, PaymentId(UUID(paid["payment_id"])), RefusalReason.REACTIVATED_MEANWHILE)
    assert await h.parked() == []
    assert await credit(h, who) == (36_800, 36_800)
    assert "suspense" not in await books(h)


async def payments(h: Harness, who: Somebody) -> list[dict[str, Any]]:
    shown = await h.client.get(f"/payments?participant_id={who.participant_id}", headers=officer(h))
    found: list[dict[str, Any]] = shown.json()
    return found


async def test_credit_that_is_left_at_the_end_is_paid_out_once(h: Harness, bank: Bank) -> None:
    """Not in cash unless the participation ends (domain.md section 5); then with the months after the end."""
    who = await register(h)
    await ask(h, who, 3)
    paid = await buy(bank, who)
    await give(h, who, await in_suspense(h, who, 30_000))
    await close(h, who, date(2025, 11, 3))
    await close(h, who, date(2025, 11, 3))
    assert await owed(h) == [(30_000, "credit_left", []), (36_800, "months_after_the_end", ["2025-12"])]
    assert await credit(h, who) == (0, 0)
    held = await books(h)
    assert (held["refunds-payable"], held["contributions:jht"]) == (66_800, 40_000)
    (left,) = [
        one for one in (await h.client.get("/refunds", headers=officer(h))).json()["refunds"] if not one["months"]
    ]
    other = await register(h)
    stranger = await account(h, "PARTICIPANT", other.participant_id)
    told = await propose(h, "REFUND", left["payment_id"], 409, payee_account_id=stranger)
    assert told["code"] == "wrong_payee"
    elsewhere = h.token(roles=["officer"], branch_id=other.participant_id)
    body = {"action": "REFUND", "payment_id": left["payment_id"], "reason": "checked", "payee_account_id": stranger}
    await post(h, "/proposals", body, elsewhere, 404)
    await pay_out(h, who, left["payment_id"], 30_000)
    await pay_out(h, who, str(paid), 36_800)
    held = await books(h)
    assert held == {"clearing:bank-a": -(3 * 36_800 + 30_000), "bank:bank-a": 66_800,
                    "contributions:jkk": 20_000, "contributions:jkm": 13_600, "contributions:jht": 40_000}  # fmt: skip


async def test_months_that_credit_paid_are_given_back_in_money_when_the_participation_ends(
    h: Harness, bank: Bank
) -> None:
    who, _ = await driver(h, bank)
    h.clock.set(at(2026, 2, 3))
    await h.due("carry-forward")
    await ask(h, who, 3)
    await buy(bank, who)
    assert await credit(h, who) == (0, 0)
    await close(h, who, date(2026, 3, 5))
    assert await owed(h) == [(2 * 8_400, "months_after_the_end", ["2026-04", "2026-05"])]
    held = await books(h)
    assert (
        -held["clearing:bank-a"]
        == 3 * 16_800 + 8_400
        == held["refunds-payable"] + held["contributions:jkk"] + held["contributions:jkm"]
    )


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
async def test_money_that_came_after_the_death_was_recorded_goes_back_once(
    h: Harness, bank: Bank, together: bool
) -> None:
    """payments posts it before it hears of the death: it gives back the months after it, then registration refuses the payment whole."""
    who = await register(h)
    await ask(h, who, 3)
    paid = await buy(bank, who)
    end = said(h, who, paid)
    if together:
        await h.deliver(*end)
    else:
        for record in end:
            await h.deliver(record)
    assert await h.parked() == []
    held = await books(h)
    assert held == {"clearing:bank-a": -110_400, "refunds-payable": 36_800, "suspense": 73_600}
    assert await owed(h) == [(36_800, "months_after_the_end", ["2025-12"])]


def said(h: Harness, who: Somebody, paid: PaymentId) -> list[Record]:
    """What registration says: the death, then that the payment protects nothing."""
    key = who.participant_id
    death = ParticipationClosed(participant_id=key, spell=1, died_on=date(2025, 11, 3))
    refused = ProtectionRefused(participant_id=key, payment_id=paid, reason=RefusalReason.PARTICIPANT_CLOSED)
    return [h.record(event, key=key, scope=SCOPE) for event in (death, refused)]


async def test_credit_that_comes_back_after_the_end_is_owed_too(h: Harness, bank: Bank) -> None:
    who = await register(h, programmes=TWO)
    await buy(bank, who)
    await give(h, who, await in_suspense(h, who, 40_000))
    h.clock.set(at(2025, 11, 3))
    await bank.inquire(who.code)
    (paid,) = [p for p in await payments(h, who) if p["amount"] == 0]
    await close(h, who, date(2025, 11, 2))
    assert await owed(h) == [(23_200, "credit_left", [])]
    await refuse(h, who, PaymentId(UUID(paid["payment_id"])), RefusalReason.PARTICIPANT_CLOSED)
    assert await owed(h) == [(16_800, "credit_left", []), (23_200, "credit_left", [])]
    held = await books(h)
    assert (held["refunds-payable"], "carry-forward" in held) == (40_000, False)


async def test_totals_leave_out_months_that_were_given_back(h: Harness, bank: Bank) -> None:
    who = await register(h, sector=Sector.OTHER)
    await ask(h, who, 6)
    await buy(bank, who)
    await arrive(h, arrival(h, who, "R9"))
    await close(h, who, date(2025, 12, 3))
    totals = (await h.client.get("/contributions/totals", headers=officer(h))).json()
    assert (totals["paid"], totals["contributions"]) == (1, 3 * 36_800)
    await books(h)
