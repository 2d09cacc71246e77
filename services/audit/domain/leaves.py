"""A leaf: one event as it stood on the wire, so that not a byte of key, headers or value can change unseen.

Topic (without prefix), key, value and every header in its order, each after its length in four bytes; what is absent has the length FFFFFFFF.
Coordinates are not part of it: the same event sent twice is one leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"perisai/leaf/v1\n"
_LENGTH = 4
_ABSENT = 0xFFFFFFFF


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
        parts = list(_parts(raw))
        if len(parts) < 3 or len(parts) % 2 == 0:
            raise BadLeaf("is cut short")
        topic, key, value, *rest = parts
        if topic is None or None in rest[::2]:
            raise BadLeaf("lacks a topic or the name of a header")
        headers = tuple((_text(name), held) for name, held in zip(rest[::2], rest[1::2], strict=True))
        return cls(_text(topic), key, value, headers)


def _part(value: bytes | None) -> bytes:
    if value is None:
        return _ABSENT.to_bytes(_LENGTH, "big")
    return len(value).to_bytes(_LENGTH, "big") + value


def _parts(raw: bytes) -> Iterator[bytes | None]:
    at = len(MAGIC)
    while at < len(raw):
        length = int.from_bytes(raw[at : at + _LENGTH], "big")
        start = at + _LENGTH
        at = start + (0 if length == _ABSENT else length)
        if at > len(raw):
            raise BadLeaf("is cut short")
        yield None if length == _ABSENT else raw[start:at]


def _text(raw: bytes | None) -> str:
    try:
        return (raw or b"").decode()
    except UnicodeDecodeError:
        raise BadLeaf("a name is not UTF-8") from None
