"""Rows waiting in an event log: many keys, seq without holes, every payload different, of the size of a real event (P3).

They are written set-based, one transaction per seq, so that the order of transactions is the order of each key, as in production.
"""

from __future__ import annotations

import base64
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from chassis import eventlog

STREAM, TYPE = "contributions", "ContributionPaid"
_INSERT = """
INSERT INTO event_log (event_id, stream, key, seq, bucket, type, version, rules, occurred_at, recorded_at, branch_id, wadah_id,
  agent_id, actor, correlation_id, causation_id, traceparent, payload)
SELECT gen_random_uuid(), $1, k.key, $2::bigint, k.bucket, $3, 1, 'bpu-billing/2022-07', clock_timestamp(), clock_timestamp(),
  gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'bank-81001', gen_random_uuid(), gen_random_uuid(),
  '00-' || md5(k.key || $2::bigint) || '-' || left(md5($2::bigint || k.key), 16) || '-01', k.payload
FROM unnest($4::text[], $5::int[], $6::bytea[]) WITH ORDINALITY AS k(key, bucket, payload, place) ORDER BY k.place
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
            await append(connection, wanted, seq=seq)
    finally:
        await connection.close()


async def append(connection: asyncpg.Connection[asyncpg.Record], wanted: Sequence[str], *, seq: int) -> None:
    """One transaction: the event of this seq for each key."""
    numbers = random.Random(f"{seq} {wanted[0]}")
    buckets, payloads = [eventlog.bucket_of(key) for key in wanted], [_payload(key, numbers) for key in wanted]
    await connection.execute(_INSERT, STREAM, seq, TYPE, list(wanted), buckets, payloads)


def _payload(key: str, numbers: random.Random) -> bytes:
    """JSON with one box of random base64: 900 to 1,100 bytes."""
    box = base64.b64encode(numbers.randbytes(750)).decode()[: 785 + numbers.randrange(195)]
    return f'{{"participant_id":"{key}","sealed_for":"{key}","box":"{box}"}}'.encode()


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
