"""The columns by which an event in the archive is found: all of them follow from the event itself, so that they can be checked against it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from contracts.envelope import Envelope
from services.audit.domain.leaves import Leaf
from services.audit.domain.subjects import shown_of, subjects_of


def entry_of(topic: str, envelope: Envelope, payload: bytes) -> dict[str, object]:
    """Every column of `archive` but `place` and `leaf`."""
    return {
        "event_id": envelope.event_id,
        "topic": topic,
        "source": envelope.source,
        "stream": envelope.stream,
        "key": envelope.key,
        "seq": envelope.seq,
        "type": envelope.type,
        "version": envelope.version,
        "rules": envelope.rules,
        "occurred_at": envelope.occurred_at,
        "recorded_at": envelope.recorded_at,
        "actor": envelope.actor,
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
        "branch_id": envelope.branch_id,
        "wadah_id": envelope.wadah_id,
        "agent_id": envelope.agent_id,
        **subjects_of(envelope.stream, envelope.key, payload)._asdict(),
    }


def entry_of_leaf(raw: bytes) -> dict[str, object]:
    """The same from a leaf. Raises BadLeaf or BadEnvelope for one that no event of ours can have."""
    leaf = Leaf.decode(raw)
    return entry_of(leaf.topic, Envelope.from_headers(leaf.headers), leaf.value or b"")


def shown_of_leaf(raw: bytes) -> frozenset[tuple[UUID, datetime]]:
    """The rows of `shown` that belong to a leaf, without its place. Raises as `entry_of_leaf`."""
    leaf = Leaf.decode(raw)
    envelope = Envelope.from_headers(leaf.headers)
    return frozenset((who, envelope.recorded_at) for who in shown_of(envelope.stream, leaf.value or b""))
