"""F18: callbacks of a bank that are not what they seem, under load: replayed, forged, truncated, stale, from the future, under another
partner's name, a hundred copies at once, and a payment that is told once more as something else. Each gets its answer; money moves for genuine
ones alone, once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from tests.faults.cells import Injected, cell
from tests.faults.environment.partner import Partner
from tests.faults.ground import Ground
from tests.system.town import PRICE, Resident

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
EACH, COPIES = 20, 100
UNAUTHORISED, NOT_JSON = "4012500", "4002500"
UNKNOWN_BILL, OTHER_AMOUNT, POSTED, POSTED_BEFORE, SAME_CALL = "4042512", "4042513", "2002500", "4042518", "4092500"
NOBODYS_RANGE = "4042516"
TAKEN = (POSTED, POSTED_BEFORE)


@cell("env.F18", fault="F18", service="payments", process="payments-api", invariants=INVARIANTS)
async def callbacks(ground: Ground) -> Injected:
    """Every kind against bills that stay open, and against payments that the bank made before; then everybody pays."""
    town = ground.estate.town
    bank, other = await Partner.the_bank(ground.estate), await Partner.another(ground.estate)
    victims = await town.register(EACH)
    await town.until_billed(victims, within_s=60)
    answers = await refused(bank, other, victims)
    answers += await copies(ground, victims[0])
    await town.pay(victims[1:])
    answers += await told_again(ground, victims[1:])
    wrong = [answer for answer in answers if answer.code not in answer.allowed]
    return Injected(
        planned=5 * EACH + COPIES + 4 * (EACH - 1),
        fired=len(answers),
        unit="request",
        ended_at=time.monotonic(),
        found={"I3": [answer.told() for answer in wrong]},
        counts={"forged_sent": 5 * EACH, "forged_accepted": sum(a.code in TAKEN for a in answers[: 5 * EACH])},
    )


@dataclass(frozen=True)
class Answer:
    """What came back for one callback of a kind, and what may."""

    kind: str
    code: str
    allowed: frozenset[str]

    def told(self) -> dict[str, str]:
        expected = " or ".join(sorted(self.allowed))
        return {"where": "payments-api", "key": self.kind, "expected": expected, "actual": self.code}


async def refused(bank: Partner, other: Partner, victims: Sequence[Resident]) -> list[Answer]:
    """Forged, truncated, stale, future, another partner's: never accepted."""
    return [
        *await all_of("forged", [forged(bank, one) for one in victims], UNAUTHORISED),
        *await all_of("truncated", [truncated(bank, one, n) for n, one in enumerate(victims)], UNAUTHORISED, NOT_JSON),
        *await all_of("stale", [aged(bank, one, 301 + n) for n, one in enumerate(victims)], UNAUTHORISED),
        *await all_of("future", [aged(bank, one, -310 - n) for n, one in enumerate(victims)], UNAUTHORISED),
        *await all_of(
            "other partner",
            [foreign(bank, other, one, n) for n, one in enumerate(victims)],
            *(UNAUTHORISED, UNKNOWN_BILL, NOBODYS_RANGE),
        ),
    ]


async def all_of(kind: str, calls: Sequence[Awaitable[str]], *allowed: str) -> list[Answer]:
    """The answers to calls made at once."""
    return [Answer(kind, code, frozenset(allowed)) for code in await asyncio.gather(*calls)]


async def forged(bank: Partner, victim: Resident) -> str:
    """Somebody who has the token and lacks the secret."""
    body = bank.payment(victim.code, PRICE, new_id())
    return await bank.send(body, bank.headers(body, secret=secrets.token_urlsafe(32)))


async def truncated(bank: Partner, victim: Resident, number: int) -> str:
    """Cut off on the way, signed whole; every second one cut off before it was signed."""
    body = bank.payment(victim.code, PRICE, new_id())
    cut = body[: len(body) - 2 - number]
    return await bank.send(cut, bank.headers(cut if number % 2 else body))


async def aged(bank: Partner, victim: Resident, age_s: float) -> str:
    body = bank.payment(victim.code, PRICE, new_id())
    return await bank.send(body, bank.headers(body, age_s=age_s))


async def foreign(bank: Partner, other: Partner, victim: Resident, number: int) -> str:
    """The other bank pays into a number of the first one's range: in its own name, and every second time in the first one's."""
    body = other.payment(victim.code, PRICE, new_id(), prefix=bank.prefix)
    return await other.send(body, other.headers(body, partner_id=bank.partner_id if number % 2 else ""))


async def copies(ground: Ground, victim: Resident) -> list[Answer]:
    """The bank took the money; a hundred copies of the same first call arrive at once: one posting, the others hear of it."""
    town = ground.estate.town
    order = {"customer_no": victim.code, "amount": PRICE, "behaviour": {"never_call": True}}
    taken = await town.doors.outside("bank", "POST", "/pay", order)
    calls = [repeat(ground, taken["payment_request_id"]) for _ in range(COPIES)]
    answers = await all_of("copy", calls, POSTED, POSTED_BEFORE)
    posted = sum(answer.code == POSTED for answer in answers)
    return answers if posted else [*answers[1:], Answer("copy", f"{posted} times {POSTED}", frozenset({POSTED}))]


async def told_again(ground: Ground, paid: Sequence[Resident]) -> list[Answer]:
    """Each payment again: as it was under a new number, the very same call, with another sum, for another customer."""
    answers: list[Answer] = []
    for resident, neighbour in zip(paid, [*paid[1:], paid[0]], strict=True):
        found = await ground.estate.town.doors.outside("bank", "GET", f"/payments?customer_no={resident.code}")
        (payment,) = found["payments"]
        id_ = payment["payment_request_id"]
        answers += await all_of("replayed", [repeat(ground, id_)], POSTED_BEFORE)
        answers += await all_of("same call", [repeat(ground, id_, same_external_id=True)], SAME_CALL)
        answers += await all_of("paid, then another sum", [repeat(ground, id_, amount=PRICE + 1)], OTHER_AMOUNT)
        other = [repeat(ground, id_, customer_no=neighbour.code)]
        answers += await all_of("paid, then for another", other, UNKNOWN_BILL)
    return answers


async def repeat(ground: Ground, payment_request_id: str, **changes: object) -> str:
    """The bank sends one payment of its books again; gives our response code."""
    path = f"/payments/{payment_request_id}/repeat"
    return str((await ground.estate.town.doors.outside("bank", "POST", path, changes))["code"])


def new_id() -> str:
    return f"faults{secrets.token_hex(10)}"
