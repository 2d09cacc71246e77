"""Texts under signatures that a person can read and any tool of the field can check (C2SP signed-note, Ed25519).

A note is a text that ends in a newline, an empty line, and one line per signature; whose key is not known is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.audit.domain.base64text import to_bytes, to_text

DASH = "\N{EM DASH} "
ED25519, WITNESS = 0x01, 0x04
"""Kinds of signature: of a log, and of a witness with the time at which it looked (C2SP tlog-cosignature)."""
MOST_SIGNATURES = 100
_KEY_ID_BYTES, _TIME_BYTES = 4, 8


class BadNote(ValueError):
    """Not a signed note, or not signed by whom it should be; the text says which."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key under its name. Raises BadNote for a name that a signature line could not carry."""

    name: str
    public: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(char.isspace() for char in self.name):
            raise BadNote(
                "the name of a key has neither spaces nor plus signs, and is not empty / nama kunci tidak sah"
            )

    @property
    def key_id(self) -> bytes:
        """The first four bytes of a hash of name, kind and key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """As verifiers are told of it: name, key id, kind and key."""
        return f"{self.name}+{self.key_id.hex()}+{to_text(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> NoteKey:
        """Reads what `str` wrote. Raises BadNote."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _bytes(encoded)
        if raw[:1] not in (bytes([ED25519]), bytes([WITNESS])) or len(raw) != 1 + 32:
            raise BadNote("the key is no Ed25519 key of a log or a witness / bukan kunci Ed25519")
        key = cls(name, raw[1:], raw[0])
        if key.key_id.hex() != key_id:
            raise BadNote("the key id is not that of this name and key / nomor kunci tidak cocok")
        return key


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note."""

    name: str
    key_id: bytes
    raw: bytes

    def __str__(self) -> str:
        return f"{DASH}{self.name} {to_text(self.key_id + self.raw)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends in a newline. Nothing in it counts before a signature was checked."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))

    def signed_also(self, more: Sequence[Signature]) -> Note:
        """The same with further signatures, such as a witness's."""
        return Note(self.text, (*self.signatures, *(s for s in more if s not in self.signatures)))

    def is_signed_by(self, key: NoteKey) -> bool:
        """False when that key has no line here. Raises BadNote when it has one that is wrong."""
        lines = [s for s in self.signatures if (s.name, s.key_id) == (key.name, key.key_id)]
        for line in lines:
            _check(self.text, line, key)
        return bool(lines)


def sign(text: str, name: str, key: Ed25519PrivateKey) -> Signature:
    """A log's signature. Raises BadNote for a text that no note can hold."""
    _check_text(text)
    return Signature(name, NoteKey(name, key.public_key().public_bytes_raw()).key_id, key.sign(text.encode()))


def cosign(text: str, name: str, key: Ed25519PrivateKey, at: int) -> Signature:
    """A witness's: at this second since 1970 it had seen nothing that contradicts this text."""
    key_id = NoteKey(name, key.public_key().public_bytes_raw(), WITNESS).key_id
    return Signature(name, key_id, at.to_bytes(_TIME_BYTES, "big") + key.sign(_witnessed(text, at)))


def parse(raw: str) -> Note:
    """Reads a note. Raises BadNote."""
    text, blank, lines = raw.rpartition("\n\n")
    text += "\n"
    if not blank or not lines.endswith("\n"):
        raise BadNote("a note is a text, an empty line and lines of signatures / bukan catatan bertanda tangan")
    _check_text(text)
    signatures = tuple(map(_signature, lines[:-1].split("\n")))
    if len(signatures) > MOST_SIGNATURES:
        raise BadNote(f"more than {MOST_SIGNATURES} signatures / terlalu banyak tanda tangan")
    return Note(text, signatures)


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    raw = _bytes(encoded)
    if not line.startswith(DASH) or not name or len(raw) <= _KEY_ID_BYTES:
        raise BadNote("a line of a signature is a dash, a name and base64 / baris tanda tangan tidak sah")
    return Signature(name, raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:])


def _check(text: str, line: Signature, key: NoteKey) -> None:
    message, raw = text.encode(), line.raw
    if key.kind == WITNESS:
        message, raw = _witnessed(text, int.from_bytes(raw[:_TIME_BYTES], "big")), raw[_TIME_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, message)
    except InvalidSignature:
        raise BadNote(f"the signature of {key.name} is wrong / tanda tangannya salah") from None


def _witnessed(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(char < " " and char != "\n" for char in text):
        raise BadNote(
            "the text of a note ends in a newline and has no other control characters / teks catatan tidak sah"
        )


def _bytes(text: str) -> bytes:
    try:
        return to_bytes(text)
    except ValueError as error:
        raise BadNote(str(error)) from None
