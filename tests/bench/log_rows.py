"""Rows waiting in an event log: many keys, seq without holes, every payload different, of the size of a real event (P3).

They are written set-based, one transaction per seq, so that the order of transactions is the order of each key, as in production.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from chassis import eventlog

STREAM, TYPE = "contributions", "ContributionPaid"
# A payload is JSON with one box of random base64; 900 to 1,100 bytes in all, different in every row.
_INSERT = """
INSERT INTO event_log (event_id, stream, key, seq, bucket, type, version, rules, occurred_at, recorded_at, branch_id, wadah_id,
  agent_id, actor, correlation_id, causation_id, traceparent, payload)
SELECT gen_random_uuid(), $1, k.key, $2 + s.n, k.bucket, $3, 1, 'bpu-billing/2022-07', clock_timestamp(), clock_timestamp(),
  gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'bank-81001', gen_random_uuid(), gen_random_uuid(),
  '00-' || md5(k.key || s.n) || '-' || left(md5(s.n || k.key), 16) || '-01',
  convert_to('{"participant_id":"' || k.key || '","sealed_for":"' || k.key || '","box":"' ||
    left((SELECT string_agg(translate(encode(sha512(convert_to(k.key || ($2 + s.n) || ':' || part, 'UTF8')), 'base64'),
      E'\\n', ''), '') FROM generate_series(1, 12) AS part), 793 + abs(hashtext(k.key || ($2 + s.n))) % 200) || '"}', 'UTF8')
FROM unnest($4::text[], $5::int[]) WITH ORDINALITY AS k(key, bucket, place) CROSS JOIN generate_series(0, $6 - 1) AS s(n)
ORDER BY s.n, k.place
"""
_PLACES = "SELECT bucket, tx_id::text::bigint AS tx, position FROM event_log ORDER BY tx_id, position"
_CURSORS = "SELECT bucket, tx_id::text::bigint AS tx, position FROM relay_cursors"


def keys(count: int, seed: int) -> list[str]:
    """So many participants' ids."""
    numbers = random.Random(seed)
    return [str(UUID(int=numbers.getrandbits(128), version=4)) for _ in range(count)]


async def fill(owner_url: str, wanted: Sequence[str], *, per_key: int) -> None:
    """Appends `per_key` events to each of these new keys."""
    connection = await asyncpg.connect(owner_url)
    try:
        for seq in range(1, per_key + 1):
            await append(connection, wanted, first_seq=seq, per_key=1)
    finally:
        await connection.close()


async def append(
    connection: asyncpg.Connection[asyncpg.Record], wanted: Sequence[str], *, first_seq: int, per_key: int
) -> None:
    """One transaction: the next `per_key` events of each key."""
    buckets = [eventlog.bucket_of(key) for key in wanted]
    await connection.execute(_INSERT, STREAM, first_seq, TYPE, list(wanted), buckets, per_key)


class Behind:
    """How many rows of a log that nobody writes to stand behind the durable cursors of its relay."""

    def __init__(self, places: Sequence[tuple[int, int, int]]) -> None:
        self.rows = len(places)
        self._of: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for bucket, tx, position in places:
            self._of[bucket].append((tx, position))

    @classmethod
    async def of(cls, connection: asyncpg.Connection[asyncpg.Record]) -> Behind:
        return cls([tuple(row) for row in await connection.fetch(_PLACES)])

    async def count(self, connection: asyncpg.Connection[asyncpg.Record]) -> int:
        return self.counted(await connection.fetch(_CURSORS))

    def counted(self, cursors: Sequence[Sequence[int]]) -> int:
        """`cursors`: (bucket, tx, position) each."""
        return sum(bisect_right(self._of[bucket], (tx, position)) for bucket, tx, position in cursors)
