"""S13: of decisions that race for the same money one is carried out, whoever approves, refuses, withdraws or takes the payment back beside it.

Others post both of two racing reversals (open-bank-oss #528). The checker's own program judges: money left at most once, and the books balance.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from contracts.events.participants import ParticipationClosed, ProtectionRefused, RefusalReason
from contracts.values import PaymentId
from deploy.local.places import PROJECT
from services.payments.app import SERVICE
from tests.faults.evidence import Evidence, Scale
from tests.faults.stories.approving import DONE, Office, judge, said
from tests.faults.stories.crowd import processes
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import agent
from tests.integration.payments.people import SCOPE, Somebody, register
from tests.integration.payments.test_balances import charge
from tests.integration.payments.test_suspense import (
    account,
    approve,
    head,
    in_suspense,
    officer,
    open_bill,
    post,
    propose,
)
from tests.integration.payments.test_withdrawals import deposited, theirs
from tests.integration.payments.test_withdrawals import propose as propose_withdrawal
from tests.support.service import Harness, harness
from tests.support.stack import Stack

PROCESSES, PRICE = 4, 36_800
NOBODY, ASTRAY = "9999999999999", 40_000
Racer = Coroutine[Any, Any, str]


@dataclass
class Course:
    """What the races of one run share. `answers`: of everybody who asked for something."""

    h: Harness
    bank: Bank
    office: Office
    chance: random.Random
    payee: str
    answers: list[str] = field(default_factory=list)

    async def race(self, *racers: Racer) -> None:
        """All at once, in an order of the seed."""
        shuffled = self.chance.sample(racers, len(racers))
        self.answers += await asyncio.gather(*shuffled)

    async def deliver(self, record: Any) -> str:
        (outcome,) = await self.office.process.deliver(record)
        return type(outcome).__name__

    async def close_orders(self) -> None:
        """Every order that was given is confirmed by some and failed by others at the same instant."""
        async with self.h.app.read() as conn:
            found = await conn.execute(sa.text("SELECT order_id FROM transfer_orders WHERE status = 'ORDERED'"))
            orders = [str(row.order_id) for row in found]
        await self.race(
            *(self.office.confirm(order) for order in orders for _ in range(3)),
            *(self.office.fail(order) for order in orders for _ in range(3)),
        )


async def returns(course: Course, number: int) -> None:
    """Money of nobody is sent back by two and given to a payer by a third, while one is withdrawn by its maker and another refused."""
    h, office = course.h, course.office
    payment, who = await in_suspense(h, NOBODY, ASTRAY, f"RETURN-{number}"), await register(h)
    bill = (await open_bill(h, who))["bill_id"]
    one, two = [await _proposed(h, "RETURN", payment, payee_account_id=course.payee) for _ in range(2)]
    match = await _proposed(h, "MATCH", payment, participant_id=str(who.participant_id), bill_id=bill, amount=PRICE)
    await course.race(
        *(office.approve(proposal) for proposal in (one, two, match) for _ in range(3)),
        *(office.withdraw(one) for _ in range(2)),
        *(office.refuse(two) for _ in range(2)),
    )
    await course.close_orders()


async def withdrawals(course: Course, number: int) -> None:
    """Twice a month's price in an agent's balance, wanted by three withdrawals and two first payments."""
    h, office = course.h, course.office
    (stands,) = (await h.client.get("/agent-balances", headers=agent(h))).json()
    if (missing := 2 * PRICE - stands["balance"]) > 0:  # what failed to leave is there again
        assert code(await course.bank.pay(stands["code"], missing, f"DEPOSIT-{number}")) == "2002500"
    people = [await register(h) for _ in range(2)]
    proposals = [str((await propose_withdrawal(h, course.payee, PRICE))["proposal_id"]) for _ in range(3)]

    async def charged(who: Somebody) -> str:
        return said(await charge(office.process, who))

    await course.race(
        *(office.approve(proposal) for proposal in proposals for _ in range(2)),
        *(charged(who) for who in people for _ in range(2)),
        office.withdraw(proposals[0]),
        office.refuse(proposals[1]),
    )
    await course.close_orders()


async def refunds(course: Course, number: int) -> None:
    """Half a year was paid ahead: the payment is voided by two while the payer's death gives months back; what is owed then, two want to send."""
    h, office, who = course.h, course.office, await register(course.h)
    await post(h, "/bills", {"participant_id": str(who.participant_id), "months": 6}, officer(h), 201)
    assert code(await course.bank.buy(who.code)) == "2002500"
    payment = await _payment_of(h, who)
    died = ParticipationClosed(participant_id=who.participant_id, spell=1, died_on=date(2025, 12, 3))
    record = h.record(died, key=who.participant_id, scope=SCOPE, seq=2)
    voids = [await _proposed(h, "VOID", payment, evidence="files of two days") for _ in range(2)]
    await course.race(
        *(office.approve(proposal) for proposal in voids for _ in range(3)),
        *(course.deliver(record) for _ in range(4)),
        office.withdraw(voids[0]),
    )
    owed = [one for one in await _refunds(h) if one["payment_id"] == str(payment)]
    if owed:
        heirs = await account(h, "PARTICIPANT", who.participant_id)
        sent = [await _proposed(h, "REFUND", payment, payee_account_id=heirs) for _ in range(2)]
        await course.race(
            *(office.approve(proposal) for proposal in sent for _ in range(3)),
            office.withdraw(sent[0]),
            office.refuse(sent[1]),
        )
    await course.close_orders()


async def voids(course: Course, number: int) -> None:
    """The bank never had a receipt that was matched: two take it back with its payment; protection is refused and the rest sent back beside them."""
    h, office = course.h, course.office
    receipt, who = await in_suspense(h, NOBODY, ASTRAY, f"VOID-{number}"), await register(h)
    bill = (await open_bill(h, who))["bill_id"]
    match = await _proposed(h, "MATCH", receipt, participant_id=str(who.participant_id), bill_id=bill, amount=PRICE)
    await approve(h, {"proposal_id": match})
    payment = await _payment_of(h, who)
    refused = ProtectionRefused(
        participant_id=who.participant_id, payment_id=payment, reason=RefusalReason.REACTIVATED_MEANWHILE
    )
    record = h.record(refused, key=who.participant_id, scope=SCOPE, seq=2)
    both = [await _proposed(h, "VOID", receipt, evidence="files of two days") for _ in range(2)]
    rest = await _proposed(h, "RETURN", receipt, payee_account_id=course.payee)
    await course.race(
        *(office.approve(proposal) for proposal in (*both, rest) for _ in range(3)),
        *(course.deliver(record) for _ in range(4)),
        office.withdraw(both[1]),
    )
    await course.close_orders()


RACES: dict[str, Callable[[Course, int], Awaitable[None]]] = {
    "returns": returns,
    "withdrawals": withdrawals,
    "refunds": refunds,
    "voids": voids,
}


@pytest.mark.cell("story.S13", fault="S13", service="payments")
@pytest.mark.parametrize("race", RACES)
async def test_of_decisions_that_race_for_the_same_money_one_is_carried_out(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale, race: str
) -> None:
    rounds = scale(test=3, long=40)
    async with harness(SERVICE, stack, answer_budget_s=120.0) as h:
        bank = await Bank(h).enable()
        payee = await account(h)
        if race == "withdrawals":
            payee = await theirs(h, await deposited(h, bank, 1))
        async with processes(h, PROCESSES) as hs:
            course = Course(h, bank, Office(hs), random.Random(seed), payee)
            for number in range(rounds):
                await RACES[race](course, number)
        await judge(h, evidence, course.answers, course.office.decided)
    won = sum(course.office.decided.values())
    evidence.fired(min(won, rounds), of=rounds, unit="run")


@pytest.mark.cell("story.S13", fault="S13", service="payments")
@pytest.mark.parametrize("point", ["appended", "before_commit", "committed"])
async def test_approver_killed_between_decision_and_answer_has_carried_out_all_of_it_or_nothing(
    stack: Stack, evidence: Evidence, tmp_path: Path, point: str
) -> None:
    """Whoever was not answered asks again under the same key, and another approves beside him."""
    async with harness(SERVICE, stack) as h:
        await Bank(h).enable()
        payment = await in_suspense(h, NOBODY, ASTRAY)
        proposal, key = await _proposed(h, "RETURN", payment, payee_account_id=await account(h)), str(new_id())
        fired = await _killed(h, proposal, key, f"{point}:decide_proposals", tmp_path / "fired")
        office = Office([h])
        again = head(h) | {"Idempotency-Key": key}
        answers = [said(await h.client.post(f"/proposals/{proposal}/approval", headers=again)) for _ in range(2)]
        other = await office.approve(proposal)
        assert (answers, other) == ([DONE, DONE], "proposal_decided")
        await judge(h, evidence, [*answers, other], office.decided)
    evidence.fired(int(fired), of=1, unit="kill")


async def _killed(h: Harness, proposal: str, key: str, point: str, log: Path) -> bool:
    argv = [sys.executable, "-m", "tests.faults.stories.approver", h.app.settings.database_url, proposal, key]
    environ = os.environ | {"FAULT_AT": point, "FAULT_LOG": str(log)}
    process = await asyncio.create_subprocess_exec(*argv, cwd=PROJECT, env=environ)
    async with asyncio.timeout(90):
        code_ = await process.wait()
    return code_ == -signal.SIGKILL and log.read_text().startswith(f"fired {point} ")


async def _proposed(h: Harness, action: str, payment: object, **more: Any) -> str:
    return str((await propose(h, action, payment, **more))["proposal_id"])


async def _payment_of(h: Harness, who: Somebody) -> PaymentId:
    query = sa.text("SELECT payment_id FROM payments WHERE participant_id = :who")
    async with h.app.read() as conn:
        found = (await conn.execute(query, {"who": who.participant_id})).scalar_one()
    return PaymentId(found)


async def _refunds(h: Harness) -> list[Any]:
    found: list[Any] = (await h.client.get("/refunds", headers=officer(h))).json()["refunds"]
    return found
