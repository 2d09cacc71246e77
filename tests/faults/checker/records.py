"""The topics as a stranger reads them: one pass over all of them, every record, raw, and its envelope read by this file alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.faults.checker.facts import CannotCheck

PATIENCE_MS = 10_000
_NAMES = ("ce_id", "ce_source", "ce_stream", "ce_subject", "ce_seq", "ce_type")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Of a record that says it is an event; `source`: the service."""

    event_id: str
    source: str
    stream: str
    key: str
    seq: int
    type: str


@dataclass(frozen=True, slots=True)
class Record:
    """`topic` with its prefix; `envelope` None: it is none of our events."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    envelope: Envelope | None = field(default=None)

    @property
    def place(self) -> tuple[str, int, int]:
        return self.topic, self.partition, self.offset

    def header(self, name: str) -> str:
        """As text; empty when it is not there."""
        return next(((value or b"").decode(errors="replace") for found, value in self.headers if found == name), "")


async def read_topics(bootstrap: str, topics: Iterable[str]) -> list[Record]:
    """Everything these topics hold now, by topic, partition and offset. Raises CannotCheck when a broker is away for long."""
    names = sorted(set(topics))
    for last in (False, False, True):
        try:
            return await _read_once(bootstrap, names)
        except KafkaError as error:
            if last:
                raise CannotCheck(f"topics: {type(error).__name__}") from error
    raise AssertionError("unreachable")


async def _read_once(bootstrap: str, names: list[str]) -> list[Record]:
    consumer = AIOKafkaConsumer(
        *names,
        bootstrap_servers=bootstrap.split(","),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        check_crcs=False,
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    try:
        return await _read_all(consumer, names)
    finally:
        await consumer.stop()


async def _read_all(consumer: AIOKafkaConsumer, names: list[str]) -> list[Record]:
    parts = list(consumer.assignment())
    if missing := set(names) - {part.topic for part in parts}:
        raise CannotCheck(f"topics that are not there: {', '.join(sorted(missing))}")
    ends: dict[TopicPartition, int] = await consumer.end_offsets(parts)
    left = {part for part in parts if ends[part] > await consumer.position(part)}
    found: list[Record] = []
    while left:
        batches = await consumer.getmany(*left, timeout_ms=PATIENCE_MS)
        if not batches:
            raise CannotCheck("a topic stopped giving records before its end")
        for part, records in batches.items():
            found += [_record(raw) for raw in records if raw.offset < ends[part]]
        left = {part for part in left if ends[part] > await consumer.position(part)}
    return sorted(found, key=lambda record: record.place)


def _record(raw: Any) -> Record:
    headers = tuple(raw.headers)
    return Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, headers, envelope_of(headers))


def envelope_of(headers: tuple[tuple[str, bytes | None], ...]) -> Envelope | None:
    given = dict(headers)
    try:
        id_, source, stream, key, seq, type_ = ((given[name] or b"").decode() for name in _NAMES)
        return Envelope(id_, source.removeprefix("/perisai/"), stream, key, int(seq), type_)
    except (KeyError, ValueError):
        return None


async def offsets(bootstrap: str, groups: Iterable[str]) -> dict[str, dict[tuple[str, int], int]]:
    """Group → (topic, partition) → committed offset. Raises CannotCheck."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    try:
        await client.start()
        try:
            found = {group: await client.list_consumer_group_offsets(group) for group in groups}
        finally:
            await client.close()
    except KafkaError as error:
        raise CannotCheck(f"groups: {type(error).__name__}") from error
    return {
        group: {(part.topic, part.partition): at.offset for part, at in committed.items()}
        for group, committed in found.items()
    }
