"""B5, as-of: what was known of one person at a moment, asked of an archive of a million events, against one indexed read of the same archive.

Few people are real: registered, billed and paid, archived event by event. The others are copies of their rows under other ids, so that tables
and indexes have the size they claim; nobody asks for them. An account is what `perisai audit as-of` asks for: audit's events, and the state
that payments folds from its own log.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median, quantiles
from uuid import UUID

import asyncpg

from chassis.tables import event_log
from deploy import account
from services.audit.app import SERVICE as AUDIT
from services.audit.tables import archive, sightings
from services.payments.app import SERVICE as PAYMENTS
from tests.bench import registrations, replay_world
from tests.bench.rounds import Limit, NoResult, Result, Side, Spec, ratio
from tests.bench.servers import Servers, admin
from tests.integration.audit.world import World
from tests.support.service import Harness

EVENTS, QUICK = 1_000_000, 20_000
PEOPLE = 100
SPEC = Spec(
    "B5",
    "as-of",
    "kafka-1",
    passes=2_000,
    world_class=500,
    better="lower",
    limits=(Limit("p95_ms", passes=1_000, world_class=250),),
    gated=False,
)
_READ = "SELECT * FROM archive WHERE participant_id = $1 AND recorded_at <= $2 ORDER BY recorded_at, place LIMIT 2001"


async def measured(servers: Servers, spec: Spec, events: int, *, tell: Callable[[str], None]) -> Result:
    """Raises NoResult when an account is not whole."""
    waiting = registrations.made(PEOPLE)
    async with AsyncExitStack() as exit_:
        payments = await exit_.enter_async_context(servers.database("payments"))
        own = await exit_.enter_async_context(servers.database("audit"))
        h = await exit_.enter_async_context(replay_world.at_work(PAYMENTS, payments, answer_budget_s=60))
        decided = await replay_world.decided(h, waiting)
        a = await exit_.enter_async_context(replay_world.at_work(AUDIT, own, **replay_world.of_audit(servers.folder)))
        await World(a, own.admin_url).keep(*replay_world.coming(waiting), *decided)
        a.pass_time(days=31)
        began = time.monotonic()
        async with admin(own.admin_url) as connection:
            size = await _filled(connection, events)
        async with admin(payments.admin_url) as connection:
            await _log_filled(connection, events)
        await servers.settle(payments, own)
        tell(f"{size:,} events in the archive after {time.monotonic() - began:.0f} s")
        people = [*waiting.keys]

        async def numerator(_: int) -> Side:
            took, missing = await _asked(a, h, people)
            p95 = quantiles(took, n=20)[-1]
            return Side(
                value=median(took),
                what="ms of an account, p50",
                items=len(took),
                warmup_s=0.0,
                measured_s=sum(took) / 1_000,
                checks={"events_missing": missing},
                alongside={"archive_events": size, "p95_ms": p95, "most_ms": max(took)},
                limits={"p95_ms": p95},
            )

        async def denominator(_: int) -> Side:
            async with admin(own.reader_url) as connection:
                took = await _read(connection, people, a)
            return Side(
                value=median(took),
                what="ms of an indexed read, p50",
                items=len(took),
                warmup_s=0.0,
                measured_s=sum(took) / 1_000,
                checks={"nothing_read": int(not took)},
            )

        return await ratio(spec, numerator, denominator, tell=tell)


async def _asked(a: Harness, h: Harness, people: Sequence[UUID]) -> tuple[list[float], int]:
    """Milliseconds of each account, after a few that nobody counts; and how many events were not in them."""
    took, missing, at = [], 0, h.clock.wall()
    for number, person in enumerate([*people[:5], *people]):
        ours, theirs = a.token(roles=["auditor"]), h.token(roles=["auditor"])
        began = time.perf_counter()
        answer = await a.client.get(account.path_of("participant", str(person), at), headers=ours)
        found = answer.json()
        said = await h.client.post("/ops/as-of", json=account.questions(found)["payments"], headers=theirs)
        told = account.told(found, {"payments": said.json()})
        took += [1_000 * (time.perf_counter() - began)] * (number >= 5)
        if said.status_code != 200 or told.differences:
            raise NoResult(f"B5: an account is wrong: {said.status_code} {told.differences}")
        missing += replay_world.PER_PERSON + 1 - len(told.account["events"])
    return took, missing


async def _read(connection: asyncpg.Connection[asyncpg.Record], people: Sequence[UUID], a: Harness) -> list[float]:
    asked, took = await connection.prepare(_READ), []
    for number, person in enumerate([*people[:5], *people]):
        began = time.perf_counter()
        await asked.fetch(person, a.clock.wall())
        took += [1_000 * (time.perf_counter() - began)] * (number >= 5)
    return took


async def _filled(connection: asyncpg.Connection[asyncpg.Record], events: int) -> int:
    """Copies of every row under other ids, and a record for each; gives the size."""
    there = await connection.fetchval("SELECT count(*) FROM archive")
    copies = max(events // there - 1, 0)
    changed = {
        "place": f"place + copy * {there}",
        "event_id": _other("event_id"),
        "key": f"{_other('key')}::text",
        "correlation_id": _other("correlation_id"),
        "causation_id": "NULL",
        "participant_id": _other("participant_id"),
        "bill_id": _other("bill_id"),
        "recorded_at": "recorded_at - copy * interval '37 seconds'",
        "occurred_at": "occurred_at - copy * interval '37 seconds'",
    }
    async with _indexed_after(connection, archive.name):
        await connection.execute(_copied(archive.name, [c.name for c in archive.columns], changed, copies))
    seen = {"place": f"place + copy * {there}", "offset": f'"offset" + copy * {there}'}
    await connection.execute(_copied(sightings.name, [c.name for c in sightings.columns], seen, copies))
    await connection.execute("UPDATE log_head SET size = (SELECT count(*) FROM archive)")
    return int(there * (copies + 1))


async def _log_filled(connection: asyncpg.Connection[asyncpg.Record], events: int) -> None:
    copies = max(events // await connection.fetchval("SELECT count(*) FROM event_log") - 1, 0)
    columns = [c.name for c in event_log.columns if c.name not in ("position", "tx_id")]
    changed = {"event_id": _other("event_id"), "key": f"{_other('key')}::text"}
    await connection.execute(_copied(event_log.name, columns, changed, copies))


@asynccontextmanager
async def _indexed_after(connection: asyncpg.Connection[asyncpg.Record], table: str) -> AsyncIterator[None]:
    """Its indexes, but for those of constraints, are made anew at the end: a million rows one by one in a dozen of them take many minutes."""
    found = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = $1"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        table,
    )
    for name, _ in found:
        await connection.execute(f'DROP INDEX "{name}"')
    yield
    for _, made in found:
        await connection.execute(made)


def _copied(table: str, columns: Sequence[str], changed: dict[str, str], copies: int) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table}, generate_series(1, {copies}) AS copy"


def _other(column: str) -> str:
    """Another id, the same for the same column and copy."""
    return f"md5({column}::text || copy)::uuid"
