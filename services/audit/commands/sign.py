"""Signs what the log has become: the tree over what was archived since the last checkpoint, as an event of our own.

Nothing is signed while nothing but our own events has arrived, or a checkpoint would bring about the next one for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import faults, rows
from chassis.ids import new_id
from chassis.transaction import Meta, Scope, Tx
from contracts.events.audit import CheckpointSigned
from services.audit.domain import notes
from services.audit.domain.base64text import to_text
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.growing import grow
from services.audit.domain.merkle import Span, consistency_spans, span_hash
from services.audit.domain.tiles import Tile, hashes_from, right_edge
from services.audit.queries.log import leaf_hashes, newest, news_since, size_of
from services.audit.queries.tree import held_tiles, needed
from services.audit.tables import tiles

RULES = "audit-log/2026-11"
MOST_LEAVES = 50_000
"""Of one checkpoint: what came in while nobody signed is signed in several."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign what there is. `origin`: the log's name for ever."""

    origin: str


@dataclass(frozen=True, slots=True)
class Signed:
    """`more`: leaves that are archived and under no checkpoint yet. Without a checkpoint there was nothing to sign."""

    checkpoint: Checkpoint | None
    more: int = 0


class Signing:
    """The use case, with the key of the log. One log has one signer: two that meet collide on the log's own stream, and one begins again."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.__name__ = "sign"

    async def __call__(self, tx: Tx, items: Sequence[Sign], /) -> list[Signed]:
        return [await self._one(tx, item.origin) for item in items]

    async def _one(self, tx: Tx, origin: str) -> Signed:
        stream = CheckpointSigned.stream
        await tx.heads(stream, [origin])
        last = await newest(tx.conn, origin)
        before, there = last.size if last else 0, await size_of(tx.conn)
        if not await news_since(tx.conn, before):
            return Signed(None)
        size = min(there, before + MOST_LEAVES)
        made, checkpoint, path = await self._grown(tx.conn, origin, before, size)
        note = notes.Note(checkpoint.text, (notes.sign(checkpoint.text, origin, self._key),))
        event = CheckpointSigned(
            log=origin,
            size=size,
            root=to_text(checkpoint.root),
            note=str(note),
            before=before,
            path=tuple(map(to_text, path)),
        )
        tx.record(event, key=origin, meta=Meta("system:audit", new_id()), scope=Scope(), rules=RULES)
        tx.defer(lambda conn: _keep(conn, made))
        faults.point("A4")
        return Signed(checkpoint, there - size)

    async def _grown(
        self, conn: AsyncConnection, origin: str, before: int, size: int
    ) -> tuple[dict[Tile, bytes], Checkpoint, list[bytes]]:
        """The tiles that the new leaves add, the checkpoint over them, and the proof that it continues the one before."""
        edge = await held_tiles(conn, right_edge(before))
        made = grow(before, edge, await leaf_hashes(conn, before, size))
        spans = [Span(0, size), *consistency_spans(before, size)]
        held = await held_tiles(conn, needed(spans, size) - made.keys()) | made
        root, *path = [span_hash(span, hashes_from(held.__getitem__, size)) for span in spans]
        return made, Checkpoint(origin, size, root), path


async def _keep(conn: AsyncConnection, made: dict[Tile, bytes]) -> None:
    await rows.insert(conn, tiles, [{**tile._asdict(), "hashes": hashes} for tile, hashes in made.items()])
