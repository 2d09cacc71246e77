"""What a database that was put back has lost of erasures, looked up on the topics: nothing is changed here (decision 261)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from chassis import eventlog, records
from chassis.privacy.sealing import EventSealer
from chassis.records import Read
from chassis.service import App, Erasures
from chassis.topicreader import read_topic
from chassis.transaction import Recorded
from contracts.event import Event

MARGIN: Final = timedelta(hours=1)
"""So much older than the newest event of the log may be what is looked for: an erasure that had been published, and not followed here yet."""
_NEWEST = sa.text("SELECT recorded_at FROM event_log ORDER BY position DESC LIMIT 1")

Place = tuple[str, str]
"""(stream, key)."""


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

    @property
    def causes(self) -> set[UUID | None]:
        """Ids of what had caused the events that are taken back."""
        return {one.envelope.causation_id for by_seq in self.taken.values() for one in by_seq.values()}

    def in_order(self) -> list[Read]:
        """As they were recorded: by the newest id so far within each key (decision 221)."""
        ranked: list[tuple[UUID, int, Read]] = []
        for by_seq in self.taken.values():
            newest = UUID(int=0)
            for seq, one in sorted(by_seq.items()):
                newest = max(newest, one.envelope.event_id)
                ranked.append((newest, seq, one))
        return [one for _, _, one in sorted(ranked, key=lambda each: each[:2])]


async def lost_erasures(app: App, erasures: Erasures) -> Lost:
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
            event = decoded(app, one).event
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
    causes = lost.causes
    for subscription in app.composition.subscriptions if lost.told else ():
        async for one in _events(app, subscription.topic, since):
            if one.envelope.event_id in causes or (
                one.envelope.stream == erasures.told.stream and one.envelope.key in lost.told
            ):
                place = one.envelope.stream, one.envelope.key
                lost.inputs.setdefault(place, {})[one.envelope.seq] = one


def decoded(app: App, one: Read) -> Recorded:
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
