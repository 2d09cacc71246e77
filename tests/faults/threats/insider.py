"""What an insider with the rights of a superuser does to one archive, deed by deed, each with exactly what must be named of it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import asyncpg

from services.audit.domain.leaves import Leaf
from services.audit.domain.tiles import WIDTH, Tile, new_tiles
from services.audit.domain.verifying import Kind

Place = tuple[Kind, int]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

COLUMNS = {
    "event_id": "gen_random_uuid()",
    "topic": "topic || '2'",
    "source": "'somebody'",
    "stream": "stream || '2'",
    "key": "key || '2'",
    "seq": "seq + 1",
    "type": "'BranchClosed'",
    "version": "version + 1",
    "rules": "rules || '2'",
    "occurred_at": "occurred_at - interval '1 second'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "actor": "'somebody else'",
    "correlation_id": "gen_random_uuid()",
    "causation_id": "gen_random_uuid()",
    "branch_id": "NULL",
    "wadah_id": "gen_random_uuid()",
    "agent_id": "gen_random_uuid()",
    "participant_id": "gen_random_uuid()",
}
"""By which an event is found, each with a lie."""
CHECKPOINT_COLUMNS = {
    "log": "log || '2'",
    "root": "encode(sha256(root::bytea), 'base64')",
    "note": "replace(note, root, encode(sha256(root::bytea), 'base64'))",
    "before": "before + 1",
    "path": "array_append(path, root)",
}
"""Of a checkpoint: what was signed of it, and what leads from the one before to it, each with a lie."""
_OTHERS = ", ".join(name for name in COLUMNS if name != "event_id")
_COPY = f"INSERT INTO archive (place, event_id, leaf, {_OTHERS}) SELECT $1, gen_random_uuid(), $2, {_OTHERS} FROM archive WHERE place = $3"


class Insider:
    """One archive of `size` leaves under checkpoints of `signed` sizes, the last of them `size`, and `unsigned` leaves after it. No place is
    touched twice."""

    def __init__(self, conn: Connection, dice: random.Random, *, signed: list[int], unsigned: int) -> None:
        self.conn, self.dice, self.signed, self.unsigned = conn, dice, signed, unsigned
        self.size = signed[-1]
        self._free = dice.sample(range(self.size), self.size)
        self._checkpoints = dice.sample(signed, len(signed))

    @property
    def head(self) -> int:
        return self.size + self.unsigned

    @property
    def left(self) -> int:
        return len(self._free)

    def take(self) -> int:
        """A signed place that nobody has touched."""
        return self._free.pop()

    def take_a_checkpoint(self) -> int | None:
        """The size of one that nobody has touched, while there is one."""
        return self._checkpoints.pop() if self._checkpoints else None

    async def leaf(self, place: int) -> bytes:
        return bytes(await self.conn.fetchval("SELECT leaf FROM archive WHERE place = $1", place))

    async def put(self, place: int, leaf: bytes) -> None:
        await self.conn.execute("UPDATE archive SET leaf = $2 WHERE place = $1", place, leaf)

    async def shift(self, start: int, by: int) -> None:
        """Every record from a place on moves; the way round keeps the key unique."""
        await self.conn.execute("UPDATE archive SET place = -place - 1 WHERE place >= $1", start)
        await self.conn.execute("UPDATE archive SET place = -place - 1 + $1 WHERE place < 0", by)


Deed = Callable[[Insider], Awaitable[set[Place]]]


async def edit_a_byte(one: Insider) -> set[Place]:
    """Anywhere in topic, key, value, headers or the lengths between them."""
    place = one.take()
    leaf = bytearray(await one.leaf(place))
    leaf[one.dice.randrange(len(leaf))] ^= one.dice.randrange(1, 256)
    await one.put(place, bytes(leaf))
    return {(Kind.ALTERED, place)}


async def edit_a_header(one: Insider) -> set[Place]:
    """By a leaf that reads well: another actor, say, or a header more."""
    place = one.take()
    leaf = Leaf.decode(await one.leaf(place))
    headers = list(leaf.headers)
    number = one.dice.randrange(len(headers) + 1)
    headers[number : number + 1] = [("x-more" if number == len(headers) else headers[number][0], b"other")]
    await one.put(place, Leaf(leaf.topic, leaf.key, leaf.value, tuple(headers)).encode())
    return {(Kind.ALTERED, place)}


async def edit_the_value(one: Insider) -> set[Place]:
    place = one.take()
    leaf = Leaf.decode(await one.leaf(place))
    value = (leaf.value or b"").replace(b"Cabang", b"Kantor")
    await one.put(place, Leaf(leaf.topic, leaf.key, value, leaf.headers).encode())
    return {(Kind.ALTERED, place)}


async def edit_a_column(one: Insider) -> set[Place]:
    place, column = one.take(), one.dice.choice([*COLUMNS])
    await one.conn.execute(f"UPDATE archive SET {column} = {COLUMNS[column]} WHERE place = $1", place)
    return {(Kind.MISFILED, place)}


async def delete(one: Insider) -> set[Place]:
    place = one.take()
    await one.conn.execute("DELETE FROM archive WHERE place = $1", place)
    return {(Kind.DELETED, place)}


async def insert_after_the_end(one: Insider) -> set[Place]:
    place, other = one.head + 10 + one.take(), one.take()
    await one.conn.execute(_COPY, place, await one.leaf(other) + b"\x00", other)
    return {(Kind.INSERTED, place)}


async def swap(one: Insider) -> set[Place]:
    """The whole records, with all that finds them."""
    first, second = one.take(), one.take()
    for place, goes_to in ((first, -1), (second, first), (-1, second)):
        await one.conn.execute("UPDATE archive SET place = $2 WHERE place = $1", place, goes_to)
    return {(Kind.MOVED, first), (Kind.MOVED, second)}


async def swap_leaves(one: Insider) -> set[Place]:
    first, second = one.take(), one.take()
    leaves = await one.leaf(first), await one.leaf(second)
    await one.put(first, leaves[1])
    await one.put(second, leaves[0])
    return {(Kind.MOVED, first), (Kind.MOVED, second)}


async def copy_over(one: Insider) -> set[Place]:
    """A genuine event stands in the place of another one, and in its own."""
    place, other = one.take(), one.take()
    await one.put(place, await one.leaf(other))
    return {(Kind.ALTERED, place)}


async def swap_with_an_unsigned(one: Insider) -> set[Place]:
    if not one.unsigned:
        return await swap(one)
    place, later = one.take(), one.head - 1
    one.unsigned -= 1  # it is touched now
    leaves = await one.leaf(place), await one.leaf(later)
    await one.put(place, leaves[1])
    await one.put(later, leaves[0])
    return {(Kind.INSERTED, place), (Kind.MOVED, later)}


async def delete_a_checkpoint(one: Insider) -> set[Place]:
    size = one.take_a_checkpoint()
    if size is None:
        return await delete(one)
    await one.conn.execute("DELETE FROM checkpoints WHERE size = $1", size)
    return {(Kind.CHECKPOINT, size)}


async def edit_a_checkpoint(one: Insider) -> set[Place]:
    size = one.take_a_checkpoint()
    if size is None:
        return await edit_a_column(one)
    column = one.dice.choice([*CHECKPOINT_COLUMNS])
    await one.conn.execute(f"UPDATE checkpoints SET {column} = {CHECKPOINT_COLUMNS[column]} WHERE size = $1", size)
    return {(Kind.CHECKPOINT, size)}


async def move_a_checkpoint(one: Insider) -> set[Place]:
    """It says that it is of a log that never was so long."""
    size = one.take_a_checkpoint()
    if size is None:
        return await swap(one)
    false = one.head + 10 + size
    await one.conn.execute("UPDATE checkpoints SET size = $2 WHERE size = $1", size, false)
    return {(Kind.CHECKPOINT, size), (Kind.CHECKPOINT, false)}


ANYWHERE: tuple[Deed, ...] = (
    edit_a_byte,
    edit_a_header,
    edit_the_value,
    edit_a_column,
    delete,
    insert_after_the_end,
    swap,
    swap_leaves,
    copy_over,
    swap_with_an_unsigned,
    delete_a_checkpoint,
    edit_a_checkpoint,
    move_a_checkpoint,
)
"""Deeds that leave other places alone: several of them in one archive."""


async def squeeze_in(one: Insider) -> set[Place]:
    """Between two records; all later ones make room, and the head counts one more."""
    place = one.take()
    leaf = await one.leaf(place) + b"\x00"
    await one.shift(place, 1)
    await one.conn.execute(_COPY, place, leaf, place + 1)
    await one.conn.execute("UPDATE log_head SET size = size + 1")
    return {(Kind.INSERTED, place), *((Kind.MOVED, later + 1) for later in range(place, one.size))}


async def close_the_gap(one: Insider) -> set[Place]:
    """A record goes, and all later ones move up."""
    place = one.take()
    await one.conn.execute("DELETE FROM archive WHERE place = $1", place)
    await one.shift(place + 1, -1)
    await one.conn.execute("UPDATE log_head SET size = size - 1")
    return {(Kind.DELETED, place), *((Kind.MOVED, earlier) for earlier in range(place, one.size - 1))}


async def cut_the_records(one: Insider) -> set[Place]:
    """Of the end, signed or not; the head still counts them."""
    start = one.dice.randrange(one.size * 2 // 3, one.head)
    await one.conn.execute("DELETE FROM archive WHERE place >= $1", start)
    return {(Kind.DELETED, place) for place in range(start, one.head)}


async def cut_all(one: Insider) -> set[Place]:
    """Everything in the database is as if the log had ended there: head, checkpoints with their events, and tiles."""
    start = one.dice.randrange(one.size // 2, one.size)
    await one.conn.execute("DELETE FROM archive WHERE place >= $1", start)
    await one.conn.execute("UPDATE log_head SET size = $1", start)
    await one.conn.execute("DELETE FROM checkpoints WHERE size > $1", start)
    await one.conn.execute("DELETE FROM event_log WHERE seq > (SELECT count(*) FROM checkpoints)")
    gone = await one.conn.fetch(
        "DELETE FROM tiles WHERE (number * 256 + width) * 256 ^ level > $1 RETURNING level, number, width", start
    )
    tiles = {Tile(*row) for row in gone} & {*new_tiles(0, one.size)}
    return {
        *((Kind.DELETED, place) for place in range(start, one.size)),
        *((Kind.CHECKPOINT, size) for size in one.signed if size > start),
        *((Kind.TILE, tile.number * WIDTH ** (tile.level + 1)) for tile in tiles),
    }


ALONE: tuple[Deed, ...] = (squeeze_in, close_the_gap, cut_the_records, cut_all)
"""Deeds that change every later place: one of them in an archive."""
