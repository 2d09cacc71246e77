"""A leaf: one event as it stood on the wire, so that not a byte of key, headers or value can change unseen.

Topic (without prefix), key, value and every header in its order, each after its length in four bytes; what is absent has the length FFFFFFFF.
Coordinates are not part of it: the same event sent twice is one leaf.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

MAGIC = b"perisai/leaf/v1\n"
_LENGTH = 4
_ABSENT = 0xFFFFFFFF
_NUMBER = struct.Struct(">I")


class BadLeaf(ValueError):
    """These bytes are no leaf of ours."""


@dataclass(frozen=True, slots=True)
class Leaf:
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    def encode(self) -> bytes:
        parts: list[bytes | None] = [self.topic.encode(), self.key, self.value]
        for name, value in self.headers:
            parts += [name.encode(), value]
        return MAGIC + b"".join(map(_part, parts))

    @classmethod
    def decode(cls, raw: bytes) -> Leaf:
        """Raises BadLeaf for what `encode` never wrote."""
        if not raw.startswith(MAGIC):
            raise BadLeaf("does not begin like a leaf")
        parts = _parts(raw)
        if len(parts) < 3 or len(parts) % 2 == 0:
            raise BadLeaf("is cut short")
        topic, key, value, *rest = parts
        names = rest[::2]
        if topic is None or None in names:
            raise BadLeaf("lacks a topic or the name of a header")
        return cls(_text(topic), key, value, tuple(zip(map(_text, names), rest[1::2], strict=True)))


def _part(value: bytes | None) -> bytes:
    if value is None:
        return _ABSENT.to_bytes(_LENGTH, "big")
    return len(value).to_bytes(_LENGTH, "big") + value


def _parts(raw: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    at, end, unpack = len(MAGIC), len(raw), _NUMBER.unpack_from
    while at < end:
        start = at + _LENGTH
        if start > end:
            raise BadLeaf("is cut short")
        (length,) = unpack(raw, at)
        if length == _ABSENT:
            found.append(None)
            at = start
        else:
            at = start + length
            if at > end:
                raise BadLeaf("is cut short")
            found.append(raw[start:at])
    return found


@lru_cache(maxsize=1_024)
def _text(raw: bytes | None) -> str:
    """A topic, or the name of a header: few of them, each in very many leaves."""
    try:
        return (raw or b"").decode()
    except UnicodeDecodeError:
        raise BadLeaf("a name is not UTF-8") from None
