"""T11: a bank's call counts only when that bank signed these very bytes, now, once. Nothing forged or replayed moves a rupiah."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.payments.app import SERVICE
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.threats.forging import KINDS, Call, Forger, before
from tests.faults.threats.rows import changes, picture
from tests.integration.payments.bank import OTHER_KEY, Bank, code, pem
from tests.integration.payments.people import Somebody, register
from tests.support.service import Harness, harness
from tests.support.stack import Stack
from tools.lint import PACKAGES, ROOT, modules, offences

pytestmark = pytest.mark.timeout(900)
AT_ONCE = 40
REPLAYED = 1
"""Of ten calls, so many are replays."""
_IDS = count(1)


@dataclass
class Market:
    """Two symmetric banks and one with a key of its own, and people with bills: one paid each bank, the rest owe."""

    h: Harness
    banks: Sequence[Bank]
    owing: Sequence[Somebody]
    posted: Sequence[Call]
    """Calls of the banks that were accepted, byte for byte."""


@pytest.fixture
async def market(stack: Stack) -> AsyncIterator[Market]:
    async with harness(SERVICE, stack) as h:
        banks = [
            await _rotated(Bank(h)),
            await _rotated(
                Bank(h, "bank-b", "8200", "client-b", "a-secret-of-the-tests-0002", "82002"), repeat_profile="BCA"
            ),
            await _rotated(
                Bank(
                    h,
                    "bank-c",
                    "8300",
                    "client-c",
                    "unused-secret-of-the-tests",
                    "83003",
                    asymmetric=True,
                    key=OTHER_KEY,
                )
            ),
        ]
        owing = [await register(h) for _ in range(8)]
        posted = [await _paid(Forger(bank, bank, random.Random(0)), await register(h)) for bank in banks]
        yield Market(h, banks, owing, posted)
        assert (await h.replay()).equal


async def _rotated(bank: Bank, **terms: Any) -> Bank:
    """Enabled with another secret and another key, both replaced since without overlap."""
    await before(bank).enable(**terms)
    for path, body in (("keys", {"public_keys": [pem(bank.key)]}), ("secrets", {"client_secret": bank.secret})):
        headers = bank.h.token(roles=["central"])
        answer = await bank.h.client.post(f"/partners/{bank.partner}/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    if not bank.asymmetric:
        bank.token = (await bank.ask_token()).json()["accessToken"]
    return bank


async def _paid(forger: Forger, who: Somebody) -> Call:
    call = forger.genuine("payment", forger.victim.payment(who.code, 36_800, f"PAID-{next(_IDS)}"))
    assert code(await send(forger.victim.h, call)) == "2002500"
    return call


async def send(h: Harness, call: Call) -> httpx.Response:
    return await h.client.request(call.method, call.path, content=call.body, headers=dict(call.headers))


def forgeries(market: Market, dice: random.Random) -> Iterable[tuple[str, Call]]:
    """Genuine payments, inquiries and questions for the status of people who owe, spoilt in every way in turn."""
    while True:
        for kind, forge in KINDS.items():
            victim = dice.choice(market.banks)
            accomplice = dice.choice([bank for bank in market.banks[:2] if bank is not victim])
            forger = Forger(victim, accomplice, dice)
            who, number = dice.choice(market.owing), f"P-{next(_IDS)}"
            service = dice.choice(("payment", "payment", "inquiry", "status"))
            bodies = {
                "payment": victim.payment(who.code, 36_800, number),
                "inquiry": {**victim.number(who.code), "inquiryRequestId": number},
                "status": {**victim.number(who.code), "paymentRequestId": number},
            }
            genuine = forger.genuine(service, bodies[service])
            forged = forge(forger, genuine)
            if forged != genuine:
                yield kind, forged


def replays(market: Market, dice: random.Random) -> Iterable[tuple[str, Call]]:
    """Calls that were accepted once, again as they were, and under a new X-EXTERNAL-ID, which no signature covers."""
    while True:
        call = dice.choice(market.posted)
        yield "replay", call
        yield "replay under a new number", call.with_header("X-EXTERNAL-ID", f"9{next(_IDS):011d}")


def _accepted(kind: str, answer: httpx.Response) -> bool:
    """A bank takes 200 and 404xx18 for money that we hold; the latter is the truth about a payment that was posted."""
    told = code(answer)
    return answer.status_code < 400 or (told.endswith("18") and not kind.startswith("replay"))


def _wrong(kind: str, answer: httpx.Response) -> Violation | None:
    if not _accepted(kind, answer) and answer.status_code < 500:
        return None
    return {"where": kind, "key": answer.request.url.path, "expected": "refused", "actual": code(answer)}


async def _sent(h: Harness, calls: Sequence[tuple[str, Call]]) -> list[Violation]:
    found: list[Violation] = []
    for start in range(0, len(calls), AT_ONCE):
        some = calls[start : start + AT_ONCE]
        answers = await asyncio.gather(*(send(h, call) for _, call in some))
        found += [w for (kind, _), a in zip(some, answers, strict=True) if (w := _wrong(kind, a)) is not None]
    return found


def _first(source: Iterable[tuple[str, Call]], number: int) -> list[tuple[str, Call]]:
    return [call for call, _ in zip(source, range(number), strict=False)]


@pytest.mark.cell("threat.T11", fault="T11", service="payments")
async def test_nothing_forged_or_replayed_is_accepted_or_moves_a_balance(
    market: Market, evidence: Evidence, seed: int, scale: Scale
) -> None:
    h, dice = market.h, random.Random(seed)
    number = scale(test=10_000, long=100_000)
    plumbing = {"external_ids"}  # an id is noted once the call proved genuine: of replays under a new number
    before = await picture(h)
    found, tried = [], Counter[str]()
    for _ in range(0, number, 1_000):
        replayed = _first(replays(market, dice), 100 * REPLAYED)
        calls = _first(forgeries(market, dice), 1_000 - len(replayed)) + replayed
        tried.update(kind for kind, _ in calls)
        found += await _sent(h, calls)
    evidence.fired(tried.total(), of=number, unit="request")
    evidence.count(forged_sent=tried.total(), forged_accepted=len(found))
    evidence.holds("T11.refused", checked=tried.total(), violations=found)
    after = await picture(h)
    evidence.holds("T11.unchanged", checked=before.rows, violations=changes(before, after, grown=plumbing))
    assert set(tried) == {*KINDS, "replay", "replay under a new number"}


@pytest.mark.cell("threat.T11", fault="T11", service="payments")
async def test_what_was_spoilt_would_have_been_accepted_unspoilt(market: Market, evidence: Evidence, seed: int) -> None:
    """Else the forgeries were refused for another reason, and nothing was proved."""
    wrong: list[Violation] = []
    for bank, who in zip(market.banks, market.owing, strict=False):
        forger = Forger(bank, bank, random.Random(seed))
        for service, more, expected in (
            ("inquiry", {"inquiryRequestId": f"I-{next(_IDS)}"}, "2002400"),
            ("payment", bank.payment(who.code, 36_800, f"P-{next(_IDS)}"), "2002500"),
        ):
            told = code(await send(market.h, forger.genuine(service, {**bank.number(who.code), **more})))
            if told != expected:
                wrong.append({"where": bank.partner, "key": service, "expected": expected, "actual": told})
    evidence.fired(len(market.banks), of=3, unit="run")
    evidence.holds("T11.control", checked=2 * len(market.banks), violations=wrong)


@pytest.mark.cell("threat.T11", fault="T11", service="payments")
async def test_a_replay_is_refused_for_ever_after(market: Market, evidence: Evidence) -> None:
    """On the same day by its number, later by its time, and with a new time by its signature."""
    h, found, tried = market.h, list[Violation](), 0
    before = await picture(h)
    for moved in (timedelta(seconds=299), timedelta(seconds=2), timedelta(hours=30), timedelta(days=400)):
        h.clock.move_wall(moved)
        for call in market.posted:
            fresh = call.with_header("X-TIMESTAMP", market.banks[0].now())
            for kind, sent in (("replay", call), ("replay with a new time", fresh)):
                tried += 1
                wrong = _wrong(kind, await send(h, sent))
                found += [wrong] if wrong else []
    evidence.fired(tried, of=4 * 2 * 3, unit="request")
    evidence.holds("T11.refused", checked=tried, violations=found)
    evidence.holds("T11.unchanged", checked=before.rows, violations=changes(before, await picture(h)))


@pytest.mark.cell("threat.T11", fault="T11", service="payments")
async def test_a_token_request_that_another_signed_gives_no_token(
    market: Market, evidence: Evidence, seed: int, scale: Scale
) -> None:
    h, dice, number = market.h, random.Random(seed), scale(test=300, long=3_000)
    before, found = await picture(h), list[Violation]()
    for turn in range(number):
        victim, thief = dice.sample(list(market.banks), 2)
        own = replace(victim, key=thief.key if thief.key is not victim.key else OTHER_KEY)
        stale = (h.clock.wall() - timedelta(seconds=dice.randrange(301, 9_000))).isoformat(timespec="seconds")
        changed: dict[str, str | None] = {"X-TIMESTAMP": stale} if turn % 3 == 0 else {"X-CLIENT-KEY": thief.client_key}
        answer = await (own.ask_token() if turn % 3 == 1 else _spoilt_token(victim, changed))
        if answer.status_code != 401:
            found.append({"where": "token", "key": str(turn), "expected": "4017300", "actual": code(answer)})
    evidence.fired(number, of=number, unit="request")
    evidence.count(forged_sent=number, forged_accepted=len(found))
    evidence.holds("T11.refused", checked=number, violations=found)
    evidence.holds("T11.unchanged", checked=before.rows, violations=changes(before, await picture(h)))


async def _spoilt_token(bank: Bank, changed: dict[str, str | None]) -> httpx.Response:
    """A genuine request for a token, one of its signed headers changed afterwards."""
    signed: dict[str, str] = {}

    async def keep(request: httpx.Request) -> None:
        signed.update(request.headers)

    twin = replace(bank)
    twin.h.client.event_hooks["request"].append(keep)
    try:
        await twin.ask_token(headers={"Content-Type": "text/plain"})  # never gets as far as the signature
    finally:
        twin.h.client.event_hooks["request"].remove(keep)
    return await bank.ask_token(headers={"X-SIGNATURE": signed["x-signature"], **changed})


@pytest.mark.cell("threat.T11", fault="T11", service="payments")
def test_the_lint_rule_flags_every_comparison_of_a_signature_but_the_constant_time_one(evidence: Evidence) -> None:
    planted = [
        "if signature == expected: pass",
        "if expected != request.headers['X-SIGNATURE'] or given_signature == made: pass",
        "ok = hmac.new(secret, text, 'sha512').digest() == raw",
        "ok = mac == raw",
    ]
    missed: list[Violation] = [
        {"where": "tools.rules", "key": line, "expected": "compare", "actual": "not flagged"}
        for line in planted
        if "compare" not in {one.rule for one in offences("services/payments/domain/snap/signing.py", line)}
    ]
    own = [*modules(Path(ROOT / package) for package in PACKAGES)]
    ours: list[Violation] = [
        {"where": str(one), "key": one.path, "expected": "hmac.compare_digest", "actual": "=="}
        for path, source in own
        for one in offences(path, source)
        if one.rule == "compare"
    ]
    evidence.fired(len(planted), of=len(planted), unit="edit")
    evidence.holds("T11.lint", checked=len(planted) + len(own), violations=[*missed, *ours])
