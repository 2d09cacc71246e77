"""S14: a hundred parallel copies make one row. The unique key arbitrates; nothing is selected first and inserted then.

Others got double payment rows from a double click (hmislk/hmis #23833). Copies go to four processes at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from services.payments.app import SERVICE as PAYMENTS
from services.registration.app import SERVICE as REGISTRATION
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.stories import money
from tests.faults.stories.crowd import branches, processes, raced
from tests.faults.stories.facts import wrong
from tests.faults.trial import people_of
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import register
from tests.integration.registration.world import World, form
from tests.support.service import Harness, harness
from tests.support.stack import Stack

PROCESSES, COPIES, PAYERS, PRICE = 4, 100, 10, 36_800


@pytest.mark.cell("story.S14", fault="S14", service="payments")
async def test_hundred_copies_of_one_payment_are_one_receipt(stack: Stack, evidence: Evidence, scale: Scale) -> None:
    """The copies name ten payers: only the reference stands between them, no stream of a payer does.

    Every process has found the reference unpaid before the first of them may write.
    """
    rounds = scale(test=3, long=40)
    answers: Counter[str] = Counter()
    async with harness(PAYMENTS, stack, answer_budget_s=120.0) as h, processes(h, PROCESSES) as hs:
        banks = branches(await Bank(h).enable(), hs)
        for number in range(rounds):
            payers = [await register(h) for _ in range(PAYERS)]
            copies = [banks[n % PROCESSES].pay(payers[n % PAYERS].code, PRICE, f"PAY-{number}") for n in range(COPIES)]
            told = await raced(stack, h, "payments", copies, writers=PROCESSES)
            answers.update(code(response) for response in told)
            if await money.paid_twice(h):
                break  # judged below; further rounds would say no more
        references = {f"PAY-{number}": PRICE for number in range(rounds)}
        evidence.holds(
            "I3", checked=rounds * COPIES, violations=[*await money.paid_twice(h), *await _unlike(h, references)]
        )
        looked, turns = await money.out_of_turn(h)
        evidence.holds("I5", checked=looked, violations=[*turns, *await money.unbalanced(h)])
    bad = [wrong("answers", a, "no 5xx", n) for a, n in answers.items() if a.startswith("5")]
    won = [] if answers["2002500"] == rounds else [wrong("answers", "2002500", rounds, answers["2002500"])]
    evidence.holds("I1", checked=rounds * COPIES, violations=bad + won)
    evidence.fired(sum(answers.values()), of=rounds * COPIES, unit="request")


async def _unlike(h: Harness, expected: dict[str, int]) -> list[dict[str, str]]:
    """References whose money in our books is not what the bank holds."""
    found = await money.booked(h)
    return [
        dict(wrong("books", reference, expected.get(reference, 0), found.get(reference, 0)))
        for reference in expected.keys() | found.keys()
        if expected.get(reference) != found.get(reference)
    ]


@pytest.mark.cell("story.S14", fault="S14", service="payments")
async def test_paid_reference_with_other_content_is_refused_and_books_nothing(stack: Stack, evidence: Evidence) -> None:
    """Same id with another amount, another payer, another bill of the same payer: refused, not taken for a repeat."""
    async with harness(PAYMENTS, stack) as h:
        bank, payers = await Bank(h).enable(), [await register(h) for _ in range(2)]
        assert code(await bank.pay(payers[0].code, PRICE, "PAY-1")) == "2002500"
        other = [
            (code(await bank.pay(payers[0].code, 2 * PRICE, "PAY-1")), "4042513"),
            (code(await bank.pay(payers[0].code, PRICE - 1, "PAY-1")), "4042513"),
            (code(await bank.pay(payers[1].code, PRICE, "PAY-1")), "4042512"),
        ]
        answered = [wrong("answers", "PAY-1", expected, found) for found, expected in other if found != expected]
        evidence.holds("I3", checked=len(other), violations=[*answered, *await _unlike(h, {"PAY-1": PRICE})])
    evidence.fired(len(other), of=3, unit="request")


@pytest.mark.cell("story.S14", fault="S14", service="registration")
async def test_hundred_clicks_register_one_person(stack: Stack, evidence: Evidence, scale: Scale) -> None:
    """Half carry one Idempotency-Key, as a browser's repeats do; a quarter a new one each; a quarter come from somebody else."""
    rounds = scale(test=2, long=20)
    answers: Counter[str] = Counter()
    async with harness(REGISTRATION, stack) as h, processes(h, PROCESSES) as hs:
        world = await World.opened(h)
        before, wrongs = await people_of(h), list[Violation]()
        for _ in range(rounds):
            person, same = form(), str(new_id())
            clicks = [_click(hs[n % PROCESSES], world, person, n // PROCESSES, same) for n in range(COPIES)]
            told = Counter(await asyncio.gather(*clicks))
            answers.update(told)
            if len([answer for answer in told if answer != "nik_registered"]) != 1:
                wrongs.append(wrong("answers", "", "one participant, or nik_registered", dict(told)))
        made, known = await people_of(h) - before, await _registered(h)
        wrongs += [] if made == rounds else [wrong("participants", "", rounds, made)]
        wrongs += [] if known == rounds + before else [wrong("event_log", "", rounds + before, known)]
        evidence.holds("I1", checked=rounds * COPIES, violations=wrongs)
    evidence.fired(sum(answers.values()), of=rounds * COPIES, unit="request")


async def _registered(h: Harness) -> int:
    """By their envelopes: the key of a person that another process registered is not at hand here."""
    async with h.app.read() as conn:
        asked = sa.text("SELECT count(*) FROM event_log WHERE type = 'ParticipantRegistered'")
        return int((await conn.execute(asked)).scalar_one())


async def _click(h: Harness, world: World, person: dict[str, object], number: int, same: str) -> str:
    """The participant that was answered, or the code of the refusal."""
    scope: dict[str, Any] = {"branch_id": world.branch_id, "wadah_id": world.wadah_id, "agent_id": world.agent_id}
    headers = h.token(roles=["agent"], **scope)
    if number % 4 == 3:
        headers = h.token(roles=["officer"], branch_id=world.branch_id)
    elif number % 2 == 0:
        headers |= {"Idempotency-Key": same}
    response = await h.client.post("/participants", json=person, headers=headers)
    answer = response.json()
    return str(answer["participant_id"] if response.status_code in (200, 201) else answer["code"])
