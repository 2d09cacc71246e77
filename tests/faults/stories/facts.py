"""What an outsider sees of a toy's log, its topic and its reader, and where that breaks a promise.

Every function returns violations as the evidence wants them; an empty list means that the promise held. Ids only, never a value.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.faults.evidence import Violation
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.topics import header, read_topic


@dataclass(frozen=True, slots=True)
class Fact:
    """One event, in a log or on a topic; `partition` is -1 in a log."""

    key: str
    seq: int
    event_id: UUID
    causation_id: UUID | None = None
    partition: int = -1


def wrong(where: str, key: object, expected: object, actual: object) -> Violation:
    return {"where": where, "key": str(key), "expected": str(expected), "actual": str(actual)}


async def logged(h: Harness, stream: str) -> list[Fact]:
    """The rows of one stream in the service's log, in seq order per key."""
    query = sa.text(
        "SELECT key, seq, event_id, causation_id FROM event_log WHERE stream = :stream ORDER BY key, seq, event_id"
    )
    async with h.app.read() as conn:
        rows = await conn.execute(query, {"stream": stream})
        return [Fact(row.key, row.seq, row.event_id, row.causation_id) for row in rows]


async def published(stack: Stack, topic: str) -> list[Fact]:
    """What the topic holds of events, repeats included, in offset order per partition."""
    return [of_record(record) for record in await read_topic(stack.kafka_bootstrap, topic)]


def of_record(record: Any) -> Fact:
    """A record of the outside client as a fact."""
    return Fact(
        record.key.decode(), int(header(record, "ce_seq")), UUID(header(record, "ce_id")), None, record.partition
    )


def not_carried(log: Sequence[Fact], topic: Iterable[Fact]) -> list[Violation]:
    """I2 of a writer: the events of its log are those of its topic, none lost and none invented."""
    here = {fact.event_id: fact for fact in log}
    there = {fact.event_id: fact for fact in topic}
    lost = [wrong("topic", f.key, f"seq {f.seq}", "absent") for i, f in here.items() if i not in there]
    invented = [wrong("log", f.key, "absent", f"seq {f.seq}") for i, f in there.items() if i not in here]
    return lost + invented


def out_of_order(topic: Iterable[Fact]) -> list[Violation]:
    """I6: one partition per key, and the first occurrences of seq are 1, 2, 3 …"""
    partitions: defaultdict[str, set[int]] = defaultdict(set)
    last: defaultdict[str, int] = defaultdict(int)
    found: list[Violation] = []
    for fact in topic:
        partitions[fact.key].add(fact.partition)
        if fact.seq > last[fact.key] + 1:
            found.append(wrong("topic", fact.key, f"seq {last[fact.key] + 1}", f"seq {fact.seq}"))
        last[fact.key] = max(last[fact.key], fact.seq)
    return found + [wrong("topic", k, "one partition", len(p)) for k, p in partitions.items() if len(p) > 1]


def holes(log: Sequence[Fact]) -> list[Violation]:
    """I6 of a log: seq 1, 2, 3 … per key."""
    last: defaultdict[str, int] = defaultdict(int)
    found: list[Violation] = []
    for fact in log:
        if fact.seq != last[fact.key] + 1:
            found.append(wrong("event_log", fact.key, f"seq {last[fact.key] + 1}", f"seq {fact.seq}"))
        last[fact.key] = fact.seq
    return found


def not_applied_once(sources: Sequence[Fact], effects: Sequence[Fact], *, where: str = "totals") -> list[Violation]:
    """I2 of the reader: each source event caused exactly one own event."""
    caused = Counter(effect.causation_id for effect in effects)
    found = [
        wrong(where, source.key, f"one effect of seq {source.seq}", caused[source.event_id])
        for source in sources
        if caused[source.event_id] != 1
    ]
    known = {source.event_id for source in sources}
    return found + [wrong(where, e.key, "a cause", "none") for e in effects if e.causation_id not in known]


def applied_out_of_order(sources: Sequence[Fact], effects: Sequence[Fact]) -> list[Violation]:
    """I6 of the reader: per key its own events follow the order of their causes."""
    seqs = {source.event_id: source.seq for source in sources}
    last: defaultdict[str, int] = defaultdict(int)
    found: list[Violation] = []
    for effect in sorted(effects, key=lambda fact: (fact.key, fact.seq)):
        seq = seqs.get(effect.causation_id) if effect.causation_id else None
        if seq is None:
            continue
        if seq < last[effect.key]:
            found.append(wrong("totals", effect.key, f"after seq {last[effect.key]}", f"seq {seq}"))
        last[effect.key] = seq
    return found


async def progress_behind(h: Harness, sources: Sequence[Fact], stream: str) -> list[Violation]:
    """I2 of the inbox: `progress` holds the last seq and event id of each key of the source."""
    last = {source.key: source for source in sorted(sources, key=lambda fact: fact.seq)}
    async with h.app.read() as conn:
        stands = await _progress(conn, stream)
    return [
        wrong("progress", key, f"seq {source.seq}", f"seq {stands.get(key, (0, None))[0]}")
        for key, source in last.items()
        if stands.get(key) != (source.seq, source.event_id)
    ]


async def parked_ahead(h: Harness, stream: str) -> tuple[int, list[Violation]]:
    """I6 of the inbox: no key stands at or past the first event that is parked of it. Also how many keys were looked at."""
    query = sa.text(
        "SELECT p.key, p.seq, min(e.seq) AS first FROM progress p JOIN parked_events e USING (stream, key)"
        " WHERE p.stream = :stream GROUP BY p.key, p.seq"
    )
    async with h.app.read() as conn:
        rows = (await conn.execute(query, {"stream": stream})).all()
    return len(rows), [wrong("progress", r.key, f"before {r.first}", f"seq {r.seq}") for r in rows if r.seq >= r.first]


async def _progress(conn: AsyncConnection, stream: str) -> Mapping[str, tuple[int, UUID | None]]:
    query = sa.text("SELECT key, seq, event_id FROM progress WHERE stream = :stream")
    return {row.key: (row.seq, row.event_id) for row in await conn.execute(query, {"stream": stream})}
