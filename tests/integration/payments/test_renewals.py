"""Agreements that follow each other, through the doors: which months stand under which, what a renewal, a gap and a late word do to them."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pypdf
import pytest

from contracts.events.agency import IncentiveScheme
from contracts.events.incentives import IncentiveRunCompleted
from contracts.values import ContributionMonth, WadahId
from services.payments.domain.incentives.runs import run_of
from services.payments.domain.parameters import DEFAULTS
from tests.integration.payments.agency import Worker, close_month, end, engage, engaged, hire, renew
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.incentive_doors import acquire, ahead, buy, enrol, lines, statement, wadah_statement
from tests.integration.payments.people import Somebody, reassign
from tests.integration.payments.test_credit_given import payments
from tests.integration.payments.test_incentives import as_they_come
from tests.integration.payments.test_parameters import enact
from tests.integration.payments.test_suspense import officer
from tests.support import incentives as clerk
from tests.support.service import Harness

NEW, OLD = IncentiveScheme.NEW, IncentiveScheme.OLD
MONTH, HALF = 36_800, 28_400
"""What a month of three programmes costs on the lowest row, and from April to December 2026 (domain.md section 5)."""
AUTUMN = (date(2025, 10, 1), date(2025, 12, 31))
SPRING = (date(2026, 1, 1), date(2026, 12, 31))


async def run(h: Harness, last: ContributionMonth) -> None:
    """Every run through that of this month, each on its day."""
    done = [r.event for r in await h.events("incentive-runs") if isinstance(r.event, IncentiveRunCompleted)]
    month = done[-1].month + 1 if done else ContributionMonth.of(h.clock.business())
    while month <= last:
        await close_month(h, max(run_of(month, DEFAULTS).statements_at, h.clock.business()))
        month += 1


async def pay(h: Harness, bank: Bank, worker: Worker, who: Somebody, on: datetime, months: int = 1) -> None:
    h.clock.set(on)
    bank.token = (await bank.ask_token()).json()["accessToken"]
    await (ahead(h, bank, worker, who, months) if months > 1 else buy(bank, who))


async def paid_at(h: Harness, worker: Worker, month: str) -> list[tuple[str, int, int]]:
    """(contribution month, k, bps) of the month's own lines."""
    found = await lines(h, worker, month)
    return [
        (one["contribution_month"], one["k"], one["bps"])
        for one in found
        if one["k"] is not None and one["month"] == month
    ]


async def adjusted(h: Harness, worker: Worker, month: str) -> list[tuple[str, int, int]]:
    """(month, as it was, as it is) of an agent's corrections."""
    return [(a["month"], a["before"], a["agent"]) for a in (await statement(h, worker, month))["adjustments"]]


@pytest.mark.timeout(400)
async def test_a_worker_pays_through_60_months_across_five_renewals(h: Harness, bank: Bank) -> None:
    """15 % for months 1 to 24, 5 % for 25 to 60, then nothing (domain.md section 7). Terms of NEW are of a year.

    A payment of the other one crosses month 24 and the end of an agreement at once.
    """
    worker = await hire(h, wadah := await engage(h, term=(date(2025, 10, 1), date(2026, 9, 30))))
    steady, crossing = await enrol(h, worker, 2)
    for n, year in enumerate(range(2025, 2031)):
        if n:
            await renew(h, wadah, (date(year, 10, 1), date(year + 1, 9, 30)), agreement=n + 1)
        await pay(h, bank, worker, steady, at(year, 10, 6), 12 if year < 2030 else 1)
        if year == 2025:
            await pay(h, bank, worker, crossing, at(2025, 10, 7), 12)
        if year == 2026:
            await pay(h, bank, worker, crossing, at(2026, 10, 7), 6)
            await run(h, ContributionMonth(2027, 3))
            await pay(h, bank, worker, crossing, at(2027, 4, 7), 12)
            await run(h, ContributionMonth(2027, 8))
        await run(h, ContributionMonth(year, 10))
        await run(h, ContributionMonth(year + 1, 8))
    await run(h, ContributionMonth(2030, 10))
    year = 12 * MONTH
    discounted = 3 * HALF + 9 * MONTH
    half_discounted = 3 * HALF + 3 * MONTH
    wanted = {
        "2025-10": 2 * year * 15 // 100,
        "2026-10": (discounted + half_discounted) * 15 // 100,
        "2027-04": 6 * MONTH * 15 // 100 + 6 * MONTH * 5 // 100,
        "2027-10": year * 5 // 100,
        "2028-10": year * 5 // 100,
        "2029-10": year * 5 // 100,
        "2030-10": 0,
    }
    assert wanted["2025-10"] == 132_480
    assert wanted["2027-04"] == 44_160
    assert wanted["2027-10"] == 22_080
    found = {month: await statement(h, worker, month) for month in wanted}
    assert {month: one["agent"] for month, one in found.items()} == wanted
    assert [one["adjusted"] for one in found.values()] == [0] * len(found)
    assert [one["agreement"] for one in found.values()] == [1, 2, 2, 3, 4, 5, 6]
    assert [one["without_agreement"] for one in found.values()] == [False] * len(found)
    across = await paid_at(h, worker, "2027-04")
    assert [(month, k, bps) for month, k, bps in across if month in ("2027-09", "2027-10")] == [
        ("2027-09", 24, 1_500),
        ("2027-10", 25, 500),
    ]
    assert (await paid_at(h, worker, "2029-10"))[-1] == ("2030-09", 60, 500)
    assert await paid_at(h, worker, "2030-10") == [("2030-10", 61, 0)]
    shares = [(await wadah_statement(h, worker, month))["share"] for month in ("2027-04", "2027-10", "2030-10")]
    assert shares == [4_416, 2_208, 0]


async def test_a_renewal_into_the_other_scheme_holds_from_its_month_and_a_payment_is_of_the_month_it_came_in(
    h: Harness, bank: Bank
) -> None:
    """December's money is OLD whatever it pays for; January's is NEW. The counter began with the acquisition, under OLD."""
    worker = await hire(h, wadah := await engage(h, scheme=OLD, term=AUTUMN))
    monthly, ahead_of_it = await acquire(h, bank, worker, 2)
    h.clock.set(at(2025, 11, 20))
    await renew(h, wadah, SPRING)
    await run(h, ContributionMonth(2025, 11))
    await pay(h, bank, worker, monthly, at(2025, 12, 5))
    await pay(h, bank, worker, ahead_of_it, at(2025, 12, 5, 1), 3)
    await run(h, ContributionMonth(2025, 12))
    await pay(h, bank, worker, monthly, at(2026, 1, 5))
    await run(h, ContributionMonth(2026, 1))
    december, january = await statement(h, worker, "2025-12"), await statement(h, worker, "2026-01")
    gross = (2 + 3) * MONTH * 750 // 10_000
    assert (december["scheme"], december["agent"], december["carved"]) == (
        "OLD",
        gross * 9 // 10,
        gross - gross * 9 // 10,
    )
    assert (january["scheme"], january["agent"], january["carved"]) == ("NEW", MONTH * 15 // 100, 0)
    assert january["adjustments"] == []
    assert await paid_at(h, worker, "2026-01") == [("2026-01", 4, 1_500)]
    numbers = [one["agreement_number"] for one in (december, january)]
    assert numbers == [f"PKS/{str(wadah.wadah_id)[-6:]}", f"PKS/{str(wadah.wadah_id)[-6:]}/2"]
    whole = [await wadah_statement(h, worker, month) for month in ("2025-12", "2026-01")]
    assert [(one["scheme"], one["agreement_number"]) for one in whole] == list(
        zip(("OLD", "NEW"), numbers, strict=True)
    )
    assert [one["share"] for one in whole] == [gross - gross * 9 // 10, MONTH * 15 // 1_000]


async def test_months_that_are_earned_as_they_come_stand_under_the_agreement_of_their_own_month(
    h: Harness, bank: Bank
) -> None:
    """Three months from December: one is OLD's, two are NEW's. OLD's set of the month in which they were paid says that it is so."""
    spread = as_they_come("2025-12-01")
    old = spread["value"] | {"flat": 500_000, "head_with_jht": 0, "head_without_jht": 0, "threshold": 50}
    old |= {"rates": [{"through": None, "bps": 750}], "wadah_share": "CARVED_OUT"}
    await enact(h, "incentive_set_old", spread | {"value": old})
    h.clock.set(at(2025, 12, 5))
    worker = await hire(h, wadah := await engage(h, scheme=OLD, term=AUTUMN))
    await renew(h, wadah, SPRING)
    (who,) = await enrol(h, worker, 1)
    await pay(h, bank, worker, who, at(2025, 12, 5), 3)
    await run(h, ContributionMonth(2026, 2))
    found = [await statement(h, worker, month) for month in ("2025-12", "2026-01", "2026-02")]
    assert [one["received"] for one in found] == [MONTH] * 3
    assert [one["agent"] for one in found] == [MONTH * 750 // 10_000 * 9 // 10] + [MONTH * 15 // 100] * 2


async def test_in_a_month_without_agreement_nothing_is_earned_and_the_statement_says_why(
    h: Harness, bank: Bank
) -> None:
    """Ended in October and renewed from January: what was prepaid for the two months is the branch's, and k does not count them."""
    worker = await hire(h, wadah := await engage(h, term=(date(2025, 10, 1), date(2025, 10, 31))))
    far, near = await enrol(h, worker, 2)
    await pay(h, bank, worker, far, at(2025, 10, 6), 6)
    await buy(bank, near)
    h.clock.set(at(2025, 10, 20))
    await renew(h, wadah, SPRING, follows_on=date(2025, 10, 31))
    await run(h, ContributionMonth(2025, 10))
    october = await statement(h, worker, "2025-10")
    assert october["received"] == MONTH * (1 + 3) + MONTH  # October, January to March; the other's October
    ks = [(month, k) for month, k, _ in await paid_at(h, worker, "2025-10")]
    assert ks == [("2025-10", 1), ("2026-01", 2), ("2026-02", 3), ("2026-03", 4), ("2025-10", 1)]
    await pay(h, bank, worker, near, at(2025, 11, 20))
    await run(h, ContributionMonth(2025, 12))
    found = [await statement(h, worker, month) for month in ("2025-11", "2025-12")]
    assert [(one["agent"], one["adjusted"], one["without_agreement"], one["agreement"]) for one in found] == [
        (0, 0, True, 1)
    ] * 2
    assert [one["months_without"] for one in found] == [0, 0]
    whole = await wadah_statement(h, worker, "2025-11")
    assert (whole["without_agreement"], whole["monthly_target"], whole["payout"]) == (True, None, 0)
    path = f"/incentives/agents/{worker.agent_id}/statements/2025-11/document.pdf"
    pdf = await h.client.get(path, headers=worker.token(h))
    text = " ".join("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages).split())
    assert "Tidak ada PKS yang berlaku" in text
    await pay(h, bank, worker, near, at(2026, 1, 10))
    await run(h, ContributionMonth(2026, 1))
    january = await statement(h, worker, "2026-01")
    # December's arrears were the branch's to look after; January is the other's second month
    assert (january["received"], january["without_agreement"], january["agreement"]) == (MONTH, False, 2)
    assert await paid_at(h, worker, "2026-01") == [("2026-01", 2, 1_500)]


async def test_a_renewal_that_is_told_late_makes_up_for_the_months_that_were_closed_without_it(
    h: Harness, bank: Bank
) -> None:
    worker = await hire(h, wadah := await engage(h, term=(date(2025, 10, 1), date(2025, 10, 31))))
    prepaid, monthly = await enrol(h, worker, 2)
    await pay(h, bank, worker, prepaid, at(2025, 10, 6), 3)
    await buy(bank, monthly)
    await run(h, ContributionMonth(2025, 10))
    assert (await statement(h, worker, "2025-10"))["received"] == 2 * MONTH  # ended by then, and nobody said more
    await pay(h, bank, worker, monthly, at(2025, 11, 10))
    await run(h, ContributionMonth(2025, 11))
    assert (await statement(h, worker, "2025-11"))["without_agreement"]
    h.clock.set(at(2025, 12, 20))
    await renew(h, wadah, (date(2025, 11, 1), date(2026, 10, 31)))
    await run(h, ContributionMonth(2025, 12))
    one = MONTH * 15 // 100
    assert await adjusted(h, worker, "2025-12") == [("2025-10", 2 * one, 4 * one), ("2025-11", 0, one)]
    assert (await wadah_statement(h, worker, "2025-12"))["payout"] == 3 * one * 11 // 10
    await run(h, ContributionMonth(2026, 1))
    assert await adjusted(h, worker, "2026-01") == []


async def test_a_gap_that_becomes_known_takes_back_what_was_prepaid_for_it(h: Harness, bank: Bank) -> None:
    """While the agreement ran, it might have been renewed from its last day on."""
    worker = await hire(h, wadah := await engage(h, term=(date(2025, 10, 1), date(2025, 11, 30))))
    (who,) = await enrol(h, worker, 1)
    await pay(h, bank, worker, who, at(2025, 10, 6), 6)
    await run(h, ContributionMonth(2025, 10))
    assert (await statement(h, worker, "2025-10"))["received"] == 6 * MONTH
    h.clock.set(at(2025, 11, 20))
    await renew(h, wadah, (date(2026, 2, 10), date(2026, 12, 31)), follows_on=date(2025, 11, 30))
    await run(h, ContributionMonth(2025, 11))
    one = MONTH * 15 // 100
    assert await adjusted(h, worker, "2025-11") == [("2025-10", 6 * one, 4 * one)]  # October, November, February, March


async def test_an_end_takes_the_agreement_that_was_to_follow_with_it(h: Harness, bank: Bank) -> None:
    worker = await hire(h, wadah := await engage(h, term=AUTUMN))
    (who,) = await enrol(h, worker, 1)
    await pay(h, bank, worker, who, at(2025, 10, 6), 6)
    await renew(h, wadah, SPRING)
    await run(h, ContributionMonth(2025, 10))
    h.clock.set(at(2025, 11, 20))
    await end(h, wadah, date(2025, 11, 15))
    await run(h, ContributionMonth(2025, 11))
    one = MONTH * 15 // 100
    assert await adjusted(h, worker, "2025-11") == [("2025-10", 6 * one, 2 * one)]
    await run(h, ContributionMonth(2026, 1))
    assert (await statement(h, worker, "2026-01"))["without_agreement"]


@pytest.mark.parametrize("closed", [1, 2])
async def test_an_agreement_that_is_told_of_after_its_agents_month_was_closed_leaves_no_month_unpaid(
    h: Harness, bank: Bank, closed: int
) -> None:
    """Agents and Wadah are other keys: one may be parked while the other is told of. The months come as adjustments of the next run."""
    other = await hire(h, await engage(h))
    wadah = other.scope._replace(wadah_id=WadahId(other.participant_id), agent_id=None)
    late = await hire(h, wadah)
    await acquire(h, bank, late, 25)
    await run(h, ContributionMonth(2025, 10))
    for n in range(1, closed):
        await run(h, ContributionMonth(2025, 10 + n))
    assert wadah.wadah_id is not None
    h.clock.set(at(2025, 10 + closed, 20))
    told = engaged(wadah_id=WadahId(wadah.wadah_id), scheme=NEW, term=(date(2025, 10, 1), date(2026, 9, 30)))
    await h.deliver(h.record(told, key=wadah.wadah_id, scope=wadah))
    last = f"2025-{10 + closed}"
    await run(h, ContributionMonth(2025, 10 + closed))
    october = 25 * 15_000 + 25 * MONTH * 15 // 100
    assert await adjusted(h, late, last) == [("2025-10", 0, october)]
    assert (await wadah_statement(h, late, last))["payout"] == october * 11 // 10
    await run(h, ContributionMonth(2025, 11 + closed) if closed == 1 else ContributionMonth(2026, 1))


async def test_a_target_is_counted_anew_under_the_next_agreement(h: Harness) -> None:
    """Three full months below it end an agreement; two of one and one of the next do not."""
    worker = await hire(h, wadah := await engage(h, target=2, term=(date(2025, 10, 15), date(2025, 12, 31))))
    await renew(h, wadah, SPRING, target=5)
    await run(h, ContributionMonth(2026, 3))
    months = ("2025-11", "2025-12", "2026-01", "2026-02", "2026-03")
    found = [await wadah_statement(h, worker, month) for month in months]
    told: list[tuple[Any, ...]] = [(one["monthly_target"], one["months_below"], one["end_due"]) for one in found]
    assert told == [(2, 1, False), (2, 2, False), (5, 1, False), (5, 2, False), (5, 3, True)]


async def test_a_payout_that_waits_is_listed_once_however_many_agreements_there_are(h: Harness, bank: Bank) -> None:
    worker = await hire(h, wadah := await engage(h, term=AUTUMN))
    await renew(h, wadah, SPRING)
    await acquire(h, bank, worker, 1)
    await run(h, ContributionMonth(2025, 10))
    found = (
        await h.client.get("/incentives/payouts", headers=h.token(roles=["coordinator"], wadah_id=wadah.wadah_id))
    ).json()["items"]
    assert [(one["month"], one["agreement_number"]) for one in found] == [
        ("2025-10", f"PKS/{str(wadah.wadah_id)[-6:]}")
    ]


class History:
    """Payments, changes of managers, renewals and ends at random, through the doors; and what a clerk has to know of them."""

    def __init__(self, h: Harness, bank: Bank, seed: int) -> None:
        self.h, self.bank, self.dice = h, bank, Random(seed)
        self.signed = [clerk.Signed(date(2025, 10, 1), date(2025, 11, 30), clerk.NEW)]
        self.workers: list[Worker] = []
        self.people: dict[UUID, Somebody] = {}
        self.files: dict[UUID, clerk.Person] = {}
        self.month = ContributionMonth(2025, 10)
        self.done: set[str] = set()

    async def begin(self) -> None:
        wadah = await engage(self.h, term=(self.signed[0].first, self.signed[0].last))
        self.workers = [await hire(self.h, wadah) for _ in range(2)]
        for n in range(5):
            worker = self.workers[n % 2]
            (who,) = await enrol(self.h, worker, 1)
            self.people[who.participant_id], self.files[who.participant_id] = who, clerk.Person(worker.agent_id)
            await self.pay(who)

    async def step(self) -> None:
        who = self.dice.choice([*self.people.values()])
        what = self.dice.choice(["pay"] * 6 + ["agent", "renew", "renew", "end"])
        match what:
            case "pay":
                await self.pay(who)
            case "agent":
                agent = self.dice.choice([*(worker.agent_id for worker in self.workers), None])
                wadah_id = self.workers[0].scope.wadah_id if agent else None
                of_agent = None if wadah_id is None else WadahId(wadah_id)
                await reassign(self.h, who, agent, str(self.month + 1), of_agent)
                self.files[who.participant_id].decisions.append((self.month + 1, agent))
            case "renew":
                what = await self.renew()
            case "end":
                what = await self.end()
        self.done.add(what)

    async def pay(self, who: Somebody) -> None:
        wanted = {"participant_id": str(who.participant_id), "months": self.dice.choice([1, 2, 3, 6])}
        await self.h.client.post("/bills", json=wanted, headers=officer(self.h))
        self.bank.token = (await self.bank.ask_token()).json()["accessToken"]
        quoted = (await self.bank.inquire(who.code, request := f"H-{self.dice.random()}")).json()
        if quoted["responseCode"] == "2002400":
            answer = await self.bank.pay(who.code, quoted["virtualAccountData"]["totalAmount"]["value"], request)
            assert code(answer) == "2002500", answer.text

    async def renew(self) -> str:
        """From the day after the last day, or later; of late, too, but not further ahead than half a year."""
        last, today = self.signed[-1].last, self.h.clock.business().date()
        if last > today + timedelta(days=180):
            return "no need"
        first = last + timedelta(days=1 + self.dice.choice([0, 0, 20, 50]))
        scheme = self.dice.choice([NEW, OLD])
        term = (first, first + timedelta(days=self.dice.choice([25, 60, 120])))
        await renew(self.h, self.workers[0].scope, term, agreement=len(self.signed) + 1, scheme=scheme, follows_on=last)
        self.signed.append(clerk.Signed(*term, clerk.NEW if scheme is NEW else clerk.OLD))
        return "renewed late" if first < today.replace(day=1) else "renewed"

    async def end(self) -> str:
        """Of an agreement that runs, as registration would allow it; told up to three weeks late."""
        on = self.h.clock.business().date() - timedelta(days=self.dice.choice([0, 0, 21]))
        begun = [signed for signed in self.signed if signed.first <= signed.last and signed.first <= on]
        if not begun or begun[-1].last < on or len(begun) < 2:
            return "no end"
        await end(self.h, self.workers[0].scope, on)
        for signed in self.signed:
            signed.last = min(signed.last, on)
        return "ended"

    async def close(self) -> None:
        self.month += 1
        await close_month(self.h, at(self.month.year, self.month.month, 3, 0))

    async def as_the_clerk_reads_it(self) -> list[clerk.Payment]:
        """What stands, at the table's price; from April to December 2026 less half of JKK and JKM if it was billed under the law of 22
        December 2025."""
        found = list[clerk.Payment]()
        for key, who in self.people.items():
            for one in await payments(self.h, who):
                months = [ContributionMonth.parse(month["month"]) for month in one["months"]]
                paid_at = datetime.fromisoformat(one["effective_at"])
                law = paid_at >= at(2025, 12, 22, 0)
                costs = [(m, HALF if law and "2026-04" <= str(m) <= "2026-12" else MONTH, True) for m in months]
                kind = one["kind"]
                found.append(clerk.Payment(key, paid_at, costs, kind == "FIRST", kind == "REACTIVATION"))
        return found


@pytest.mark.parametrize("seed", [1, 2, 5])
async def test_over_any_history_of_agreements_all_runs_together_credit_what_the_clerk_computes(
    h: Harness, bank: Bank, seed: int
) -> None:
    history = History(h, bank, seed)
    await history.begin()
    for _ in range(5):
        for _ in range(7):
            await history.step()
            h.clock.set(h.clock.business() + timedelta(hours=50))
        await history.close()
    await history.close()
    stand, signed = await history.as_the_clerk_reads_it(), history.signed
    months = [ContributionMonth(2025, 10) + n for n in range(6)]
    read_on = date(history.month.year, history.month.month, 3)
    worth = {
        str(month): [
            clerk.earned(
                worker.agent_id,
                month,
                history.files,
                stand,
                clerk.NEW,
                himself=worker.participant_id,
                was_active=lambda _: True,
                agreements=signed,
                today=read_on,
            )
            for worker in history.workers
        ]
        for month in months
    }
    for n, worker in enumerate(history.workers):
        told = [await statement(h, worker, str(month)) for month in months]
        assert [one["without_agreement"] for one in told][-1] == (clerk.agreement_of(months[-1], signed) is None)
        standing = {one["month"]: (one["received"], one["agent"]) for one in told}
        standing |= {a["month"]: (a["received"], a["agent"]) for one in told for a in one["adjustments"]}
        assert standing == {month: (every[n].received, every[n].agent) for month, every in worth.items()}
        assert sum(one["agent"] + one["adjusted"] for one in told) == sum(every[n].agent for every in worth.values())
    whole = [await wadah_statement(h, history.workers[0], str(month)) for month in months]
    moved = sum(a["share"] - a["before"] for one in whole for a in one["adjustments"])
    schemes = {str(month): (clerk.agreement_of(month, signed) or signed[0]).scheme for month in months}
    shares = sum(clerk.of_wadah(worth[month], schemes[month]) for month in worth)
    assert sum(one["share"] for one in whole) + moved == shares
