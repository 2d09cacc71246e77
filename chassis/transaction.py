"""One transaction of one batch: what a use case may load from, and where it records what was decided.

Heads first, then state, then nothing: a use case writes nothing itself. Everything it records is written by `Batches` after it returned, so a
decision on stale state always collides on (stream, key, seq), and a later event of a key always carries a later transaction id.
"""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import eventlog
from chassis.ids import new_id
from chassis.privacy.sealing import EventSealer
from contracts.envelope import Envelope
from contracts.event import Catalogue, Event

I = TypeVar("I", contravariant=True)  # noqa: E741
O = TypeVar("O", covariant=True)  # noqa: E741

PERSON_KEY_BYTES = 32


class Meta(NamedTuple):
    """Who asked, and what it is part of. `causation_id` is the event that made us act, None for a person's command."""

    actor: str
    correlation_id: UUID
    causation_id: UUID | None = None
    traceparent: str | None = None


class Scope(NamedTuple):
    """Whose business an event is."""

    branch_id: UUID | None = None
    wadah_id: UUID | None = None
    agent_id: UUID | None = None


class Recorded(NamedTuple):
    """An event with its envelope; personal data unsealed."""

    envelope: Envelope
    event: Event


Projection = Callable[[AsyncConnection, Sequence[Recorded]], Awaitable[None]]
"""Own events in, state rows out, set-based. Reads no clock, no random number, no database default, only rows that it writes."""


class EventTooLarge(ValueError):
    """The payload is over eventlog.MAX_PAYLOAD_BYTES; refused before it could stick in a relay."""


class ForeignStream(LookupError):
    """A service records on a stream of another one."""


class HeadNotLoaded(LookupError):
    """A use case records on a key whose head it has not read (`tx.heads`) nor declared new (`tx.new`)."""


class Tx:
    """What a use case is given. Loads go through `conn`; nothing is written through it."""

    def __init__(
        self,
        conn: AsyncConnection,
        *,
        now: datetime,
        wall: datetime,
        service: str,
        catalogue: Catalogue,
        person_keys: dict[UUID, bytes | None],
    ) -> None:
        self.conn, self.now, self.wall = conn, now, wall
        self.recorded: list[Recorded] = []
        self.payloads: list[tuple[Envelope, bytes]] = []
        self.new_person_keys: dict[UUID, bytes | None] = {}
        self.writes: list[Callable[[AsyncConnection], Awaitable[None]]] = []
        self.committed: list[Callable[[], None]] = []
        self._service, self._catalogue = service, catalogue
        self._person_keys = person_keys
        self._heads: dict[tuple[str, str], int] = {}

    async def heads(self, stream: str, keys: Iterable[str | UUID]) -> None:
        """Reads the last seq of every key the batch may append to. Before any state is loaded; one statement per stream."""
        known = await eventlog.heads(self.conn, stream, (str(key) for key in keys))
        self._heads.update(((stream, key), seq) for key, seq in known.items())

    def new(self, stream: str, key: str | UUID) -> None:
        """Declares a key that was just made and has no events."""
        self._heads[stream, str(key)] = 0

    def new_person(self, subject: UUID) -> None:
        """Makes the key of a new person, stored in this transaction (registration only)."""
        self.new_person_keys[subject] = os.urandom(PERSON_KEY_BYTES)

    def record(
        self,
        event: Event,
        *,
        key: str | UUID,
        meta: Meta,
        scope: Scope,
        rules: str,
        occurred_at: datetime | None = None,
    ) -> Recorded:
        """Adds one event to the log of this service; `occurred_at` is business time, by default that of the batch.

        Raises HeadNotLoaded, EventTooLarge, or KeyUnavailable when a person's key is not at hand.
        """
        name = str(key)
        stream = event.stream_of(self._service)
        place = (stream, name)
        if self._catalogue.owners[stream] != self._service:
            raise ForeignStream(f"{self._service} does not own stream {stream}")
        head = self._heads.get(place)
        if head is None:
            raise HeadNotLoaded(f"{stream}: read its heads before recording {event.type}")
        envelope = Envelope(
            event_id=new_id(),
            source=self._service,
            stream=stream,
            key=name,
            seq=head + 1,
            type=event.type,
            version=event.version,
            rules=rules,
            occurred_at=occurred_at or self.now,
            recorded_at=self.wall,
            actor=meta.actor,
            correlation_id=meta.correlation_id,
            causation_id=meta.causation_id,
            branch_id=scope.branch_id,
            wadah_id=scope.wadah_id,
            agent_id=scope.agent_id,
            traceparent=meta.traceparent,
        )
        payload = event.encode(EventSealer(envelope.event_id, self._keys()))
        if len(payload) > eventlog.MAX_PAYLOAD_BYTES:
            raise EventTooLarge(f"{event.type}: {len(payload)} bytes, at most {eventlog.MAX_PAYLOAD_BYTES}")
        self._heads[place] = head + 1
        self.payloads.append((envelope, payload))
        recorded = Recorded(envelope, event)
        self.recorded.append(recorded)
        return recorded

    def _keys(self) -> Mapping[UUID, bytes | None]:
        """Of the persons known before, and of those made here: only registration makes any."""
        return ChainMap(self.new_person_keys, self._person_keys) if self.new_person_keys else self._person_keys

    def defer(self, write: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Plumbing to write after events and projections, in this transaction."""
        self.writes.append(write)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Runs once the transaction is durable; never for a re-run that lost."""
        self.committed.append(call)


class UseCase(Protocol[I, O]):
    """Loads, decides and records for a batch; answers one outcome per item, in their order. Re-runnable: keeps no state outside."""

    async def __call__(self, tx: Tx, items: Sequence[I], /) -> Sequence[O]: ...
