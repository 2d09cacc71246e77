"""What a topic holds against what it should hold: nothing lost, nothing twice, every key in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from tests.bench.servers import length, reading


async def truth(bootstrap: str, topic: str, wanted: Collection[bytes]) -> dict[str, int]:
    """lost, doubled, strange and disordered records of the topic; `wanted`: the ids (ce_id) that belong there."""
    missing = await length(bootstrap, topic)
    seen: list[tuple[bytes, bytes, int]] = []
    async with reading(bootstrap, topic) as (consumer, _):
        while len(seen) < missing:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    headers = dict(record.headers)
                    seen.append((headers["ce_id"], record.key, int(headers["ce_seq"])))
    return judged(seen, wanted)


def judged(seen: Iterable[tuple[bytes, bytes, int]], wanted: Collection[bytes]) -> dict[str, int]:
    """`seen`: (id, key, seq) in the order of each partition."""
    times: Counter[bytes] = Counter()
    last: dict[bytes, int] = {}
    disordered = 0
    for event_id, key, seq in seen:
        times[event_id] += 1
        if times[event_id] == 1:
            disordered += seq != last.get(key, 0) + 1
            last[key] = max(seq, last.get(key, 0))
    expected = set(wanted)
    return {
        "lost": len(expected - times.keys()),
        "doubled": sum(count - 1 for count in times.values()),
        "strange": len(times.keys() - expected),
        "disordered": disordered,
    }
