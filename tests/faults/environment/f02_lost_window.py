"""F2 with an asynchronous standby: what the primary committed while nothing reached the standby is lost, and stated in rows.

All services share the server, so the cut goes through all their databases at one point of its log: what is left agrees with itself. What is outside
does not: topics and offsets are ahead. So an operator starts nothing before the topics hold what the databases hold (records deleted, republished),
and the bank says once more what it was told was posted. Loss is counted on the dead primary's own disk. I1 holds for all that is not lost; of what is
lost nothing may be left. I4 is not asked: messages about lost things were shown, and those about things done again are told again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import asyncpg

from tests.faults.cells import ALWAYS, Injected, cell
from tests.faults.environment.f04h_topics_lost import republish
from tests.faults.environment.groups import delete_records
from tests.faults.environment.standby import Standby, standby_of
from tests.faults.ground import Ground
from tests.support.estate import SERVICES
from tests.support.eventually import eventually

REGISTRATIONS, PEOPLE, PER_S = 20, 40, 20.0
TOPICS = ("participants", "agency", "contributions", "notifications")
_EVENTS = "SELECT event_id::text AS id, correlation_id::text AS correlation FROM event_log"
_ANSWERS = "SELECT actor || ' ' || key AS id, correlation_id::text AS correlation FROM idempotency"
_HERE = "SELECT participant_id::text AS id FROM participants"
_POSTED = "SELECT channel_reference AS id FROM payments"
Happen = Callable[[Ground], Awaitable[None]]


@dataclass(frozen=True)
class Loss:
    """What was on the dead primary's disk and is not in its successor: rows of logs and of stored answers."""

    events: int
    answers: int
    correlations: frozenset[str]


async def lose(ground: Ground, before: Happen, meanwhile: Happen) -> Injected:
    """`before`: under a standby that follows; `meanwhile`: while it does not, after which the primary dies. The estate serves no other cell."""
    ground.spent = True
    estate, stack = ground.estate, ground.estate.stack
    begun = ground.driver.asked
    await eventually(lambda: ground.driver.asked >= begun + REGISTRATIONS - 2, within_s=60, what="the cell's own load")
    await rested(ground)
    async with standby_of(stack, synchronous=False) as standby:
        await before(ground)
        await rested(ground)
        await standby.cut_off()
        began = time.monotonic()
        await meanwhile(ground)
        async with ground.held(*estate.names):
            await stack.kill("postgres")
            window_s = time.monotonic() - began
            fired = not stack.running("postgres")
            await asyncio.gather(*(estate.kill(name) for name in estate.names))
            await standby.take_over()
            loss = await lost(ground, standby)
            actions = await topics_as_logs(ground)
            await asyncio.gather(*(estate.restart(name) for name in estate.names))
    forget(ground, {row["id"] for row in await estate.town.rows("registration", _HERE)})
    actions += await told_again(ground)
    return Injected(
        planned=1,
        fired=int(fired and loss.events > 0),
        unit="kill",
        ended_at=time.monotonic(),
        planted={"lost": sorted(loss.correlations)},
        operator_actions=["everything stopped", "standby promoted", *actions],
        measured={"events_lost": loss.events, "answers_lost": loss.answers, "window_s": round(window_s, 1)},
        standby="async",
    )


async def rested(ground: Ground) -> None:
    """Nothing is on its way: what is lost is what happens in the window, and nothing else."""
    await eventually(lambda: not ground.driver.unanswered, within_s=60, what="everybody has an answer")
    await ground.drain(within_s=180)


async def lost(ground: Ground, standby: Standby) -> Loss:
    """Compares both servers, row by row."""
    events = answers = 0
    correlations: set[str] = set()
    async with standby.risen() as there:
        for service in SERVICES:
            for query in (_EVENTS, _ANSWERS):
                had, has = await asyncio.gather(
                    rows_at(ground, there, service, query), rows_at(ground, "", service, query)
                )
                gone = had.keys() - has.keys()
                events, answers = events + len(gone) * (query is _EVENTS), answers + len(gone) * (query is _ANSWERS)
                correlations |= {had[id_] for id_ in gone}
    return Loss(events, answers, frozenset(correlations))


async def rows_at(ground: Ground, server: str, service: str, query: str) -> dict[str, str]:
    """Id → correlation id at a server (its address without the database), or at the one in use."""
    stack = ground.estate.stack
    database = stack.databases.url(service, "reader").rpartition("/")[2]
    connection = await asyncpg.connect(f"{server or stack.postgres.admin_url.rpartition('/')[0]}/{database}")
    try:
        return {row["id"]: row["correlation"] for row in await connection.fetch(query)}
    finally:
        await connection.close()


async def topics_as_logs(ground: Ground) -> list[str]:
    """Nothing on a topic that is in no log, and everything that is in one. Gives what an operator did."""
    prefix = ground.estate.stack.topic_prefix
    for topic in TOPICS:
        await delete_records(ground, prefix + topic)
    return ["records deleted", *[await republish(ground, service) for service in SERVICES]]


def forget(ground: Ground, here: set[str]) -> None:
    """People whose registration is lost are nobody's concern any more; they would have to register again."""
    driver = ground.driver
    for person in driver.people.keys() - here:
        del driver.people[person]
        driver.sleepers.discard(person)
        driver.unpaid.pop(person, None)


async def told_again(ground: Ground) -> list[str]:
    """The bank sends every payment that it holds as done and that we do not have."""
    doors = ground.estate.town.doors
    posted = {row["id"] for row in await ground.estate.town.rows("payments", _POSTED)}
    done = (await doors.outside("bank", "GET", "/payments?state=done&limit=1000"))["payments"]
    missing = [payment["payment_request_id"] for payment in done if payment["payment_request_id"] not in posted]
    for id_ in missing:
        await doors.outside("bank", "POST", f"/payments/{id_}/repeat", {})
    return [f"bank asked to repeat {len(missing)} payments"] * bool(missing)


async def nothing(ground: Ground) -> None:
    """Nobody comes."""


async def they_register(ground: Ground) -> None:
    await ground.driver.register(PEOPLE, per_s=PER_S, paying=0)


async def they_pay(ground: Ground) -> None:
    """Who registered before and has a bill goes to the bank now."""
    driver = ground.driver
    people = sorted(driver.sleepers)[-PEOPLE:]
    codes = [driver.people[person] for person in people]
    await driver.town.doors.outside(
        "bank", "POST", "/pay-many", {"customer_nos": codes, "concurrency": 8, "wait": True}
    )
    driver.sleepers -= set(people)


for _service, _before, _meanwhile in (
    ("registration", nothing, they_register),
    ("payments", they_register, they_pay),
):
    cell(
        f"env.F2.{_service}.async",
        fault="F2",
        service=_service,
        process="postgres",
        action="kill",
        invariants=(*ALWAYS, "I3"),
        tiers=("long",),
        registrations=REGISTRATIONS,
        params={"standby": "asynchronous"},
    )(partial(lose, before=_before, meanwhile=_meanwhile))
