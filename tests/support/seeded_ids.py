"""New ids that a seed decides: what is listed or paged by id comes in the same order in every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

SINCE_MS = int(datetime(2040, 1, 1, tzinfo=UTC).timestamp() * 1_000)
"""Later than any clock that made an id before them, so these come last, as new ones do."""


def seeded_ids(seed: int) -> Iterator[UUID]:
    """UUIDv7 (RFC 9562), each a millisecond after the one before."""
    dice = random.Random(seed)
    for at_ms in count(SINCE_MS):
        tail = dice.getrandbits(74)
        yield UUID(int=at_ms << 80 | 0x7 << 76 | tail >> 62 << 64 | 0b10 << 62 | tail & ((1 << 62) - 1))
