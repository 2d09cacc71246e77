"""T11: a signature is over the bytes that came, so the same JSON in other bytes is another body, whatever a parser makes of it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from services.payments.app import SERVICE
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.threats.forging import Call, Forger
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.test_t11_forged_callbacks import send
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import register
from tests.support.service import harness
from tests.support.stack import Stack

PRICE = 36_800
AT_ONCE = 40


def spelt(forger: Forger, call: Call, turn: int) -> Call:
    """The body in other bytes: escapes, order and doubled members, blanks inside a string's neighbours, a number's zeros."""
    match turn % 3:
        case 0:
            return forger.spelling(call)
        case 1:
            return replace(call, body=call.body.replace(b'"paymentRequestId"', b'"payment\\u0052equestId"'))
        case _:
            return replace(call, body=call.body.replace(b"IDR", b"\\u0049DR"))


@pytest.mark.cell("threat.T11", fault="T11", service="payments")
async def test_a_body_spelt_otherwise_is_another_body(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    dice, number = random.Random(seed), scale(test=300, long=6_000)
    async with harness(SERVICE, stack) as h:
        bank, who = await Bank(h).enable(), await register(h)
        forger, found, sent = Forger(bank, bank, dice), list[Violation](), 0
        before = await picture(h)
        for begin in range(0, number, AT_ONCE):
            calls: list[Call] = []
            for turn in range(begin, min(begin + AT_ONCE, number)):
                genuine = forger.genuine("payment", bank.payment(who.code, PRICE, f"P-{turn}"))
                calls.append(spelt(forger, genuine, turn))
                sent += calls[-1].body != genuine.body
            for answer in await asyncio.gather(*(send(h, call) for call in calls)):
                if not code(answer).startswith("401"):
                    found.append({"where": "payment", "key": "", "expected": "401xx00", "actual": code(answer)})
        after = await picture(h)
        evidence.fired(sent, of=number, unit="request")
        evidence.count(forged_sent=sent, forged_accepted=len(found))
        evidence.holds("T11.refused", checked=sent, violations=found)
        evidence.holds("T11.unchanged", checked=before.rows, violations=changes(before, after))
        genuine = forger.genuine("payment", bank.payment(who.code, PRICE, "P-GENUINE"))
        told = code(await send(h, genuine))
        control: list[Violation] = [{"where": "payment", "key": "", "expected": "2002500", "actual": told}]
        evidence.holds("T11.control", checked=1, violations=control if told != "2002500" else [])
