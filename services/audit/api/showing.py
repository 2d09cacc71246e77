"""Rows of the archive as an auditor is shown them, each held against its own leaf."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.envelope import BadEnvelope
from services.audit.api.shapes import EventShown, RecordShown
from services.audit.cold.shelf import Shelf
from services.audit.domain.base64text import to_text
from services.audit.domain.leaves import BadLeaf, Leaf
from services.audit.domain.merkle import leaf_hash
from services.audit.entries import entry_of_leaf
from services.audit.queries.leaves import with_leaves
from services.audit.queries.search import MOST_RECORDS, records_of

Row = Mapping[Any, Any]
_MADE: Final = {"leaf_hash", "intact", "payload", "payload_sha256", "records", "more_records"}
_TAKEN: Final = tuple(name for name in EventShown.model_fields if name not in _MADE)
_OF_RECORD: Final = tuple(name for name in RecordShown.model_fields if name != "hash")


async def shown(conn: AsyncConnection, rows: Sequence[Row], shelf: Shelf) -> list[EventShown]:
    """Rows of `archive` in their order, each with the records that carried it; `shelf`: where the leaves of cold months are."""
    records = await records_of(conn, [row["place"] for row in rows])
    return [event_shown(row, records[row["place"]]) for row in await with_leaves(shelf, rows)]


def event_shown(row: Row, records: Sequence[Row]) -> EventShown:
    """One event with its leaf and the records that carried it."""
    raw = bytes(row["leaf"] or b"")
    leaf = _leaf(raw)
    value = b"" if leaf is None else leaf.value or b""
    return EventShown(
        leaf_hash=to_text(leaf_hash(raw)) if raw else "",
        intact=_is_intact(row, raw),
        payload=_payload(value),
        payload_sha256=hashlib.sha256(value).hexdigest(),
        records=[_record(record) for record in records[:MOST_RECORDS]],
        more_records=len(records) > MOST_RECORDS,
        **{name: row[name] for name in _TAKEN},
    )


def _record(row: Row) -> RecordShown:
    return RecordShown(hash=to_text(bytes(row["hash"])), **{name: row[name] for name in _OF_RECORD})


def _leaf(raw: bytes) -> Leaf | None:
    try:
        return Leaf.decode(raw)
    except BadLeaf:
        return None


def _is_intact(row: Row, raw: bytes) -> bool:
    try:
        said = entry_of_leaf(raw)
    except (BadLeaf, BadEnvelope):
        return False
    return all(row[name] == value for name, value in said.items())


def _payload(value: bytes) -> dict[str, Any] | None:
    """None for what is no JSON object: it then was never one of ours, or is one no more."""
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
