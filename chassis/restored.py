"""A database that was put back from a backup: the erasures that it lost are carried out again before anything is served (decision 261).

A backup of before an erasure brings back the key and the copies, and a log that knows nothing of it. What was lost lies on the topics. The service's
own events of everything that was forgotten are taken back into its log as they were, byte for byte, and projected with the key destroyed; what
had caused them counts as seen. Nothing is decided anew, so whoever knows these events sees no others in their place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import sqlalchemy as sa
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import eventlog, records, rows
from chassis.consumer import Consumer
from chassis.database import is_outage
from chassis.home import alone, settle, stands
from chassis.lost import ErasureIncomplete, Lost, Place, decoded, lost_erasures
from chassis.privacy.forgetting import forget
from chassis.records import Read, Record
from chassis.service import App, Erasures
from chassis.tables import person_keys
from chassis.telemetry import log
from contracts.envelope import Envelope

AGAIN_S: Final = 1.0
RUNBOOK: Final = "docs/operations.md#restored-databases"
_SEEN = sa.text(
    "INSERT INTO progress AS p (stream, key, seq, event_id, revision, attempts)"
    " SELECT * FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[]), CAST(:seqs AS bigint[]), CAST(:ids AS uuid[])),"
    " LATERAL (SELECT 1::bigint, 0) AS new"
    " ON CONFLICT (stream, key) DO UPDATE SET seq = excluded.seq, event_id = excluded.event_id, revision = p.revision + 1,"
    " parked = NULL, detail = NULL, attempts = 0, parked_at = NULL, retry_at = NULL WHERE p.seq < excluded.seq"
)

Apply = Callable[[Sequence[Record]], Awaitable[None]]
"""What a reader does with records of its topic."""


class _Nobody:
    """Keeps no letters: records that are no events of ours were left out."""

    async def send(self, letters: list[records.Bad]) -> None:
        raise AssertionError("a record of a forgotten person cannot be read")


def following(app: App) -> Apply | None:
    """How this service follows erasures of others: as its reader of that topic does."""
    erasures = app.composition.erasures
    topic = "" if erasures is None else app.service.catalogue.topics[erasures.told.stream]
    found = [one for one in app.composition.subscriptions if one.topic == topic]
    return (
        Consumer(
            found[0],
            service=app.service.name,
            catalogue=app.service.catalogue,
            batches=app.batches,
            keys=app.keys,
            letters=_Nobody(),
        ).consume
        if found
        else None
    )


async def before_serving(app: App, apply: Apply | None) -> None:
    """Returns once nothing that was erased stands here. Where database or topics cannot be read, it waits for them. Raises ErasureIncomplete."""
    while True:
        try:
            if await stands(app):
                return
            async with alone(app):
                taken = await forget_again(app, apply)
                await settle(app)
            log.warning("erasures_carried_out_again", events=taken)
            return
        except ErasureIncomplete as error:
            log.error("erasures_lost", missing=str(error), runbook=RUNBOOK)
            raise
        except Exception as error:
            if not is_outage(error) and not isinstance(error, KafkaError | TimeoutError):
                raise
            log.warning("erasures_not_known_yet", error=type(error).__name__, runbook=RUNBOOK)
        await asyncio.sleep(AGAIN_S)


async def forget_again(app: App, apply: Apply | None) -> int:
    """Carries out what was lost; gives how many events were taken back. Raises ErasureIncomplete, KafkaError, TimeoutError, the database's errors."""
    erasures = app.composition.erasures
    if erasures is None:
        return 0
    lost = await lost_erasures(app, erasures)
    async with app.engine.begin() as conn:  # lint: commit — history that was decided, and plumbing
        await conn.execute(sa.text("SET LOCAL transaction_timeout = 0"))
        await _take_back(app, conn, lost, erasures)
    app.keys.cache.update(dict.fromkeys(lost.subjects))
    if apply is not None:
        await _follow(app, apply, lost, erasures)
    return sum(map(len, lost.taken.values()))


async def _take_back(app: App, conn: AsyncConnection, lost: Lost, erasures: Erasures) -> None:
    taken, causes = lost.in_order(), lost.causes
    await eventlog.append(conn, [(one.envelope, one.value) for one in taken])
    if app.service.keeps_person_keys:  # of who registered after the backup too
        await rows.upsert(conn, person_keys, [{"subject": subject, "wrapped": None} for subject in lost.subjects])
    if taken:
        await app.service.projection(app.vault)(conn, [decoded(app, one) for one in taken])
    if lost.told:
        await forget(conn, lost.subjects, app.clock.wall())
        await erasures.clear(conn, [*lost.told.values()])
    await _seen(
        conn, [one for by_seq in lost.inputs.values() for one in by_seq.values() if one.envelope.event_id in causes]
    )


async def _seen(conn: AsyncConnection, causes: Sequence[Read]) -> None:
    """Of each key the last of these events is the last that took effect here, unless a later one is."""
    last: dict[Place, Envelope] = {}
    for one in sorted(causes, key=lambda one: one.envelope.seq):
        last[one.envelope.stream, one.envelope.key] = one.envelope
    if last:
        told = {
            "streams": [envelope.stream for envelope in last.values()],
            "keys": [envelope.key for envelope in last.values()],
            "seqs": [envelope.seq for envelope in last.values()],
            "ids": [envelope.event_id for envelope in last.values()],
        }
        await conn.execute(_SEEN, told)


async def _follow(app: App, apply: Apply, lost: Lost, erasures: Erasures) -> None:
    """An erasure that this service had not followed before its backup was lost, or not published what it did: followed now, as its reader would."""
    people = [place for place in lost.inputs if place[0] == erasures.told.stream]
    new = [one.record for place in people for _, one in sorted(lost.inputs[place].items())]
    if new:
        await apply(new)
