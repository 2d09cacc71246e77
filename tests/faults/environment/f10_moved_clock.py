"""F10: the wall clock of one service's machine is wrong by an hour or a day, in either direction, and its business clock follows.

Who dates a call by the true clock is turned away, and nothing of it counts. What the service does by itself goes on: leases, offsets and order hang
on no wall clock. What it recorded meanwhile bears the wrong date, is in order all the same, and nothing of it is done twice when the clock is right
again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import Found, flowing, position, until_busy, until_caused, until_recorded, violation
from tests.faults.environment.partner import Partner
from tests.faults.ground import Ground
from tests.support import movedclock
from tests.support.eventually import eventually
from tests.system.town import PRICE, Resident

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I10", "I11")
CLOCKS = {"minus-1d": -86_400, "minus-1h": -3_600, "plus-1h": 3_600, "plus-1d": 86_400}
EVENTS, WORKS_WITHIN_S, PER_S = 40, 60.0, 10.0
CLOSE_ENOUGH = timedelta(minutes=5)
"""A wrong date is an hour away at least, and an act lasts less than this."""
TURNED_AWAY = ("4012500", "4012501")
"""A call that is dated otherwise; a token that is over by this clock."""
WIB = ZoneInfo("Asia/Jakarta")
T = TypeVar("T")
_SINCE = (
    "SELECT event_id, type, occurred_at, recorded_at, causation_id IS NULL AS asked, convert_from(payload, 'UTF8') AS payload"
    " FROM event_log WHERE position > $1 ORDER BY position"
)


async def moved(ground: Ground, service: str, seconds: int) -> Injected:
    """All processes of the service come back with the wrong clock, work for a while under load, and come back with the right one."""
    names = [name for name in ground.estate.names if ground.estate.children[name].service == service]
    strangers = await Strangers.know(ground, service)
    async with flowing(ground, per_s=PER_S):
        await until_busy(ground, service)
        last = await restarted(ground, service, names, seconds)
        try:
            found = await strangers.turned_away(ground)
            await until_recorded(ground, service, EVENTS)
            found |= await works_on(ground, service)
        finally:
            began = time.monotonic()
            events = await ground.estate.town.rows(service, _SINCE, last)
            await restarted(ground, service, names, 0)
    return Injected(
        planned=1,
        fired=int(bool(events) and all(dated(row, seconds) for row in events)),
        unit="edit",
        ended_at=began,
        found=found | of_their_month(service, events),
        operator_actions=["clock put right"],
    )


async def restarted(ground: Ground, service: str, names: Sequence[str], seconds: int) -> int:
    """With a clock so many seconds from the true one. Gives the last position of the log that none of them wrote.

    Registration's callers have their tokens from an issuer with the same clock, or nobody would get in; the bank's clock is its own.
    """
    estate = ground.estate
    async with ground.held(*names):
        await asyncio.gather(*(estate.kill(name) for name in names))
        last = await position(ground, service)
        if service == "registration":
            estate.town.doors.dated(seconds)
        await asyncio.gather(*(estate.start(name, **{movedclock.BY: str(seconds)}) for name in names))
    await asyncio.gather(*(estate.until_ready(name) for name in names))
    return last


async def works_on(ground: Ground, service: str) -> Found:
    """It reads and it publishes, as if nothing were wrong, while it is."""
    try:
        await until_caused(ground, service, EVENTS // 4, within_s=WORKS_WITHIN_S)
        await eventually(lambda: published(ground), within_s=WORKS_WITHIN_S, what="nothing waits for a relay")
    except (TimeoutError, AssertionError):
        return violation("I11", service, expected="works on under a wrong clock", actual="it does not", holds=False)
    return {}


async def published(ground: Ground) -> bool:
    """Whether no event of any service waits for longer than a moment."""
    return await ground.watch.unpublished_age() <= 1


def dated(row: Any, seconds: int) -> bool:
    """Whether an event bears the wrong clock: its id, and the moment that it was recorded at."""
    expected = datetime.now(UTC) + timedelta(seconds=seconds)
    return all(abs(at - expected) < CLOSE_ENOUGH for at in (movedclock.told_by(row["event_id"]), row["recorded_at"]))


def of_their_month(service: str, events: Sequence[Any]) -> Found:
    """A first bill is for the month in which the business clock stood when it was issued (Jakarta)."""
    wrong = [
        (row["event_id"], month, issued)
        for row in events
        if service == "payments" and row["type"] == "ContributionBilled"
        for month in [json.loads(row["payload"])["months"][0]["month"]]
        if month != (issued := row["occurred_at"].astimezone(WIB).strftime("%Y-%m"))
    ]
    told = [{"where": "payments.event_log", "key": str(id_), "expected": i, "actual": m} for id_, m, i in wrong]
    return {"I5": told} if told else {}


class Strangers:
    """Whoever goes by the true clock: a token of now, a call that the bank signed now."""

    def __init__(self, service: str, token: str, bank: Partner | None, owing: Resident | None) -> None:
        self.service, self.token, self.bank, self.owing = service, token, bank, owing

    @classmethod
    async def know(cls, ground: Ground, service: str) -> Strangers:
        """Gets all that is needed while the clock is right."""
        town = ground.estate.town
        token = await town.doors.token(town.cast.officer)
        if service != "payments":
            return cls(service, token, None, None)
        (owing,) = await patiently(partial(town.register, 1))
        await town.until_billed([owing], within_s=60)
        return cls(service, token, await Partner.the_bank(ground.estate), owing)

    async def turned_away(self, ground: Ground) -> Found:
        """A violation of I1 for each that is let in."""
        answers = {"a token of another hour": await self._read(ground)}
        if self.bank is not None and self.owing is not None:
            body = self.bank.payment(self.owing.code, PRICE, f"clock{secrets.token_hex(8)}")
            answers["a call of another hour"] = await patiently(partial(self.bank.send, body, self.bank.headers(body)))
        allowed = (str(httpx.codes.UNAUTHORIZED.value), *TURNED_AWAY)
        told = [
            {"where": f"{self.service}-api", "key": what, "expected": "turned away", "actual": answer}
            for what, answer in answers.items()
            if answer not in allowed
        ]
        return {"I1": told} if told else {}

    async def _read(self, ground: Ground) -> str:
        path = {"registration": "/participants/counts", "payments": "/contributions/totals"}[self.service]
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{ground.estate.url(f'{self.service}-api')}{path}"
        answer = await patiently(partial(ground.estate.client.get, url, headers=headers))
        return str(answer.status_code)


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """A connection that was kept alive may be one that the other side is just giving up: then once more, over another."""
    try:
        return await call()
    except httpx.TransportError:
        return await call()


for _service in ("registration", "payments"):
    for _name, _seconds in CLOCKS.items():
        cell(
            f"env.F10.{_service}.{_name}",
            fault="F10",
            service=_service,
            process=f"{_service}, every process",
            action=f"clock {_name}",
            invariants=INVARIANTS,
            tiers=("long",),
            params={"seconds": _seconds},
        )(partial(moved, service=_service, seconds=_seconds))
