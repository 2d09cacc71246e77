"""One piece of data in every dress that a value may wear: as it is, UTF-16, percent-coded, hex and base64 at every alignment, unsalted SHA-256.

Hex and base64 are decoded for the whole piece at once: words of their alphabets that are long enough to hold a value are joined and decoded in
every phase, so a value that was encoded from any byte on stands in clear in one of the views.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_HEX = b"0123456789abcdefABCDEF"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_NOT_HEX = bytes(set(range(256)) - set(_HEX))
_BLANKS = bytes(byte if byte in _BASE64 else 0x20 for byte in range(256)).translate(bytes.maketrans(b"-_", b"+/"))
SHA256_HEX, SHA256_BASE64, SHA256_RAW = 64, 43, 32
SHORTEST_WORD = 11
"""Eight bytes in base64; in hex they are sixteen digits."""
LONGEST_DIGEST_WORD = 160
"""A longer word is a box or a blob, and no digest by itself."""
MOST_RAW = 64 * 1024


def clear(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(encoding, view): without its NULs UTF-16 reads as plain text does."""
    plain = data.translate(None, b"\0") if b"\0" in data else data
    yield "clear or UTF-16", plain
    if b"%" in plain:
        yield "percent-coded", unquote_to_bytes(plain.replace(b"+", b" "))


def words(data: bytes) -> list[bytes]:
    """The words of base64's alphabet (hex is part of it) that can hold a value; URL-safe ones in the usual letters."""
    return [word for word in data.translate(_BLANKS).split() if len(word) >= SHORTEST_WORD]


def decoded(found: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """(encoding, view) of such words."""
    letters = b"".join(found) + b"AAAA"  # the last word ends within a group of four
    digits = letters.translate(None, _NOT_HEX)
    for phase in range(2):
        yield "hex", binascii.unhexlify(_whole(digits, phase, 2))
    for phase in range(4):
        yield "base64", binascii.a2b_base64(_whole(letters, phase, 4))


def _whole(text: bytes, phase: int, unit: int) -> bytes:
    return text[phase : len(text) - (len(text) - phase) % unit]


@dataclass(frozen=True)
class Digests:
    """Unsalted SHA-256 of values, in the forms in which it is written."""

    hex: Mapping[bytes, bytes]
    base64: Mapping[bytes, bytes]
    raw: Mapping[bytes, bytes]

    @classmethod
    def of(cls, values: Iterable[bytes]) -> Digests:
        raw = {hashlib.sha256(value).digest(): value for value in values}
        return cls(
            {digest.hex().encode(): value for digest, value in raw.items()},
            {base64.b64encode(digest)[:SHA256_BASE64]: value for digest, value in raw.items()},
            raw,
        )

    def found_in(self, found: Sequence[bytes]) -> Iterator[bytes]:
        """Values whose digest stands in one of these words."""
        for word in found:
            if SHA256_BASE64 <= len(word) <= LONGEST_DIGEST_WORD:
                yield from _windows(word, SHA256_BASE64, self.base64)
                yield from _windows(word.lower(), SHA256_HEX, self.hex)

    def raw_in(self, data: bytes) -> Iterator[bytes]:
        """Values whose digest stands in binary data as it is. Costs a look per byte."""
        yield from _windows(data[:MOST_RAW], SHA256_RAW, self.raw)


def _windows(data: bytes, length: int, known: Mapping[bytes, bytes]) -> Iterator[bytes]:
    for start in range(len(data) - length + 1):
        if (value := known.get(data[start : start + length])) is not None:
            yield value
