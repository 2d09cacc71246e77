"""Carry-forward credit through the doors: a law that comes after the money, a bill that it lowers, a payment that is taken back."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId, Programme, Sector
from services.payments.domain.parameters import CONTRIBUTION
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.groups import payments_of
from tests.integration.payments.people import AGENT, BRANCH, Somebody, refuse, register, registered
from tests.integration.payments.test_parameters import enact
from tests.integration.payments.test_proofs import read
from tests.integration.payments.test_terms import ask, bills, quoted
from tests.support.service import Harness

TWO = (Programme.JKK, Programme.JKM)
LAW = json.loads(CONTRIBUTION.defaults[-1].value.model_dump_json())


async def credit(h: Harness, who: Somebody) -> tuple[int, list[str]]:
    path = f"/credit?participant_id={who.participant_id}"
    told = (await h.client.get(path, headers=h.token(roles=["auditor"]))).json()
    return told["credit"], [one["month"] for one in told["credited"]]


async def balance(h: Harness) -> dict[str, int]:
    """What we hold or owe per account."""
    books = (await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))).json()
    assert books["imbalance"] == 0
    return {account["account"]: -account["balance"] for account in books["accounts"]}


async def driver(h: Harness, bank: Bank, months: int = 3) -> tuple[Somebody, PaymentId]:
    """Paid ahead on 6 December 2025, sixteen days before the discount was law."""
    h.clock.set(at(2025, 12, 6))
    who = await register(h, sector=Sector.TRANSPORT, programmes=TWO)
    await ask(h, who, months)
    told = (await bank.buy(who.code)).json()["virtualAccountData"]
    return who, PaymentId(UUID(told["billDetails"][0]["billerReferenceId"]))


async def test_the_law_of_december_makes_credit_of_what_was_paid_for_january(h: Harness, bank: Bank) -> None:
    who, _ = await driver(h, bank)
    await h.due("carry-forward")
    assert await credit(h, who) == (0, [])
    h.clock.set(at(2025, 12, 22, 0))
    await h.due("carry-forward")
    assert await credit(h, who) == (16_800, ["2026-01", "2026-02"])
    assert (await balance(h))["carry-forward"] == 16_800
    (granted,) = [r for r in await h.events("contributions") if r.event.type == "CreditGranted"]
    assert granted.envelope.rules == "bpu-contribution/2025-12"
    h.clock.set(at(2025, 12, 23))
    await h.due("carry-forward")
    assert await credit(h, who) == (16_800, ["2026-01", "2026-02"])


async def test_credit_lowers_the_next_bill_and_the_rest_waits(h: Harness, bank: Bank) -> None:
    who, _ = await driver(h, bank)
    h.clock.set(at(2026, 3, 3))
    await h.due("carry-forward")
    told = (await ask(h, who, 3)).json()
    assert told["amount"] == 3 * 8_400 - 16_800
    months = (await bills(h, who))[0]["months"]
    assert [one["credit"] for one in months] == [8_400, 8_400, 0]
    assert code(await bank.buy(who.code)) == "2002500"
    found = await read(h, str((await payments_of(h, who))[0]["payment_id"]))
    assert "Jumlah dibayar Rp8.400" in found
    assert "25.200 Kredit yang dipakai -16.800 Jumlah dibayar 8.400" in found
    assert await credit(h, who) == (0, ["2026-01", "2026-02"])
    held = await balance(h)
    assert held["carry-forward"] == 0
    assert held["contributions:jkk"] + held["contributions:jkm"] == 16_800 + 5 * 8_400
    assert held["clearing:bank-a"] == -(3 * 16_800 + 8_400)


async def test_a_month_that_credit_covers_whole_is_paid_without_money(h: Harness, bank: Bank) -> None:
    who, _ = await driver(h, bank)
    h.clock.set(at(2026, 3, 3))
    await h.due("carry-forward")
    assert code(await bank.inquire(who.code)) == "4042414"
    (newest, _, _) = await bills(h, who)
    assert (newest["status"], newest["amount"]) == ("PAID", 0)
    assert await credit(h, who) == (8_400, ["2026-01", "2026-02"])
    h.clock.set(at(2026, 5, 3))
    assert await quoted(bank, who) == ("8400.00", ["2026-04", "2026-05"])


async def test_a_set_that_two_people_enact_makes_credit_of_months_paid_before_its_day(h: Harness, bank: Bank) -> None:
    who = await register(h, programmes=TWO)
    await ask(h, who, 3)
    await bank.buy(who.code)
    window = [{"sector": "OTHER", "first": "2025-11", "last": "2025-12", "bps": 2_500}]
    wanted = {"valid_from": "2025-10-20", "source": "PP contoh 2/2025", "value": LAW | {"discounts": window}}
    version = await enact(h, "contribution", wanted)
    h.clock.set(at(2025, 10, 20))
    await h.due("carry-forward")
    assert await credit(h, who) == (2 * 4_200, ["2025-11", "2025-12"])
    (granted,) = [r for r in await h.events("contributions") if r.event.type == "CreditGranted"]
    assert granted.envelope.rules == version


async def test_a_payment_that_is_taken_back_takes_its_credit_along(h: Harness, bank: Bank) -> None:
    who, payment_id = await driver(h, bank)
    h.clock.set(at(2025, 12, 23))
    await h.due("carry-forward")
    await refuse(h, who, payment_id, RefusalReason.NIK_TAKEN)
    held = await balance(h)
    assert (held["carry-forward"], held["suspense"], held["contributions:jkk"]) == (0, 50_400, 0)
    assert (await credit(h, who)) == (0, [])


@pytest.mark.parametrize("size", [1, 150])
async def test_granting_takes_as_many_statements_for_many_as_for_one(h: Harness, bank: Bank, size: int) -> None:
    h.clock.set(at(2025, 12, 6))
    found = [registered(h, sector=Sector.TRANSPORT, programmes=TWO) for _ in range(size)]
    await h.deliver(*(record for _, record in found))
    for who, _ in found:
        await ask(h, who, 2)
        await bank.buy(who.code)
    h.clock.set(at(2025, 12, 22))
    (timer,) = [t for t in h.app.composition.timers if t.name == "carry-forward"]
    before, _ = await h.statements()
    assert await h.due(timer.name) == size + 1
    after, _ = await h.statements()
    assert after - before <= 36
    assert [r.event.type for r in await h.events("contributions")].count("CreditGranted") == size


async def test_credit_is_shown_within_scope(h: Harness) -> None:
    who = await register(h)
    path = f"/credit?participant_id={who.participant_id}"
    other = UUID(int=0xE)
    shown: list[tuple[dict[str, Any], int]] = [
        ({"roles": ["agent"], "agent_id": AGENT}, 200),
        ({"roles": ["officer"], "branch_id": BRANCH}, 200),
        ({"roles": ["participant"], "participant_id": who.participant_id}, 200),
        ({"roles": ["agent"], "agent_id": other}, 404),
        ({"roles": ["officer"], "branch_id": other}, 404),
        ({"roles": ["participant"], "participant_id": other}, 404),
        ({"roles": ["coordinator"], "wadah_id": other}, 403),
    ]
    for claims, status in shown:
        assert (await h.client.get(path, headers=h.token(**claims))).status_code == status
