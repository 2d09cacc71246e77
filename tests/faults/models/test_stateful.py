"""Thousands of random steps through the doors, against a ledger kept in a dict: no step makes, loses or doubles a rupiah, and an Idempotency-Key
means one command for ever.

The dict learns from answers alone: a reference that was answered with success stands with its amount, every other one stands for nothing.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from chassis.ids import new_id
from chassis.transaction import Meta
from contracts.events.participants import ProtectionRefused, RefusalReason
from contracts.values import PaymentId
from services.payments.app import SERVICE
from services.payments.commands.bills import IssueBill, IssueBills
from services.payments.parameters import Fixed
from services.payments.timers import EXPIRE
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd, refused
from tests.faults.stories import money
from tests.faults.stories.facts import wrong
from tests.faults.threats.served import served
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import SCOPE, Somebody, register
from tests.integration.registration.world import Headers, World, form
from tests.support.service import Harness, harness
from tests.support.stack import Stack

PRICE, POSTED, POSTED_BEFORE, OTHER_AMOUNT, UNKNOWN = 36_800, "2002500", "4042518", "4042513", "4042512"
LOOK_EVERY, TOGETHER = 250, 8
RARE = {"refuse_protection": 0.04, "replace_bill": 0.06, "pass_time": 0.02, "newcomer": 0.06}


@dataclass
class Walk:
    """`stands`: reference → rupiah, of every payment that was answered with success; `payer`: who it was for."""

    h: Harness
    bank: Bank
    chance: random.Random
    people: list[Somebody] = field(default_factory=list)
    stands: dict[str, int] = field(default_factory=dict)
    payer: dict[str, Somebody] = field(default_factory=dict)
    found: list[Violation] = field(default_factory=list)
    steps: int = 0

    async def some(self) -> None:
        """One rare step, or several payments of different people at once."""
        dice = self.chance.random()
        for name, part in RARE.items():
            dice -= part
            if dice < 0:
                await getattr(self, name)()
                self.steps += 1
                return
        payers = self.chance.sample(self.people, min(TOGETHER, len(self.people)))
        await asyncio.gather(*(self._call(who) for who in payers))
        self.steps += len(payers)

    async def _call(self, who: Somebody) -> None:
        """Pays anew, or says an old payment again, as it was or with another amount or for somebody else."""
        old = [reference for reference, payer in self.payer.items() if payer == who]
        kind = self.chance.choice(["new", "new", "again", "changed", "foreign"]) if old else "new"
        if kind == "new":
            await self._pay(who, f"REF-{new_id()}", PRICE * self.chance.choice([1, 1, 1, 2, 3]))
            return
        reference = self.chance.choice(old)
        amount = self.stands[reference] + (PRICE if kind == "changed" else 0)
        other = self.chance.choice([one for one in self.people if one != who]) if kind == "foreign" else who
        answer = code(await self.bank.pay(other.code, amount, reference))
        allowed = {"again": {POSTED, POSTED_BEFORE}, "changed": {OTHER_AMOUNT}, "foreign": {UNKNOWN}}[kind]
        if answer not in allowed:
            self.found.append(wrong("payments-api", f"{kind} of a known reference", sorted(allowed), answer))

    async def _pay(self, who: Somebody, reference: str, amount: int) -> None:
        if code(await self.bank.pay(who.code, amount, reference)) == POSTED:
            self.stands[reference], self.payer[reference] = amount, who

    async def newcomer(self) -> None:
        self.people.append(await register(self.h))

    async def replace_bill(self) -> None:
        """The officer issues a bill of other months, where the payer may have one."""
        who, months = self.chance.choice(self.people), self.chance.choice([1, 2, 3])
        await self.h.run(IssueBills(Fixed()), [IssueBill(who.participant_id, months, Meta("officer-1", new_id()))])

    async def refuse_protection(self) -> None:
        """Registration refuses what was paid last: the money moves to suspense, and stands there."""
        rows = [e.event for e in await self.h.events("contributions") if e.event.type == "ContributionPaid"]
        if not rows:
            return
        paid = self.chance.choice(rows)
        payer: object = paid.participant_id  # type: ignore[attr-defined]
        told = ProtectionRefused(
            participant_id=payer,  # type: ignore[arg-type]
            payment_id=PaymentId(paid.payment_id),  # type: ignore[attr-defined]
            reason=RefusalReason.NIK_TAKEN,
        )
        await self.h.deliver(self.h.record(told, key=str(payer), scope=SCOPE))

    async def pass_time(self) -> None:
        """Bills expire; the bank needs a new token."""
        self.h.pass_time(days=self.chance.choice([3, 20, 31]))
        await self.h.due(EXPIRE)
        self.bank.token = (await self.bank.ask_token()).json()["accessToken"]

    async def look(self) -> None:
        """The books against the dict, and the ledger against itself."""
        books = await money.booked(self.h)
        self.found += [
            wrong("receipts", reference, self.stands.get(reference, 0), books.get(reference, 0))
            for reference in self.stands.keys() | books.keys()
            if self.stands.get(reference, 0) != books.get(reference, 0)
        ]
        self.found += await money.unbalanced(self.h)


@pytest.mark.timeout(7_200)
@pytest.mark.cell("model.stateful", fault="stateful", service="payments")
async def test_no_order_of_steps_makes_or_loses_money(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    wanted: int = scale(test=4_000, long=80_000)
    async with harness(SERVICE, stack) as h:
        walk = Walk(h, await Bank(h).enable(), random.Random(seed))
        walk.people = [await register(h) for _ in range(2 * TOGETHER)]
        looked = 0
        while walk.steps < wanted and not walk.found:
            await walk.some()
            if walk.steps - looked >= LOOK_EVERY:
                looked = walk.steps
                await walk.look()
        await walk.look()
        turns, out_of_turn = await money.out_of_turn(h)
        evidence.fired(walk.steps, of=walk.steps, unit="request")
        evidence.holds("I3", checked=len(walk.stands), violations=[*walk.found, *await money.paid_twice(h)])
        evidence.holds("I5", checked=turns, violations=out_of_turn)


@pytest.mark.timeout(7_200)
@pytest.mark.cell("model.stateful", fault="stateful", service="registration")
async def test_a_key_is_one_command_for_ever(stack: Stack, evidence: Evidence, seed: int, scale: Scale) -> None:
    """New commands, repeats, repeats of another body, and copies at once, in any order and hours apart."""
    wanted, chance, steps = scale(test=1_000, long=20_000), random.Random(seed), 0
    known: list[tuple[str, dict[str, object], tuple[int, bytes]]] = []
    found: list[Violation] = []
    async with served("registration", stack) as h:
        world = await World.opened(h)
        while steps < wanted:
            kind = chance.choice(["new", "copies", "again", "changed", "later"]) if known else "new"
            if kind in ("new", "copies"):
                headers, person = world.agent(), form(**chance.choice([{}, {}, {}, {"phone": "12"}]))
                several = [world.register(person, headers) for _ in range(1 if kind == "new" else TOGETHER)]
                answers = {(a.status_code, a.content) for a in await asyncio.gather(*several)}
                known.append((headers["Idempotency-Key"], person, next(iter(answers))))
                found += [] if len(answers) == 1 else [odd("copies", "", "one answer", len(answers))]
                steps += len(several)
                continue
            key, person, first = chance.choice(known)
            if kind == "later":
                h.pass_time(minutes=chance.randrange(1, 90))
            again: Headers = {**world.agent(), "Idempotency-Key": key}
            steps += 1
            if kind == "changed":
                answer = await world.register({**person, "work_place": f"Pasar {chance.random()}"}, again)
                found += refused("other body", answer, 422, "key_reused")
                continue
            answer = await world.register(person, again)
            found += [] if (answer.status_code, answer.content) == first else [odd("again", "", "the first", "another")]
        made = sum(status == 201 for _, _, (status, _) in known)
        logged = [e for e in await h.events("participants") if e.event.type == "ParticipantRegistered"]
    others = 1  # the agent is a participant
    if len(logged) != made + others:
        found.append(wrong("participants", "", made + others, len(logged)))
    evidence.fired(steps, of=steps, unit="request")
    evidence.holds("I1", checked=len(known), violations=found)
