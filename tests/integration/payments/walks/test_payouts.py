"""Statements, claw-backs, tax, and payouts that are ordered, fail, are ordered again and confirmed, in any order: what a month cost is owed and
leaves once.

The clerk computes every month anew from the payments that stand (domain.md section 7): 15% of what came, the Wadah's 10% on top of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import ContributionMonth, PaymentId
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.incentive_doors import enrol, statement, wadah_statement
from tests.integration.payments.people import Somebody, refuse
from tests.integration.payments.test_incentive_payouts import account
from tests.integration.payments.test_parameters import enact
from tests.integration.payments.walks.clerk import SUSPENSE, Order
from tests.integration.payments.walks.walk import Walk
from tests.support.service import Harness

PARTNER, LAST = "bank-a", ContributionMonth(2026, 3)
HAPPENED = (
    "paid",
    "taken back",
    "closed",
    "taxed",
    "clawed back",
    "ordered",
    "ordered again",
    "transfer confirmed",
    "transfer failed",
)
EXPENSE, TAX = "incentive-expense", "tax-withheld"


@dataclass(eq=False)
class Paid:
    """A payment that stands. `month`: in which it came."""

    key: str
    who: Somebody
    agent: int
    month: ContributionMonth
    parts: dict[str, int]

    @property
    def amount(self) -> int:
        return sum(self.parts.values())


@dataclass
class Credited:
    """What was said for each month so far, and what is carried (zero or below)."""

    months: dict[ContributionMonth, int] = field(default_factory=dict)
    carried: int = 0

    def close(self, now: Mapping[ContributionMonth, int]) -> int:
        """What is payable once every month is worth what it is worth `now`."""
        total = sum(now.values()) - sum(self.months.values()) + self.carried
        self.months, self.carried = dict(now), min(total, 0)
        return max(total, 0)


class Payouts(Walk):
    ACTS: ClassVar[Mapping[str, int]] = {
        "enrolled": 4, "pays": 10, "taken_back": 4, "month_closes": 2, "orders": 5, "a_transfer_ends": 5, "tax_is_enacted": 1,
    }  # fmt: skip

    CARRIED_OUT = 0.35

    def __init__(self, h: Harness, bank: Bank, seed: int) -> None:
        super().__init__(h, bank, seed)
        self.month = ContributionMonth(2025, 10)
        self.workers: list[Worker] = []
        self.people: list[tuple[Somebody, int]] = []
        self.paid: list[Paid] = []
        self.agents = [Credited(), Credited()]
        self.share = Credited()
        self.tax_bps, self.tax_from = 0, ContributionMonth(2099, 1)
        self.closed: list[ContributionMonth] = []
        self.known: set[str] = set()

    async def begin(self) -> None:
        wadah = await engage(self.h)
        self.workers = [await hire(self.h, wadah) for _ in range(2)]
        await account(self.h, self.workers[0])
        for _ in range(4):
            await self.enrolled()

    async def enrolled(self) -> None:
        agent = self.dice.randrange(2)
        (who,) = await enrol(self.h, self.workers[agent], 1, expires_at=at(2027, 1, 1))
        self.people.append((who, agent))

    async def pays(self) -> None:
        """What is owed by now, of however many months."""
        who, agent = self.dice.choice(self.people)
        asked = code(await self.bank.inquire(who.code))
        assert asked in ("2002400", "4042414"), asked
        if asked != "2002400":
            return
        answer = await self.bank.buy(who.code)
        assert code(answer) == "2002500", answer.text
        key = answer.json()["virtualAccountData"]["billDetails"][0]["billerReferenceId"]
        shown = (
            await self.h.client.get(f"/payments?participant_id={who.participant_id}", headers=self.auditor())
        ).json()
        (found,) = [one for one in shown if one["payment_id"] == key]
        parts = {part: sum(month[part] for month in found["months"]) for part in ("jkk", "jkm", "jht")}
        made = Paid(key, who, agent, self.month, parts)
        assert made.amount == found["amount"] > 0
        for part, amount in parts.items():
            self.clerk.move(f"clearing:{PARTNER}", f"contributions:{part}", amount)
        self.paid.append(made)
        self.done["paid"] += 1

    def auditor(self) -> dict[str, str]:
        return self.h.token(roles=["auditor"])

    async def taken_back(self) -> None:
        """Registration protects nobody for it: no month is worth it any more."""
        if not self.paid:
            return
        gone = self.dice.choice(self.paid)
        await refuse(self.h, gone.who, PaymentId(UUID(gone.key)), RefusalReason.REACTIVATED_MEANWHILE)
        self.paid.remove(gone)
        for part, amount in gone.parts.items():
            self.clerk.move(f"contributions:{part}", SUSPENSE, amount)
        self.done["taken back"] += 1

    def worth(self, agent: int) -> dict[ContributionMonth, int]:
        months = [*self.closed, self.month]
        return {m: sum(p.amount for p in self.paid if p.agent == agent and p.month == m) * 15 // 100 for m in months}

    async def month_closes(self) -> None:
        """On the 3rd of the month after: what is payable to each agent and to the Wadah, with what earlier months are worth by now."""
        if self.month >= LAST:
            return
        worth, following = [self.worth(0), self.worth(1)], self.month + 1
        await close_month(self.h, at(following.year, following.month, 3, 0))
        payable = [credited.close(now) for credited, now in zip(self.agents, worth, strict=True)]
        share = self.share.close({m: (worth[0][m] + worth[1][m]) // 10 for m in worth[0]})
        gross = sum(payable) + share
        tax = gross * (self.tax_bps if following >= self.tax_from else 0) // 10_000
        for worker, amount, credited in zip(self.workers, payable, self.agents, strict=True):
            told = await statement(self.h, worker, str(self.month))
            assert (told["payable"], told["carried_out"]) == (amount, credited.carried)
            self.done["clawed back"] += told["adjusted"] < 0
        whole = await wadah_statement(self.h, self.workers[0], str(self.month))
        assert (whole["gross"], whole["tax"], whole["payout"]) == (gross, tax, gross - tax)
        self.clerk.move(EXPENSE, self.owed(), gross)
        self.clerk.move(self.owed(), TAX, tax)
        self.closed.append(self.month)
        self.month = following
        self.h.clock.set(at(following.year, following.month, 4, 1))
        self.bank.token = (await self.bank.ask_token()).json()["accessToken"]
        self.done["closed"] += 1
        self.done["taxed"] += tax > 0

    def owed(self) -> str:
        return f"incentives-payable:{self.workers[0].scope.wadah_id}"

    async def orders(self) -> None:
        """The timers order what is owed of every month, and again what failed."""
        self.h.clock.set(self.h.clock.business() + _HOURS)
        for timer in ("incentive-orders", "incentive-payouts"):
            await self.h.due(timer)
        for month in self.closed:
            told = await wadah_statement(self.h, self.workers[0], str(month))
            if told["order_id"] is None or told["order_id"] in self.known:
                continue
            self.done["ordered again" if str(month) in self.known else "ordered"] += 1
            self.known |= {told["order_id"], str(month)}
            self.clerk.orders.append(Order(told["order_id"], told["payout"], None, account=self.owed()))

    async def tax_is_enacted(self) -> None:
        """By two people, for the months that are not closed yet."""
        if not self.closed or self.tax_bps:
            return
        first = self.month + 1
        value: dict[str, Any] = {"valid_from": f"{first}-01", "source": "PMK contoh", "value": {"bps": 200}}
        await enact(self.h, "tax_bps", value)
        self.tax_bps, self.tax_from = 200, first


_HOURS = timedelta(hours=4)
SEED, LEAST, MOST = 1, 100, 600


@pytest.mark.timeout(600)
async def test_what_a_month_cost_is_owed_and_leaves_once(h: Harness, bank: Bank) -> None:
    walk = Payouts(h, bank, SEED)
    await walk.begin()
    await walk.until(HAPPENED, least=LEAST, most=MOST)
