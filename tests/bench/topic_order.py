"""Order as a reader of the topics sees it: per key, first occurrences of seq are 1, 2, 3 … whatever was repeated in between."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.topicreader import read_topic
from tests.bench.ground import Ground

TOPICS = ("participants", "agency", "contributions", "notifications")
Seen = tuple[str, str, int]


async def disordered(ground: Ground) -> int:
    """Records of all topics, from their beginning, that come before one they must follow."""
    bootstrap, prefix = ground.stack.kafka.bootstrap.split(","), ground.stack.topic_prefix
    found = 0
    for topic in TOPICS:
        seen: list[Seen] = []
        async for record in read_topic(bootstrap, prefix + topic):
            headers = dict(record.headers)
            stream, key, seq = (headers[name] or b"" for name in ("ce_stream", "ce_subject", "ce_seq"))
            seen.append((stream.decode(), key.decode(), int(seq)))
        found += out_of_order(seen)
    return found


def out_of_order(records: Iterable[Seen]) -> int:
    """How many (stream, key, seq) jump ahead of the one expected next; a repeat of an earlier seq is none."""
    last: dict[tuple[str, str], int] = {}
    wrong = 0
    for stream, key, seq in records:
        known = last.get((stream, key), 0)
        wrong += seq > known + 1
        last[stream, key] = max(known, seq)
    return wrong
