"""S13: of racing payments, refusals of protection and replacements of one bill, one takes effect; the losers get an answer, never a 5xx.

Others post both of two racing reversals (open-bank-oss #528). Four processes, so that transactions race and not only queue.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.batches import Broken
from chassis.ids import new_id
from chassis.timers import Due
from chassis.transaction import Meta
from contracts.events.participants import ProtectionRefused, RefusalReason
from contracts.values import PaymentId
from services.payments.app import SERVICE
from services.payments.commands.bills import IssueBill, IssueBills, expire_bills
from services.payments.parameters import Fixed
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.stories import money
from tests.faults.stories.crowd import branches, processes
from tests.faults.stories.facts import wrong
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import SCOPE, Somebody, register
from tests.support.service import Harness, harness
from tests.support.stack import Stack

PROCESSES, RACERS, PRICE = 4, 50, 36_800
PAID, PAID_BEFORE, REPEAT, WRONG, EXPIRED, BLOCKED = "2002500", "4042514", "4042518", "4042513", "4042519", "4042512"


@pytest.mark.cell("story.S13", fault="S13", service="payments")
async def test_one_of_fifty_racers_for_a_bill_wins_and_the_others_are_answered(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    chance, rounds = random.Random(seed), scale(test=4, long=60)
    answers: Counter[str] = Counter()
    async with harness(SERVICE, stack, answer_budget_s=120.0) as h, processes(h, PROCESSES) as hs:
        banks = branches(await Bank(h).enable(), hs)
        for number in range(rounds):
            who = await register(h)
            answers.update(await race_for(hs, banks, who, number, chance))
            answers.update(await race_back(hs, banks, who, number, chance))
        await _judge(evidence, h, answers, rounds)
    evidence.fired(sum(answers.values()), of=2 * rounds * RACERS, unit="request")


async def race_for(
    hs: list[Harness], banks: list[Bank], who: Somebody, number: int, chance: random.Random
) -> list[str]:
    """30 copies of one payment, 10 other payments, 5 new bills and 5 expiries, all of one open bill."""
    turn = itertools.cycle(range(PROCESSES))
    racers: list[Coroutine[Any, Any, str]] = []
    racers += [_pay(banks[next(turn)], who, f"ONE-{number}") for _ in range(30)]
    racers += [_pay(banks[next(turn)], who, f"OTHER-{number}-{n}") for n in range(10)]
    racers += [_replace(hs[next(turn)], who) for _ in range(5)] + [_expire(hs[next(turn)], who) for _ in range(5)]
    chance.shuffle(racers)
    return [*await asyncio.gather(*racers)]


async def race_back(
    hs: list[Harness], banks: list[Bank], who: Somebody, number: int, chance: random.Random
) -> list[str]:
    """The payment that stands is refused protection by 20 readers at once, 15 with an event of their own, while 30 try to pay again."""
    stands = await _standing(hs[0], who)
    turn = itertools.cycle(range(PROCESSES))
    same = _refusal(hs[0], who, stands, seq=2)
    racers: list[Coroutine[Any, Any, str]] = [_deliver(hs[next(turn)], same) for _ in range(20)]
    racers += [_pay(banks[next(turn)], who, f"ONE-{number}") for _ in range(15)]
    racers += [_pay(banks[next(turn)], who, f"LATE-{number}-{n}") for n in range(15)]
    chance.shuffle(racers)
    answers = [*await asyncio.gather(*racers)]
    assert await _deliver(hs[0], _refusal(hs[0], who, stands, seq=3)) == "Done", "said again, it changes nothing"
    return answers


async def _pay(bank: Bank, who: Somebody, reference: str) -> str:
    response: httpx.Response = await bank.pay(who.code, PRICE, reference)
    return code(response)


async def _replace(h: Harness, who: Somebody) -> str:
    (outcome,) = await h.run(IssueBills(Fixed()), [IssueBill(who.participant_id, 2, Meta("officer-1", new_id()))])
    return type(outcome).__name__


async def _expire(h: Harness, who: Somebody) -> str:
    due = Due(str(who.participant_id), Meta("timer", new_id()), h.clock.business())
    (outcome,) = await h.run(expire_bills, [due])
    return type(outcome).__name__


async def _deliver(h: Harness, record: Any) -> str:
    (outcome,) = await h.deliver(record)
    return type(outcome).__name__


def _refusal(h: Harness, who: Somebody, payment_id: PaymentId, *, seq: int) -> Any:
    event = ProtectionRefused(
        participant_id=who.participant_id, payment_id=payment_id, reason=RefusalReason.REACTIVATED_MEANWHILE
    )
    return h.record(event, key=who.participant_id, scope=SCOPE, seq=seq)


async def _standing(h: Harness, who: Somebody) -> PaymentId:
    """The payment that won; paid now if a replaced bill won over all of them."""
    found = [e for e in await h.events("contributions") if e.envelope.key == str(who.participant_id)]
    paid = [e.event for e in found if e.event.type == "ContributionPaid"]
    assert len(paid) <= 1
    if not paid:
        await (await _own_bank(h)).buy(who.code)
        return await _standing(h, who)
    return PaymentId(UUID(str(paid[0].payment_id)))  # type: ignore[attr-defined]


async def _own_bank(h: Harness) -> Bank:
    bank = Bank(h)
    bank.token = (await bank.ask_token()).json()["accessToken"]
    return bank


async def _judge(evidence: Evidence, h: Harness, answers: Counter[str], rounds: int) -> None:
    looked, turns = await money.out_of_turn(h)
    evidence.holds("I5", checked=looked, violations=[*turns, *await money.unbalanced(h)])
    events = Counter(e.event.type for e in await h.events())
    once = {"ContributionReversed": rounds, "PaymentUnmatched": rounds}
    doubled = [wrong("log", kind, n, events[kind]) for kind, n in once.items() if events[kind] != n]
    evidence.holds("I3", checked=events["ContributionPaid"], violations=[*await money.paid_twice(h), *doubled])
    evidence.holds("I1", checked=sum(answers.values()), violations=_unanswered(answers))
    outcome = await h.replay()
    differences = [wrong(d.table, d.key, "live", d.kind) for d in outcome.differences]
    evidence.holds("I7", checked=outcome.events, violations=differences)


def _unanswered(answers: Counter[str]) -> list[Violation]:
    """A racer that was given no answer of the table: a 5xx, or a transaction that broke."""
    bad = [a for a in answers if a[:1] == "5" or a == Broken.__name__]
    return [wrong("answers", a, "an answer", f"{answers[a]} times") for a in bad]
