"""As of a moment: what some keys' events came to by then, folded anew from this service's own log, under its own role.

The service's own projections run over these events alone, into empty tables of the schema `scratch` that are rolled back with the transaction
that made them: nothing can be changed, and nothing of today can be read. A moment is one of the wall clock (`recorded_at`): what the system knew
then, whatever business time an event counts from. Personal columns are not opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import eventlog
from chassis.privacy.keys import KeyRing
from chassis.privacy.looks import own_work
from chassis.privacy.sealing import EventSealer
from chassis.privacy.vault import Vault
from chassis.problems import ProblemType, Refusal, Rejected
from chassis.records import subjects_in
from chassis.service import Service
from chassis.transaction import Recorded
from contracts.envelope import Envelope
from contracts.event import Catalogue, InvalidPayload, UnknownType, UnknownVersion

MOST_EVENTS: Final = 5_000
SEALED: Final = "sealed"
"""In place of what only the service itself opens: personal columns, and whatever else is bytes."""

Keys = Collection[tuple[str, str]]
"""Streams with a key each."""

NOTHING_KNOWN = ProblemType(
    "nothing_known",
    404,
    "Sampai waktu itu belum ada kejadian yang tercatat. Periksa nomor dan waktunya.",
    "Nothing had been recorded by then. Check the number and the time.",
)
TIME_TO_COME = ProblemType(
    "time_to_come",
    422,
    "Waktu itu belum tiba. Tulis waktu yang sudah lewat.",
    "That time has not come yet. Write one that is past.",
)
TOO_MANY_EVENTS = ProblemType(
    "too_many_events",
    422,
    "Ada lebih dari {most} kejadian. Pilih waktu yang lebih awal atau sebut lebih sedikit.",
    "There are more than {most} events. Choose an earlier time or name fewer things.",
)
UNFOLDABLE = ProblemType(
    "unfoldable",
    409,
    "Kejadian {event_id} tidak dapat dibaca: catatan layanan telah diubah. Jalankan verifikasi arsip.",
    "Event {event_id} cannot be read: the log of the service was changed. Verify the archive.",
)

# The place of each key's events is read from the log's own index; a key costs its own rows.
_EVENTS = sa.text(
    f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM (SELECT own.* FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[]))"
    " AS wanted(stream, key) CROSS JOIN LATERAL (SELECT * FROM event_log WHERE stream = wanted.stream AND key = wanted.key"
    " AND recorded_at <= :at ORDER BY seq LIMIT :most) AS own) AS found ORDER BY position LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Folded:
    """An event that was folded; `sha256`: hex, of its payload as it is stored, to be held against the archive's."""

    envelope: Envelope
    sha256: str


@dataclass(frozen=True, slots=True)
class Account:
    """`tables`: the rows that came to be, by table, only of tables that have any, ready for JSON. A row that sums up many keys (an account of the
    books) holds what these keys' events moved.
    """

    events: Sequence[Folded]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]

    def as_json(self) -> dict[str, Any]:
        return {"events": [_event(one) for one in self.events], "tables": self.tables}


async def as_of(
    service: Service, engine: AsyncEngine, vault: Vault, keys: KeyRing, *, at: datetime, now: datetime, of: Keys
) -> Account:
    """Raises Refusal: `time_to_come`, `nothing_known`, `too_many_events`, `unfoldable`; Unavailable when a person's key cannot be had now."""
    if at > now:
        raise Refusal(Rejected(TIME_TO_COME, "at"))
    async with engine.connect() as conn:
        found = (await conn.execute(_EVENTS, _wanted(of, at))).all()
    if len(found) > MOST_EVENTS:
        raise Refusal(Rejected(TOO_MANY_EVENTS, values={"most": str(MOST_EVENTS)}))
    rows = _without_holes(found)
    if not rows:
        raise Refusal(Rejected(NOTHING_KNOWN))
    await keys.fetch(subjects_in(bytes(row.payload) for row in rows))
    events = [_recorded(service.catalogue, row, service.name, keys) for row in rows]
    async with engine.connect() as conn:  # closed without a commit, whatever happens
        await _make_tables(conn, service.tables)
        with own_work():
            await service.projection(vault)(conn, events)
        tables = await rows_of(conn, service)
    folded = [
        Folded(one.envelope, hashlib.sha256(bytes(row.payload)).hexdigest())
        for one, row in zip(events, rows, strict=True)
    ]
    return Account(folded, tables)


def _wanted(of: Keys, at: datetime) -> dict[str, object]:
    places = sorted(set(of))
    streams, names = [stream for stream, _ in places], [key for _, key in places]
    return {"streams": streams, "keys": names, "at": at, "most": MOST_EVENTS + 1}


def _without_holes(rows: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """Two clocks may disagree on which of a key came first: what follows on an event that was not known yet was not known either."""
    next_: dict[tuple[str, str], int] = {}
    known: list[sa.Row[Any]] = []
    for row in rows:
        place = (row.stream, row.key)
        if row.seq == next_.setdefault(place, 1):
            next_[place] += 1
            known.append(row)
    return known


def _recorded(catalogue: Catalogue, row: sa.Row[Any], source: str, keys: KeyRing) -> Recorded:
    envelope = eventlog.envelope_of(row, source)
    sealer = EventSealer(envelope.event_id, keys.cache)
    try:
        return Recorded(envelope, catalogue.decode(envelope.type, envelope.version, bytes(row.payload), sealer))
    except (InvalidPayload, UnknownType, UnknownVersion):
        raise Refusal(Rejected(UNFOLDABLE, values={"event_id": str(envelope.event_id)})) from None


async def _make_tables(conn: AsyncConnection, tables: Sequence[sa.Table]) -> None:
    """Like the live ones, with their primary keys only. Whoever comes second waits for the names, which is as long as a fold."""
    made = " ".join(
        f'CREATE TABLE scratch."{table.name}" (LIKE public."{table.name}", PRIMARY KEY ({_key(table)}));'
        for table in tables
    )
    await conn.exec_driver_sql(f"DO $$ BEGIN {made} END $$")
    await conn.exec_driver_sql("SET LOCAL search_path TO scratch")


def _key(table: sa.Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.primary_key)


async def rows_of(conn: AsyncConnection, service: Service) -> dict[str, list[dict[str, Any]]]:
    """Every row of every state table where this connection looks, ready for JSON and in the order of its key; only tables that have any."""
    asked = sa.union_all(
        *(sa.select(sa.literal(t.name)).where(sa.exists(sa.select(1).select_from(t))) for t in service.tables)
    )
    filled = {*(await conn.execute(asked)).scalars()}
    return {
        table.name: [_shown(service, table, row) for row in await conn.execute(_in_order(table))]
        for table in service.tables
        if table.name in filled
    }


def _in_order(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).order_by(*table.primary_key)


def _shown(service: Service, table: sa.Table, row: sa.Row[Any]) -> dict[str, Any]:
    personal = frozenset(service.personal.get(table.name, ()))
    return {
        name: SEALED if value is not None and name in personal else _plain(value)
        for name, value in row._mapping.items()
    }


def _plain(value: Any) -> Any:
    """As JSON has it. Bytes are sealed texts or hashes, and say nothing to a reader."""
    if isinstance(value, bytes | memoryview):
        return SEALED
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _event(folded: Folded) -> dict[str, Any]:
    """The envelope without what only machines read."""
    envelope = folded.envelope._asdict()
    return {name: _plain(value) for name, value in envelope.items() if name != "traceparent"} | {
        "payload_sha256": folded.sha256
    }
