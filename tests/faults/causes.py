"""What has to happen beside people who register and pay at the bank, for a point to be reached: a file, a month's end, a QR code, a bill for many.

Whoever asks does so again until he has an answer: the process that he asks may be the one that dies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import httpx

from deploy.local.outreach import settling
from deploy.local.trouble import Trouble
from tests.faults.ground import Ground
from tests.support.eventually import eventually

SLEEPERS = 10
CODES = 3
"""QR codes asked for."""
WITHIN_S = 60.0


async def with_sleepers(ground: Ground) -> None:
    """Some are billed and never come to the bank: what a month's end finds to do, and others may pay for."""
    await ground.driver.register(SLEEPERS, per_s=SLEEPERS, paying=0)
    await _owing(ground, SLEEPERS)


async def settle_the_day(ground: Ground) -> None:
    """The central office uploads what the bank's books hold as done of this business day."""
    doors = ground.estate.town.doors
    day = str((await doors.outside("bank", "GET", "/clock"))["now"])[:10]
    content = ""

    async def something_is_done() -> bool:
        nonlocal content
        content = await doors.text("bank", f"/settlement/{day}")
        return content.count("\nD,") > 0

    await eventually(something_is_done, within_s=30, what="a payment of this day at the bank")
    await _insist("the day's file was taken", lambda: settling.upload(doors, date.fromisoformat(day), content))


async def codes(ground: Ground) -> list[str]:
    """Some who owe ask for a QR code; the bills that have one or will."""
    town = ground.estate.town
    bills = [str(row["bill_id"]) for row in await _owing(ground, CODES)][:CODES]
    for bill in bills:

        async def ask(path: str = f"/bills/{bill}/qr", key: str = f"qr:{bill}") -> Any:
            return await town.doors.post("payments", path, town.cast.officer, key=key)

        await _insist("a QR code was asked for", ask)
    return bills


async def scanned(ground: Ground, bills: list[str]) -> None:
    """A wallet pays each of these codes."""
    town = ground.estate.town

    async def made() -> bool:
        found = await town.rows("payments", "SELECT 1 FROM qr_codes WHERE state = 'LIVE' AND bill_id = ANY($1)", bills)
        return len(found) == len(bills)

    await eventually(made, within_s=WITHIN_S, what="the QR codes were made")
    rows = await town.rows("payments", "SELECT participant_id, content FROM qr_codes WHERE bill_id = ANY($1)", bills)
    for row in rows:
        ground.driver.paid_for.add(str(row["participant_id"]))
        await town.doors.outside("acquirer", "POST", "/pay", {"content": row["content"]})


async def bill_for_many(ground: Ground, *, paid: bool) -> None:
    """The branch issues a collective bill over some who owe; with `paid` its code is paid at the bank."""
    town = ground.estate.town
    people = [str(row["participant_id"]) for row in await _owing(ground, SLEEPERS)][:SLEEPERS]
    wanted = {"participants": people, "funding_source": "DONOR"}
    key = f"many:{ground.chance.getrandbits(64):x}"
    issued: dict[str, Any] = {}

    async def issue() -> None:
        issued.update(await town.doors.post("payments", "/collective-bills", town.cast.officer, wanted, key=key))

    await _insist("a collective bill was issued", issue)
    if paid:
        ground.driver.paid_for |= {*people}
        await town.doors.outside("bank", "POST", "/pay", {"customer_no": issued["code"]})


async def _owing(ground: Ground, number: int) -> list[Any]:
    """Open bills of people who never come to the bank by themselves, at least so many."""
    found: list[Any] = []

    async def enough() -> bool:
        found[:] = await ground.estate.town.rows(
            "payments",
            "SELECT bill_id, participant_id FROM bills WHERE status = 'OPEN' AND participant_id = ANY($1::uuid[])"
            " ORDER BY bill_id DESC",
            [*(ground.driver.sleepers - ground.driver.paid_for)],
        )
        return len(found) >= number

    await eventually(enough, within_s=WITHIN_S, what=f"{number} people who owe")
    return found


async def _insist(what: str, ask: Callable[[], Awaitable[Any]]) -> None:
    async def answered() -> bool:
        try:
            await ask()
        except (httpx.HTTPError, Trouble):
            return False
        return True

    await eventually(answered, within_s=WITHIN_S, what=what)
