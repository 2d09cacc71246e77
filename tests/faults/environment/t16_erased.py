"""T16: people are erased while others register, pay and are looked at, and nothing of them is left: in no table, topic, log or file of the archive,
as it lies or opened with every live key (I10), while the archive verifies (I8) and every service's state still follows from its log (I7).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx

from tests.faults import causes
from tests.faults.audited import audited
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import Found, violation
from tests.faults.ground import Ground
from tests.support.eventually import eventually
from tests.support.perisai import typed

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10", "I11")
BEFORE_PER_S = 25
AT_ONCE = 4
"""Requests for erasure on their way."""
READ_EVERY_S = 0.05
_COPIES = {
    "registration": "SELECT count(*) AS n FROM people WHERE participant_id = ANY($1::uuid[])",
    "payments": "SELECT count(*) AS n FROM payers WHERE name IS NOT NULL AND participant_id = ANY($1::uuid[])",
    "notifications": "SELECT count(*) AS n FROM recipients WHERE name IS NOT NULL AND participant_id = ANY($1::uuid[])",
}


@asynccontextmanager
async def after_a_month(ground: Ground, *, paying: int, others: int) -> AsyncIterator[None]:
    """Audit plays, and so many people have registered: those who did not pay have expired, and may be erased."""
    async with ground.load(0, per_s=BEFORE_PER_S):
        await ground.driver.register(paying, per_s=BEFORE_PER_S, paying=1)
        await causes.with_sleepers(ground, others)
    async with audited(ground):
        await ground.advance(causes.DAYS)
        await ground.drain(within_s=180)
        yield


async def erased(ground: Ground, *, number: int, asked: Sequence[str]) -> Injected:
    """Asks for so many by the door of the central office and waits until nobody holds a copy; then the auditor's commands are run, under load."""
    waiting: list[str] = []

    async def enough() -> bool:
        waiting[:] = (await causes.unpaid_and_expired(ground))[:number]
        return len(waiting) == number

    await eventually(enough, within_s=120, what=f"{number} people whose registration has expired")
    turns, refused = asyncio.Semaphore(AT_ONCE), list[int]()

    async def ask(who: str) -> None:
        async with turns:
            await causes.ask_to_erase(ground, who)

    async with _looked_at(ground, waiting, refused):
        began = time.monotonic()
        await asyncio.gather(*map(ask, waiting))
        await eventually(lambda: gone(ground, waiting), within_s=300, what=f"{number} people are erased everywhere")
        took_s = time.monotonic() - began
    found = violation("I1", "reads", expected="200 or 404", actual=f"{refused[:3]}", holds=not refused)
    found |= await _still_named(ground, waiting)
    found |= await _audits(ground, asked)
    measured = {
        "erased": float(number),
        "people": float(len(ground.driver.people)),
        "erased_in_s": round(took_s, 1),
    }
    return Injected(number, number, "request", time.monotonic(), found=found, measured=measured)


async def gone(ground: Ground, people: Sequence[str]) -> bool:
    """Whether nobody holds a copy of these people any more."""
    query = "SELECT count(*) AS n FROM erasures WHERE status = 'FORGOTTEN' AND participant_id = ANY($1::uuid[])"
    done = await ground.estate.town.rows("registration", query, [*people])
    if done[0]["n"] < len(people):
        return False
    left = [await ground.estate.town.rows(name, query, [*people]) for name, query in _COPIES.items()]
    return not sum(int(rows[0]["n"]) for rows in left)


@asynccontextmanager
async def _looked_at(ground: Ground, people: Sequence[str], refused: list[int]) -> AsyncIterator[None]:
    """An officer reads one person after the other while the block runs, those who are being erased among them."""
    everybody = [*people, *ground.driver.people]

    async def read() -> None:
        while True:
            status, _ = await _seen(ground, ground.chance.choice(everybody))
            if status not in (httpx.codes.OK, httpx.codes.NOT_FOUND):
                refused.append(status)
            await asyncio.sleep(READ_EVERY_S)

    reading = asyncio.create_task(read(), name="reads")
    try:
        yield
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


async def _seen(ground: Ground, who: str) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {await ground.estate.town.doors.token(ground.estate.town.cast.officer)}"}
    answer = await ground.estate.client.get(
        f"{ground.estate.stack.url('registration')}/participants/{who}", headers=headers
    )
    return answer.status_code, answer.json() if answer.status_code == httpx.codes.OK else {}


async def _still_named(ground: Ground, people: Sequence[str]) -> Found:
    """The door shows nobody's name and NIK any more."""
    shown = [who for who in people if {"name", "nik"} & (await _seen(ground, who))[1].keys()]
    return violation("I10", "/participants", expected="no name", actual=f"{len(shown)} of them", holds=not shown)


async def _audits(ground: Ground, asked: Sequence[str]) -> Found:
    """`perisai audit …`, beside live archiving."""
    found: Found = {}
    for command in asked:
        done = await typed(ground.estate.stack.folder, "audit", command)
        said = violation("I8", f"perisai audit {command}", expected="0", actual=str(done.code), holds=done.code == 0)
        found["I8"] = [*found.get("I8", ()), *said.get("I8", ())]
    return found


cell(
    "threat.T16",
    fault="T16",
    service="registration",
    process="registration-timers",
    action="erase",
    invariants=INVARIANTS,
    tiers=("test",),
    registrations=120,
    per_s=12,
    around=partial(after_a_month, paying=40, others=40),
)(partial(erased, number=20, asked=("verify",)))
cell(
    "threat.T16.many",
    fault="T16",
    service="registration",
    process="registration-timers",
    action="erase",
    invariants=INVARIANTS,
    tiers=("long",),
    registrations=700,
    per_s=12,
    around=partial(after_a_month, paying=1_000, others=300),
)(partial(erased, number=200, asked=("verify", "cross-check")))
