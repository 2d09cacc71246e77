"""Leaves of the archive, by the checker's own reading of the format: topic, key, value and every header of a record, each after its length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.checker.records import Envelope, Record, envelope_of

BEGINS = b"perisai/leaf/v1\n"
NOTHING = b"\xff\xff\xff\xff"
"""The length of what is absent."""


@dataclass(frozen=True, slots=True)
class Leaf:
    topic: str
    key: bytes | None
    value: bytes | None
    envelope: Envelope | None


def leaf_of(record: Record, prefix: str) -> bytes:
    """The leaf that this record has to become."""
    parts = [record.topic.removeprefix(prefix).encode(), record.key, record.value]
    for name, value in record.headers:
        parts += [name.encode(), value]
    return BEGINS + b"".join(NOTHING if p is None else len(p).to_bytes(4, "big") + p for p in parts)


def read_leaf(raw: bytes) -> Leaf | None:
    """None for bytes that are none."""
    parts = [*_parts(raw)] if raw.startswith(BEGINS) else []
    if len(parts) < 3 or len(parts) % 2 == 0:
        return None
    topic, key, value, *rest = parts
    names = [(name or b"").decode(errors="replace") for name in rest[::2]]
    headers = tuple(zip(names, rest[1::2], strict=True))
    return Leaf((topic or b"").decode(errors="replace"), key, value, envelope_of(headers))


def _parts(raw: bytes) -> Iterator[bytes | None]:
    at = len(BEGINS)
    while at < len(raw):
        length, at = raw[at : at + 4], at + 4
        if length == NOTHING:
            yield None
            continue
        end = at + int.from_bytes(length, "big")
        yield raw[at:end] if end <= len(raw) else b""
        at = end
