"""A random walk through the doors beside a clerk who writes everything down: after each step both have the same on every account.

What a step will be answered is said beforehand by the clerk: a refusal where he expects none is as wrong as an acceptance.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from chassis.timers import Timers
from contracts.values import WIB
from tests.integration.payments.bank import Bank
from tests.integration.payments.groups import accounts
from tests.integration.payments.test_suspense import account, head, officer, post
from tests.integration.payments.walks.clerk import PAYABLE, SUSPENSE, Case, Clerk, Order
from tests.support.service import Harness


class Walk:
    """`ACTS`: the name of a step → how often, in parts. `done`: what was done how often, as what it came to."""

    ACTS: ClassVar[Mapping[str, int]]
    CARRIED_OUT: ClassVar[float] = 0.6
    """The part of transfers that a bank carries out."""

    def __init__(self, h: Harness, bank: Bank, seed: int) -> None:
        self.h, self.bank, self.dice = h, bank, random.Random(seed)
        self.clerk, self.done = Clerk(), Counter[str]()
        self.last = "the beginning"
        self._numbers = itertools.count(1)
        self._payees: dict[str, str] = {}

    async def until(self, happened: Collection[str], *, least: int, most: int) -> None:
        """So many steps at least, and on until each of these was done: without it the walk shows nothing."""
        names, parts = [*self.ACTS], [*self.ACTS.values()]
        while self.done["steps"] < least or not all(self.done[name] for name in happened):
            assert self.done["steps"] < most, [name for name in happened if not self.done[name]]
            (self.last,) = self.dice.choices(names, parts)
            await getattr(self, self.last)()
            self.done["steps"] += 1
            await self.compare()

    async def compare(self) -> None:
        held = {name: -amount for name, amount in (await accounts(self.h)).items() if amount}
        wanted = {name: amount for name, amount in self.clerk.accounts.items() if amount}
        other = {
            name: (held.get(name), wanted.get(name)) for name in held | wanted if held.get(name) != wanted.get(name)
        }
        assert not other, f"after step {self.done['steps']}, {self.last} (books, clerk): {other}"

    def number(self) -> str:
        return f"N-{next(self._numbers)}"

    def perhaps(self, part: float) -> bool:
        return self.dice.random() < part

    async def fire(self, name: str) -> None:
        """One batch of what is due, as a timer's one turn."""
        (timer,) = [t for t in self.h.app.composition.timers if t.name == name]
        await Timers(self.h.app.engine, self.h.app.batches, self.h.clock, [timer], service="payments").fire(timer)

    # --- what two people decide ---------------------------------------------------------------------------------------

    async def proposed(self, action: str, key: str, *, may: bool, **more: Any) -> dict[str, Any] | None:
        """What came of a proposal; half of them are approved at once."""
        more = {name: value for name, value in more.items() if value is not None}
        body = {"action": action, "payment_id": key, "reason": "checked", "evidence": self.number(), **more}
        answer = await self.h.client.post("/proposals", json=body, headers=officer(self.h))
        assert answer.status_code == (201 if may else 409), (action, answer.text)
        self.done[f"{action} {'proposed' if may else 'refused'}"] += 1
        return dict(answer.json()) if may else None

    async def approved(self, proposal: Mapping[str, Any], *, may: bool) -> dict[str, Any] | None:
        path = f"/proposals/{proposal['proposal_id']}/approval"
        answer = await self.h.client.post(path, headers=head(self.h))
        assert answer.status_code == (200 if may else 409), answer.text
        return dict(answer.json()) if may else None

    async def payee(self, kind: str = "PAYER", owner: str | None = None) -> str:
        name = f"{kind}:{owner}"
        if name not in self._payees:
            self._payees[name] = await account(self.h, kind, owner)
        return self._payees[name]

    # --- money that waits ---------------------------------------------------------------------------------------------

    def waiting(self) -> Case | None:
        """Some money of which something waits; of one that waits no more now and then."""
        found = [case for case in self.clerk.cases if case.held or self.perhaps(0.05)]
        return self.dice.choice(found) if found else None

    def part_of(self, case: Case) -> int:
        """All of it, some of it, or more than there is."""
        return max(1, self.dice.choice([case.held, case.held, case.held // 3, case.held + 1]))

    def free(self, case: Case, amount: int) -> bool:
        return 0 < amount <= case.held and not (case.whole is not None and case.whole.taken_back)

    async def give_back(self) -> None:
        """Two people send money back to whoever paid it."""
        if (case := self.waiting()) is None:
            return
        amount = self.part_of(case)
        may = self.free(case, amount)
        made = await self.proposed("RETURN", case.key, may=may, amount=amount, payee_account_id=await self.payee())
        if made is not None and (order := await self.approved(made, may=True)) is not None:
            self.clerk.use(case, PAYABLE, amount)
            self.clerk.orders.append(Order(order["order_id"], amount, case))
            self.done["returned"] += 1

    async def assign(self) -> None:
        """The partner keeps it for its fees."""
        case = self.waiting()
        if case is None or case.partner == "agent-balance":
            return
        amount, fees = self.part_of(case), f"fees:{case.partner}"
        may = self.free(case, amount)
        made = await self.proposed("ASSIGN", case.key, may=may, amount=amount, account=fees)
        if made is not None and await self.approved(made, may=True):
            self.clerk.use(case, fees, amount)
            self.done["assigned"] += 1

    # --- money that leaves --------------------------------------------------------------------------------------------

    async def a_transfer_ends(self) -> None:
        """Carried out by a bank, or not."""
        if not self.clerk.orders:
            return
        order, paid = self.dice.choice(self.clerk.orders), self.perhaps(self.CARRIED_OUT)
        path = f"/transfer-orders/{order.key}"
        if paid:
            told = {"partner": "bank-a", "paid_on": self.on_day(), "evidence": self.number()}
            await post(self.h, f"{path}/confirmation", told, officer(self.h), 200)
            self.clerk.confirm(order, "bank-a")
        else:
            await post(self.h, f"{path}/failure", {"reason": "account_closed"}, officer(self.h), 200)
            self.clerk.fail(order)
        again = await self.h.client.post(f"{path}/failure", json={"reason": "x"}, headers=officer(self.h))
        assert again.status_code == 409, again.text  # what has ended, ends once
        self.done["transfer confirmed" if paid else "transfer failed"] += 1

    def on_day(self) -> str:
        return f"{self.h.clock.business().astimezone(WIB):%Y-%m-%d}"

    def held(self) -> int:
        return -self.clerk.accounts[SUSPENSE]
