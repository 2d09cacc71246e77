"""Incentives where credit, refunds and voided payments meet a closed month, by value; and over any history, against a clerk with the handbook.

The base is the money that came for a month, once: credit of the discount was counted when it was paid, credit out of suspense is counted with
the month it pays (domain.md section 7; decision 106).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import ContributionMonth, PaymentId, Programme, Sector
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.incentive_doors import (
    acquire,
    ahead,
    buy,
    enrol,
    lines,
    statement,
    wadah_statement,
)
from tests.integration.payments.people import Somebody, close, reassign, refuse
from tests.integration.payments.test_credit import TWO
from tests.integration.payments.test_credit_given import credit, give, payments
from tests.integration.payments.test_suspense import approve, head, in_suspense, officer, propose
from tests.support import incentives as clerk
from tests.support.service import Harness

THREE = (Programme.JKK, Programme.JKM, Programme.JHT)


async def contributions(h: Harness, worker: Worker, month: str) -> list[tuple[str, int, int, int]]:
    """(contribution month, k, received, sign) of a statement, acquisitions left out."""
    found = await lines(h, worker, month)
    return [
        (line["contribution_month"], line["k"], line["received"], line["sign"])
        for line in found
        if line["received"] is not None
    ]


async def run_through(h: Harness, year: int, month: int) -> None:
    """Every run up to the one that closes in this month."""
    for _ in range(8):
        await close_month(h, at(year, month, 3, 0))


async def test_credit_of_the_discount_is_no_second_income(h: Harness, bank: Bank) -> None:
    """50,400 for three months in December; in March three months of 8,400 for 8,400 in money: one line, whose k counts them all."""
    h.clock.set(at(2025, 12, 6))
    worker = await hire(h, await engage(h))
    (who,) = await enrol(h, worker, 1, sector=Sector.TRANSPORT, programmes=TWO)
    await ahead(h, bank, worker, who, 3)
    h.clock.set(at(2026, 1, 2))
    await h.due("carry-forward")
    await run_through(h, 2026, 1)
    h.clock.set(at(2026, 3, 3))
    await ahead(h, bank, worker, who, 3)
    await run_through(h, 2026, 4)
    december, march = [await statement(h, worker, month) for month in ("2025-12", "2026-03")]
    assert (december["received"], december["contribution_pay"]) == (50_400, 7_560)
    assert (march["received"], march["contribution_pay"], march["adjusted"]) == (8_400, 1_260, 0)
    assert await contributions(h, worker, "2026-03") == [("2026-05", 6, 8_400, 1)]


async def test_credit_out_of_suspense_is_income_of_the_month_it_pays_and_is_clawed_back_with_it(
    h: Harness, bank: Bank
) -> None:
    worker = await hire(h, await engage(h))
    (who,) = await acquire(h, bank, worker, 1)
    await give(h, who, await in_suspense(h, who, 36_800))
    await run_through(h, 2025, 11)
    assert (await statement(h, worker, "2025-10"))["received"] == 36_800
    paid = await buy(bank, who)
    await run_through(h, 2025, 12)
    november = await statement(h, worker, "2025-11")
    assert (november["received"], november["contribution_pay"]) == (36_800, 5_520)
    assert await contributions(h, worker, "2025-11") == [("2025-11", 2, 36_800, 1)]

    await approve(h, await propose(h, "VOID", paid, evidence="files of two days"))
    assert await credit(h, who) == (36_800, 36_800)
    await buy(bank, who)
    await run_through(h, 2026, 1)
    december = await statement(h, worker, "2025-12")
    assert (december["received"], december["adjusted"], december["payable"]) == (2 * 36_800, -5_520, 5_520)
    assert await contributions(h, worker, "2025-12") == [
        ("2025-11", 2, 36_800, 1),
        ("2025-12", 3, 36_800, 1),
        ("2025-11", 2, 36_800, -1),
    ]


async def test_months_after_a_death_take_their_contribution_pay_back_and_leave_the_acquisition(
    h: Harness, bank: Bank
) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 24)
    (who,) = await enrol(h, worker, 1)
    await ahead(h, bank, worker, who, 6)
    await run_through(h, 2025, 11)
    october = await statement(h, worker, "2025-10")
    assert (october["acquisition_pay"], october["received"]) == (25 * 15_000, 30 * 36_800)
    await run_through(h, 2025, 12)
    h.clock.set(at(2025, 12, 5))
    await close(h, who, date(2025, 12, 3))
    await run_through(h, 2026, 1)
    december = await statement(h, worker, "2025-12")
    (adjusted,) = december["adjustments"]
    assert (adjusted["month"], adjusted["acquisitions"], adjusted["received"]) == ("2025-10", 25, 27 * 36_800)
    assert (december["adjusted"], december["carried_out"]) == (-3 * 5_520, -3 * 5_520)


class History:
    """A random history through the doors, and beside it what the clerk has to know: who was paid for, who manages, who died."""

    def __init__(self, h: Harness, bank: Bank, seed: int) -> None:
        self.h, self.bank, self.dice = h, bank, Random(seed)
        self.workers: list[Worker] = []
        self.people: dict[UUID, Somebody] = {}
        self.programmes: dict[UUID, tuple[Programme, ...]] = {}
        self.files: dict[UUID, clerk.Person] = {}
        self.died: dict[UUID, ContributionMonth] = {}
        self.waiting: list[PaymentId] = []
        self.credited: list[Somebody] = []
        self.done: set[str] = set()
        self.month = ContributionMonth(2025, 10)

    async def begin(self) -> None:
        wadah = await engage(self.h)
        self.workers = [await hire(self.h, wadah) for _ in range(2)]
        for n in range(6):
            worker, programmes = self.workers[n % 2], THREE if n % 3 else TWO
            (who,) = await enrol(self.h, worker, 1, programmes=programmes, new_to_bpu=n != 4)
            self.people[who.participant_id], self.programmes[who.participant_id] = who, programmes
            self.files[who.participant_id] = clerk.Person(worker.agent_id, n != 4)
        for who in self.people.values():
            await self.pay(who)

    async def step(self) -> None:
        who = self.dice.choice([*self.people.values()])
        what = self.dice.choice(["pay"] * 5 + ["twice", "twice", "credit", "credit", "void", "refuse", "agent", "die"])
        match what:
            case "pay":
                await self.pay(who)
            case "twice":
                self.waiting.append(await in_suspense(self.h, "9999999999999", 36_800, f"R{self.dice.random()}"))
            case "credit":
                await self.credit(who)
            case "void" | "refuse":
                await self.take_back(who, what)
            case "agent":
                agent = self.dice.choice([*(worker.agent_id for worker in self.workers), None])
                await reassign(self.h, who, agent, str(self.month + 1))
                self.files[who.participant_id].decisions.append((self.month + 1, agent))
            case "die" if not self.died:
                await close(self.h, who, self.h.clock.business().date())
                self.died[who.participant_id] = self.month
        self.done.add(what)

    async def pay(self, who: Somebody) -> None:
        wanted = {"participant_id": str(who.participant_id), "months": self.dice.choice([1, 2, 3])}
        await self.h.client.post("/bills", json=wanted, headers=officer(self.h))
        quoted = (await self.bank.inquire(who.code, request := f"H-{self.dice.random()}")).json()
        if quoted["responseCode"] == "2002400":
            answer = await self.bank.pay(who.code, quoted["virtualAccountData"]["totalAmount"]["value"], request)
            assert code(answer) == "2002500", answer.text

    async def credit(self, who: Somebody) -> None:
        """As far as it is possible: who has no next bill gets none."""
        if self.waiting:
            body = {"action": "CREDIT", "payment_id": str(self.waiting[0]), "reason": "checked"}
            body |= {"participant_id": str(who.participant_id)}
            made = await self.h.client.post("/proposals", json=body, headers=officer(self.h))
            if made.status_code == 201:
                await approve(self.h, made.json())
                self.waiting.pop(0)
                self.credited.append(who)

    async def take_back(self, who: Somebody, what: str) -> None:
        stand = [p for p in await payments(self.h, who) if p["reversed_for"] is None]
        if not stand or who.participant_id in self.died:
            return
        one = self.dice.choice(stand)
        if what == "refuse":
            await refuse(self.h, who, PaymentId(UUID(one["payment_id"])), RefusalReason.REACTIVATED_MEANWHILE)
            return
        body = {"action": "VOID", "payment_id": one["payment_id"], "reason": "checked", "evidence": "x"}
        made = await self.h.client.post("/proposals", json=body, headers=officer(self.h))
        if made.status_code == 201:
            path = f"/proposals/{made.json()['proposal_id']}/approval"
            assert (await self.h.client.post(path, headers=head(self.h))).status_code == 200

    async def close(self) -> None:
        """The run; then whoever was given credit pays with it."""
        self.month += 1
        await close_month(self.h, at(self.month.year, self.month.month, 3, 0))
        while self.credited:
            await self.pay(self.credited.pop())

    async def as_the_clerk_reads_it(self) -> list[clerk.Payment]:
        """What stands, month by month at the table's price, from April to December 2026 less half of JKK and JKM if it was billed under the law of
        22 December 2025. All credit of these people came out
        of suspense, so whatever paid a month was received for it.
        """
        found = list[clerk.Payment]()
        for key, who in self.people.items():
            price, jht = (36_800, True) if self.programmes[key] == THREE else (16_800, False)
            for one in await payments(self.h, who):
                if one["reversed_for"] is None:
                    months = [ContributionMonth.parse(month["month"]) for month in one["months"]]
                    law = datetime.fromisoformat(one["effective_at"]) >= at(2025, 12, 22, 0)
                    costs = {
                        m: price - 8_400 * (law and ContributionMonth(2026, 4) <= m <= ContributionMonth(2026, 12))
                        for m in months
                    }
                    kept = [(m, costs[m], jht) for m in months if key not in self.died or m <= self.died[key]]
                    if one["amount"] < sum(costs.values()):
                        self.done.add("paid from credit")
                    kind, paid_at = one["kind"], one["effective_at"]
                    found.append(
                        clerk.Payment(
                            key, datetime.fromisoformat(paid_at), kept, kind == "FIRST", kind == "REACTIVATION"
                        )
                    )
        return found


@pytest.mark.parametrize("seed", [3, 11])
async def test_over_any_history_all_runs_together_credit_what_the_clerk_computes(
    h: Harness, bank: Bank, seed: int
) -> None:
    history = History(h, bank, seed)
    await history.begin()
    for _ in range(4):
        for _ in range(12):
            await history.step()
            h.clock.set(h.clock.business() + timedelta(hours=20))
        await history.close()
    await history.close()
    stand = await history.as_the_clerk_reads_it()
    assert {"pay", "twice", "paid from credit", "void", "refuse", "agent", "die"} <= history.done, history.done
    months = [str(ContributionMonth(2025, 10) + n) for n in range(5)]
    worth = {
        month: [
            clerk.earned(
                worker.agent_id,
                ContributionMonth.parse(month),
                history.files,
                stand,
                clerk.NEW,
                himself=worker.participant_id,
                was_active=lambda _: True,
            )
            for worker in history.workers
        ]
        for month in months
    }
    for n, worker in enumerate(history.workers):
        told = [await statement(h, worker, month) for month in months]
        assert sum(one["agent"] + one["adjusted"] for one in told) == sum(worth[month][n].agent for month in months)
        standing = {one["month"]: one["received"] for one in told}
        standing |= {a["month"]: a["received"] for one in told for a in one["adjustments"]}
        assert standing == {month: worth[month][n].received for month in months}
    whole = [await wadah_statement(h, history.workers[0], month) for month in months]
    moved = sum(a["share"] - a["before"] for one in whole for a in one["adjustments"])
    assert sum(one["share"] for one in whole) + moved == sum(clerk.of_wadah(worth[m], clerk.NEW) for m in months)
