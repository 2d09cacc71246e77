"""Two people decide about money in several processes at once: who approves, refuses, withdraws, confirms, and what the checker says of it all."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from chassis.batches import Broken
from tests.faults.checker import i5_money
from tests.faults.checker.facts import Facts, Planted
from tests.faults.checker.journal import Journal
from tests.faults.checker.receipts import folded, offences
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World
from tests.faults.evidence import Evidence, Violation
from tests.faults.stories.facts import wrong
from tests.integration.payments.test_suspense import head, officer
from tests.support.service import Harness

DONE = "done"


class Office:
    """People of one branch, each request of theirs at another process; no two approvers are one person. `decided`: how often each proposal was."""

    def __init__(self, hs: Sequence[Harness]) -> None:
        self._turn, self._heads = itertools.cycle(hs), itertools.count(1)
        self.decided: Counter[str] = Counter()

    @property
    def process(self) -> Harness:
        """Whose turn it is."""
        return next(self._turn)

    async def approve(self, proposal: str) -> str:
        return await self._decide(proposal, "approval")

    async def refuse(self, proposal: str) -> str:
        return await self._decide(proposal, "refusal", {"reason": "not_theirs"})

    async def withdraw(self, proposal: str) -> str:
        """By whoever made it."""
        h = self.process
        return self._noted(proposal, await h.client.post(f"/proposals/{proposal}/withdrawal", headers=officer(h)))

    async def confirm(self, order: str) -> str:
        h = self.process
        paid = {"partner": "bank-a", "paid_on": f"{h.clock.business():%Y-%m-%d}", "evidence": "mutasi 1"}
        return said(await h.client.post(f"/transfer-orders/{order}/confirmation", json=paid, headers=officer(h)))

    async def fail(self, order: str) -> str:
        h, why = self.process, {"reason": "account_closed"}
        return said(await h.client.post(f"/transfer-orders/{order}/failure", json=why, headers=officer(h)))

    async def _decide(self, proposal: str, how: str, body: Any = None) -> str:
        h, who = self.process, f"head-{next(self._heads)}"
        return self._noted(
            proposal, await h.client.post(f"/proposals/{proposal}/{how}", json=body, headers=head(h, who))
        )

    def _noted(self, proposal: str, response: httpx.Response) -> str:
        answer = said(response)
        self.decided[proposal] += answer == DONE
        return answer


def said(response: httpx.Response) -> str:
    """DONE, the code of the refusal, or the status of anything else."""
    if response.status_code < 300:
        return DONE
    return str(response.json()["code"]) if response.status_code < 500 else str(response.status_code)


async def judge(h: Harness, evidence: Evidence, answers: Sequence[str], decided: Mapping[str, int]) -> None:
    """The checker's own word on money and order; that everybody who asked was answered, and at most one of those who decided was told that he did."""
    world = World(_facts(h), Journal((), {}), Planted())
    money = Tally("I5")
    await i5_money.forward(world, money, i5_money.SERVICE)
    await i5_money.books(world, money)
    evidence.holds("I5", checked=money.checked, violations=money.first)
    fold = folded(await world.log(i5_money.SERVICE))
    astray: list[Violation] = [wrong("receipts", payment, "its amount, once", what) for payment, what in offences(fold)]
    evidence.holds("I3", checked=len(fold.receipts), violations=astray)
    unanswered = [wrong("answers", "", "an answer", one) for one in answers if one[:1] == "5" or one == Broken.__name__]
    twice = [wrong("answers", proposal, "one decision", number) for proposal, number in decided.items() if number > 1]
    evidence.holds("I1", checked=len(answers), violations=[*unanswered, *twice])
    outcome = await h.replay()
    differences = [wrong(one.table, one.key, "live", one.kind) for one in outcome.differences]
    evidence.holds("I7", checked=outcome.events, violations=differences)


def _facts(h: Harness) -> Facts:
    """One service and its database; nobody outside."""
    return Facts(
        databases={i5_money.SERVICE: h.app.settings.database_url},
        bootstrap="",
        prefix="",
        topics=(),
        dead_letters="",
        groups={},
        bank_url=None,
        acquirer_url=None,
        gateway_url=None,
        metrics_urls=(),
        files=(),
        master_keys={},
        replay={},
    )
