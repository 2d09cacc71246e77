"""The day itself: people register by file, the bank lives through its bad day, and its file is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from deploy.local.bad_day import books, people
from deploy.local.bad_day.books import Taken
from deploy.local.outreach import history, settling
from deploy.local.outreach.day import PRICE
from deploy.local.outreach.doors import Doors, opened, until
from deploy.local.outreach.history import THE_DAY, Cast
from deploy.local.stack import LocalStack

ROWS = 5_000
"""In one file of an agent's."""
CONCURRENCY = 24
CONTRADICTIONS = 3
LOOK_EVERY_S = 5.0
PER_PAYMENT_S = 2.0
"""Patience: a machine that is shared may be far slower than the sixty payments a second of one that is not."""

Tell = Callable[[str], None]


async def play(stack: LocalStack, payments: int, seed: int, tell: Tell) -> dict[str, Any]:
    """The report, `differences` in it. Raises Trouble for what the play cannot go on after."""
    async with opened(stack, timeout_s=120) as doors:
        cast = await history.happen(stack, doors, tell)
        await history.reach_the_day(doors)
        await settling.agree_on_layout(doors, history.BEGINS.date())
        codes = await _register(doors, cast, payments, tell)
        day = await _live_through(doors, codes, seed, tell)
        return await _settle(doors, seed, day, tell)


async def _register(doors: Doors, cast: Cast, count: int, tell: Tell) -> list[str]:
    """The codes of so many new people, each with a bill."""
    agent, patience = cast.agents[0], 120 + PER_PAYMENT_S * count
    codes: list[str] = []
    for number, content in enumerate(people.files(count, ROWS)):
        headers = {"Content-Type": "text/csv"}
        key = f"bad-day:{number}"
        started = await doors.post("registration", "/imports", agent, key=key, content=content, headers=headers)
        path = f"/imports/{started['import_id']}"

        async def worked(path: str = path) -> bool:
            return bool((await doors.get("registration", path, agent))["status"] == "DONE")

        await until("an import", worked, within_s=patience)
        codes += await _codes(doors, cast, path)
        tell(f"{len(codes):,} of {count:,} people registered")

    async def billed() -> bool:
        return bool((await doors.get("payments", "/contributions/totals", agent))["billed"] >= len(codes))

    await until("a bill for everybody", billed, within_s=patience)
    return codes


async def _codes(doors: Doors, cast: Cast, path: str) -> list[str]:
    found: list[str] = []
    after = 0
    while after is not None:
        page = await doors.get("registration", f"{path}/results", cast.agents[0], after=after)
        found += [row["contribution_code"] for row in page["items"] if row["outcome"] == "accepted"]
        after = page["after"]
    return found


async def _live_through(doors: Doors, codes: list[str], seed: int, tell: Tell) -> dict[str, Any]:
    """The bank's bad day, until nothing is in hand or in doubt there."""
    day: dict[str, Any] = await doors.outside(
        "bank", "POST", "/bad-day", {"customer_nos": codes, "seed": seed, "concurrency": CONCURRENCY}
    )
    while day["running"]:
        await asyncio.sleep(LOOK_EVERY_S if len(codes) > ROWS else 0.5)
        day = await doors.outside("bank", "GET", "/bad-day")
        if len(codes) > ROWS:
            tell(f"{day['finished']:,} of {day['visits']:,} customers served after {day['seconds']:.0f} s")

    async def settled() -> bool:
        states = (await doors.outside("bank", "GET", "/books"))["states"]
        if states["unknown"]["count"]:
            await doors.outside("bank", "POST", "/resolve")
        return not states["unknown"]["count"] and not states["pending"]["count"]

    await until("the bank to know of every payment", settled, within_s=120 + PER_PAYMENT_S * len(codes))
    return day


async def _settle(doors: Doors, seed: int, day: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """A file that contradicts the bank's books, then the true one; differences are closed, the money comes, and the books are compared."""
    on = THE_DAY.date()
    false = await doors.outside("bank", "GET", f"/settlement/{on}/contradicting?each={CONTRADICTIONS}&seed={seed}")
    first = await settling.reconcile(doors, on, false.pop("file"))
    tell(f"the bank's first file: {settling.outcomes(first)}")
    last = await settling.reconcile(doors, on, await doors.text("bank", f"/settlement/{on}"))
    tell(f"the corrected one: {settling.outcomes(last)}")
    for number, case in enumerate(await settling.open_cases(doors), 1):
        await settling.close_case(doors, case, "corrected_by_partner", f"BANK-{number:04d}")
    owed = await settling.credit(doors, on, 0, "none")
    settled = await settling.credit(doors, on, owed["expected"], "RK-2025-10-07-001")
    taken = Taken.of(await books.of_the_bank(doors), on.isoformat(), PRICE)
    ledger = await books.of_ours(doors)
    return {
        "seed": seed,
        "visits": day["visits"],
        "mishaps": day["mishaps"],
        "contradicted": day["contradicted"],
        "bank": asdict(taken),
        "ledger": ledger,
        "reconciliation": {
            "first": settling.outcomes(first),
            "corrected": settling.outcomes(last),
            "day": {name: settled[name] for name in ("status", "expected", "received", "gap", "open_cases")},
        },
        "seconds": day["seconds"],
        "differences": [*books.differences(taken, ledger, false, first, last, settled)],
    }
