"""A database that was put back from a backup: the erasures that it lost are carried out again before anything is served (decision 261).

A backup of before an erasure brings back the key and the copies, and a log that knows nothing of it. What was lost lies on the topics. The service's
own events of everything that was forgotten are taken back into its log as they were, byte for byte, and projected with the key destroyed; what
had caused them counts as seen. Nothing is decided anew, so whoever knows these events sees no others in their place.

`home` says where the database stood when it was last served: server, timeline, database, table. Elsewhere means restored (or failed over).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import eventlog, records, rows
from chassis.consumer import Consumer
from chassis.database import Unavailable, is_outage
from chassis.privacy.forgetting import forget
from chassis.privacy.sealing import EventSealer
from chassis.records import Read, Record
from chassis.service import App, Erasures
from chassis.tables import home, person_keys
from chassis.telemetry import log
from chassis.topicreader import read_topic
from chassis.transaction import Recorded
from contracts.envelope import Envelope
from contracts.event import Event

MARGIN: Final = timedelta(hours=1)
"""So much older than the newest event of the log may be what is looked for: an erasure that had been published, and not followed here yet."""
AGAIN_S: Final = 1.0
RUNBOOK: Final = "docs/operations.md#restored-databases"
_LOCK = 7_215_003  # one process of a service looks, the others wait for it
_HERE = sa.text(
    "SELECT concat_ws('/', s.system_identifier, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), d.oid, 'event_log'::regclass::oid)"
    " FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()"
)
_NEWEST = sa.text("SELECT recorded_at FROM event_log ORDER BY position DESC LIMIT 1")
_SEEN = sa.text(
    "INSERT INTO progress AS p (stream, key, seq, event_id, revision, attempts)"
    " SELECT * FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[]), CAST(:seqs AS bigint[]), CAST(:ids AS uuid[])),"
    " LATERAL (SELECT 1::bigint, 0) AS new"
    " ON CONFLICT (stream, key) DO UPDATE SET seq = excluded.seq, event_id = excluded.event_id, revision = p.revision + 1,"
    " parked = NULL, detail = NULL, attempts = 0, parked_at = NULL, retry_at = NULL WHERE p.seq < excluded.seq"
)

Place = tuple[str, str]
"""(stream, key)."""
Apply = Callable[[Sequence[Record]], Awaitable[None]]
"""What a reader does with records of its topic."""


class ErasureIncomplete(Exception):
    """An event between the log's last and an erasure is on no topic: it cannot be taken back, and nothing may be served."""


@dataclass(slots=True)
class Lost:
    """`heads`: where the log ends, of each key of ours that lacks an erasure. `taken`: what follows there on the topics, by seq. `told`: who was
    forgotten since, by key. `subjects`: whose keys went. `inputs`: what others said of them."""

    heads: dict[Place, int] = field(default_factory=dict)
    taken: dict[Place, dict[int, Read]] = field(default_factory=dict)
    told: dict[str, Event] = field(default_factory=dict)
    subjects: set[UUID] = field(default_factory=set)
    inputs: dict[Place, dict[int, Read]] = field(default_factory=dict)

    def in_order(self) -> list[Read]:
        """As they were recorded: by the newest id so far within each key (decision 221)."""
        ranked: list[tuple[UUID, int, Read]] = []
        for by_seq in self.taken.values():
            newest = UUID(int=0)
            for seq, one in sorted(by_seq.items()):
                newest = max(newest, one.envelope.event_id)
                ranked.append((newest, seq, one))
        return [one for _, _, one in sorted(ranked, key=lambda each: each[:2])]


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
            if await _stands(app):
                return
            async with _alone(app):
                taken = await forget_again(app, apply)
                await _settle(app)
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
    lost = await _lost(app, erasures)
    async with app.engine.begin() as conn:  # lint: commit — history that was decided, and plumbing
        await conn.execute(sa.text("SET LOCAL transaction_timeout = 0"))
        await _take_back(app, conn, lost, erasures)
    app.keys.cache.update(dict.fromkeys(lost.subjects))
    if apply is not None:
        await _follow(app, apply, lost, erasures)
    return sum(map(len, lost.taken.values()))


async def _lost(app: App, erasures: Erasures) -> Lost:
    """Looks at the topics: who was forgotten, then what the log lacks of them, last what had caused that and what others said of them."""
    lost, service, catalogue = Lost(), app.service.name, app.service.catalogue
    since = await _since(app)
    ours = sorted({catalogue.topics[stream] for stream, owner in catalogue.owners.items() if owner == service})
    ends: dict[Place, int] = {}
    types = {event.type for event in erasures.ends}
    for topic in sorted({*ours, catalogue.topics[erasures.told.stream]}):
        async for one in _events(app, topic, since):
            if one.envelope.type not in types:
                continue
            place = one.envelope.stream, one.envelope.key
            if one.envelope.source == service:
                ends[place] = max(ends.get(place, 0), one.envelope.seq)
            event = _decoded(app, one).event
            if isinstance(event, erasures.told):
                lost.told[one.envelope.key] = event
            if (subject := erasures.whose_key(event)) is not None:
                lost.subjects.add(subject)
    lost.heads = await _lacking(app, ends)
    for topic in ours if lost.heads else ():
        async for one in _events(app, topic, since):
            place = one.envelope.stream, one.envelope.key
            if one.envelope.source == service and one.envelope.seq > lost.heads.get(place, one.envelope.seq):
                lost.taken.setdefault(place, {})[one.envelope.seq] = one
    for place, head in lost.heads.items():
        if [*range(head + 1, ends[place] + 1)] != sorted(lost.taken.get(place, ()))[: ends[place] - head]:
            raise ErasureIncomplete(f"{place[0]} {place[1]}: the events after seq {head} are not all on the topics")
    await _inputs(app, lost, since, erasures)
    return lost


async def _inputs(app: App, lost: Lost, since: datetime | None, erasures: Erasures) -> None:
    """What caused the events that are taken back, and everything about the forgotten that others said."""
    caused = {one.envelope.causation_id for by_seq in lost.taken.values() for one in by_seq.values()}
    for subscription in app.composition.subscriptions if lost.told else ():
        async for one in _events(app, subscription.topic, since):
            if one.envelope.event_id in caused or (
                one.envelope.stream == erasures.told.stream and one.envelope.key in lost.told
            ):
                place = one.envelope.stream, one.envelope.key
                lost.inputs.setdefault(place, {})[one.envelope.seq] = one


async def _take_back(app: App, conn: AsyncConnection, lost: Lost, erasures: Erasures) -> None:
    taken = lost.in_order()
    caused = {one.envelope.causation_id for one in taken}
    await eventlog.append(conn, [(one.envelope, one.value) for one in taken])
    if app.service.keeps_person_keys:  # of who registered after the backup too
        await rows.upsert(conn, person_keys, [{"subject": subject, "wrapped": None} for subject in lost.subjects])
    if taken:
        await app.service.projection(app.vault)(conn, [_decoded(app, one) for one in taken])
    if lost.told:
        await forget(conn, lost.subjects, app.clock.wall())
        await erasures.clear(conn, [*lost.told.values()])
    await _seen(
        conn, [one for by_seq in lost.inputs.values() for one in by_seq.values() if one.envelope.event_id in caused]
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


def _decoded(app: App, one: Read) -> Recorded:
    """Whatever was sealed in it reads as blank: it is about somebody who was forgotten."""
    keys = dict.fromkeys(records.subjects_in([one.value]))
    sealer = EventSealer(one.envelope.event_id, keys)
    envelope = one.envelope
    return Recorded(envelope, app.service.catalogue.decode(envelope.type, envelope.version, one.value, sealer))


async def _events(app: App, topic: str, since: datetime | None) -> AsyncIterator[Read]:
    settings = app.settings
    async for record in read_topic(settings.kafka_bootstrap.split(","), settings.topic_prefix + topic, since=since):
        found = records.read(record, app.service.catalogue, topic)
        if isinstance(found, Read):
            yield found


async def _since(app: App) -> datetime | None:
    async with app.read() as conn:
        newest: datetime | None = (await conn.execute(_NEWEST)).scalar()
    return None if newest is None else newest - MARGIN


async def _lacking(app: App, ends: Mapping[Place, int]) -> dict[Place, int]:
    """The heads of the keys whose log ends before their erasure."""
    streams: dict[str, set[str]] = {}
    for stream, key in ends:
        streams.setdefault(stream, set()).add(key)
    async with app.read() as conn:
        heads = {
            (stream, key): seq
            for stream, keys in streams.items()
            for key, seq in (await eventlog.heads(conn, stream, keys)).items()
        }
    return {place: seq for place, seq in heads.items() if seq < ends[place]}


async def _stands(app: App) -> bool:
    """Whether it stands where it was last served, or is served for the first time, which is noted."""
    async with app.read() as conn:
        here = (await conn.execute(_HERE)).scalar_one()
        known = (await conn.execute(sa.select(home.c.place))).scalar()
    if known is None:
        async with app.engine.begin() as conn:  # lint: commit — plumbing
            await rows.keep(conn, home, [{"id": 1, "place": here}])
    return known in (None, here)


@asynccontextmanager
async def _alone(app: App) -> AsyncIterator[None]:
    """Of several processes one at a time; the others come back. Raises Unavailable."""
    async with app.engine.connect() as plain:
        conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
        if not (await conn.execute(sa.text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK})).scalar_one():
            raise Unavailable("another process of this service looks for erasures")
        try:
            yield
        finally:
            await conn.execute(sa.text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})


async def _settle(app: App) -> None:
    """From now on this is where it stands."""
    async with app.engine.begin() as conn:  # lint: commit — plumbing
        here = (await conn.execute(_HERE)).scalar_one()
        await rows.upsert(conn, home, [{"id": 1, "place": here}])
