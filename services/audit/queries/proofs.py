"""The proof that one event is in the log, as a file for whoever doubts it."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.audit.cold.shelf import Shelf
from services.audit.domain import notes
from services.audit.domain.merkle import inclusion_spans, leaf_hash, root_of_inclusion, span_hash
from services.audit.domain.proofs import Proof
from services.audit.domain.tiles import hashes_from
from services.audit.queries.leaves import with_leaves
from services.audit.queries.log import checkpoint_of, newest
from services.audit.queries.tree import held_tiles, needed
from services.audit.tables import archive


class NotArchived(LookupError):
    """No event of this id is in the archive."""


class NotSigned(LookupError):
    """It is in the archive, and under no checkpoint yet: ask again after the next one."""


class Broken(LookupError):
    """The stored tree does not prove the stored event: verify the archive."""


async def prove(conn: AsyncConnection, log: str, event_id: UUID, shelf: Shelf) -> Proof:
    """Under the newest checkpoint of this log; `shelf`: where the leaves of cold months are. Raises NotArchived, NotSigned, Broken."""
    asked = sa.select(archive.c.place, archive.c.leaf).where(archive.c.event_id == event_id)
    row = (await conn.execute(asked)).mappings().one_or_none()
    if row is None:
        raise NotArchived(f"no event {event_id} is in the archive")
    signed = await newest(conn, log)
    place = row["place"]
    if signed is None or signed.size <= place:
        raise NotSigned(f"event {event_id} is in the archive since the last checkpoint and is signed with the next one")
    leaf = (await with_leaves(shelf, [row]))[0]["leaf"]
    if leaf is None:
        raise Broken(f"event {event_id} is of a cold month, and no file of it can be read")
    checkpoint, leaf = checkpoint_of(signed), bytes(leaf)
    spans = inclusion_spans(place, checkpoint.size)
    try:
        held = await held_tiles(conn, needed(spans, checkpoint.size))
    except LookupError as error:
        raise Broken(str(error)) from None
    path = tuple(span_hash(span, hashes_from(held.__getitem__, checkpoint.size)) for span in spans)
    if root_of_inclusion(leaf_hash(leaf), place, checkpoint.size, path) != checkpoint.root:
        raise Broken(f"the tree does not lead from event {event_id} to its root: the archive was changed, verify it")
    return Proof(leaf, place, path, notes.parse(signed.note))
