#!/usr/bin/env python3
"""Checks a proof of Perisai's audit log without Perisai: `python verify_proof.py event.tlog-proof --key 'NAME+ID+KEY'`.

One file for whoever trusts nobody: it needs Python 3.9 or newer and the package `cryptography`, and shares no code with the system that made the
proof. Formats: C2SP tlog-proof, tlog-checkpoint, signed-note; hashes: RFC 6962. The key must have come to you by another way than the proof.

Exit code 0: the event is in the log, unaltered, and its signer stands for it. 1: it is not. 2: nothing was judged.
Memeriksa bukti tanpa sistem Perisai: 0 berarti peristiwa ada di log dan tidak diubah, 1 berarti tidak terbukti, 2 berarti tidak diperiksa.
"""

import argparse
import base64
import hashlib
import sys

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    if __name__ != "__main__":
        raise
    needed = (
        "this Python lacks the package `cryptography` (pip install cryptography) / paket `cryptography` belum terpasang"
    )
    print(f"cannot begin / tidak dapat dimulai: {needed}", file=sys.stderr)
    sys.exit(2)

MAGIC = b"perisai/leaf/v1\n"
DASH = "\u2014 "
NO_PROOF = ("this is no proof file of an event", "ini bukan berkas bukti suatu peristiwa")


class Unproved(Exception):
    """Why the proof does not hold, in English and Indonesian."""

    def __init__(self, en: str, id: str) -> None:
        super().__init__(f"{en} / {id}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof")
    parser.add_argument("--key", required=True, help="the log's public key, NAME+ID+KEY")
    parser.add_argument("--quiet", action="store_true", help="say nothing of what the event holds")
    arguments = parser.parse_args()
    try:
        name, public = key_of(arguments.key)
    except (Unproved, ValueError):
        print(
            "cannot begin / tidak dapat dimulai: --key: write NAME+ID+KEY, an Ed25519 key / bukan kunci log",
            file=sys.stderr,
        )
        return 2
    try:
        with open(arguments.proof, "rb") as file:
            raw = file.read()
    except OSError as error:
        said = f"{arguments.proof} cannot be read / tidak dapat dibaca ({error.strerror})"
        print(f"cannot begin / tidak dapat dimulai: {said}", file=sys.stderr)
        return 2
    try:
        leaf, index, size = check(text_of(raw), name, public)
        words = "" if arguments.quiet else shown(leaf)
    except Unproved as error:
        print(f"NOT PROVED / TIDAK TERBUKTI: {error}")
        return 1
    print(f"PROVED / TERBUKTI: event {index} of {size} in {name}, unaltered / tidak diubah")
    if words:
        print(words)
    return 0


def text_of(raw: bytes) -> str:
    """A changed byte may leave no text at all: then it is no proof."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unproved(*NO_PROOF) from None


def key_of(text: str) -> "tuple[str, bytes]":
    """The name and the Ed25519 key of a verifier key."""
    name, key_id, encoded = text.split("+", 2)
    raw = decoded(encoded)
    if len(raw) != 33 or raw[0] != 1 or note_key_id(name, raw[1:]).hex() != key_id:
        raise ValueError("the key is not an Ed25519 key with its name and id")
    return name, raw[1:]


def note_key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def check(text: str, name: str, public: bytes) -> "tuple[bytes, int, int]":
    """The leaf, its index and the size of the log. Raises Unproved."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if len(lines) < 3 or lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("extra "):
        raise Unproved(*NO_PROOF)
    leaf = decoded(lines[1][len("extra ") :])
    index = number(lines[2][len("index ") :] if lines[2].startswith("index ") else "")
    path = [decoded(line) for line in lines[3:]]
    body, _, signatures = note.rpartition("\n\n")
    body += "\n"
    check_signature(body, signatures, name, public)
    stated = body.split("\n")
    if len(stated) < 4:
        raise Unproved("its checkpoint is cut short", "titik periksanya terpotong")
    origin, size_text, root = stated[:3]
    if origin != name:
        raise Unproved("the checkpoint is of another log", "titik periksa itu milik log lain")
    size = number(size_text)
    if climb(leaf, index, size, path) != decoded(root):
        raise Unproved(
            "the event was changed, or is not at this place: its path does not lead to the signed root",
            "peristiwa diubah, atau tidak di tempat ini: jalurnya tidak sampai ke akar yang ditandatangani",
        )
    return leaf, index, size


def decoded(text: str) -> bytes:
    """Strict base64: one text for each sequence of bytes, so that not a character can be changed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if base64.b64encode(raw).decode() != text:
        raise Unproved("its base64 was changed", "base64-nya diubah")
    return raw


def number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19 or str(int(text)) != text:
        raise Unproved("a place or a size is not a plain number", "tempat atau ukuran bukan bilangan biasa")
    return int(text)


def check_signature(body: str, signatures: str, name: str, public: bytes) -> None:
    key_id = note_key_id(name, public)
    *lines, end = signatures.split("\n")
    if end or not all(line.startswith(DASH) for line in lines):
        raise Unproved(*NO_PROOF)
    for line in lines:
        who, _, encoded = line[len(DASH) :].partition(" ")
        if who != name:
            continue
        raw = decoded(encoded)
        if raw[:4] == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], body.encode())
            except InvalidSignature:
                raise Unproved(
                    "the signature under the checkpoint is wrong", "tanda tangan titik periksa salah"
                ) from None
            return
    raise Unproved("the checkpoint is not signed with this key", "titik periksa tidak ditandatangani kunci ini")


def climb(leaf: bytes, index: int, size: int, path: "list[bytes]") -> bytes:
    """The root to which the path leads (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        raise Unproved(f"a log of {size} has no place {index}", f"log berisi {size} tidak punya tempat {index}")
    place, last = index, size - 1
    found = hashlib.sha256(b"\x00" + leaf).digest()
    for sibling in path:
        if last == 0:
            raise Unproved("the path is too long", "jalurnya terlalu panjang")
        if place & 1 or place == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise Unproved("the path is too short", "jalurnya terlalu pendek")
    return found


def shown(leaf: bytes) -> str:
    """The event in words: its topic, key, headers and value as they were on the wire."""
    parts = fields(leaf)
    topic, key, value = parts[:3]
    lines = [f"topic: {said(topic)}", f"key: {said(key)}"]
    lines += [f"{said(header)}: {said(held)}" for header, held in zip(parts[3::2], parts[4::2])]  # noqa: B905 — Python 3.9 has no strict
    return "\n".join([*lines, "", said(value)])


def fields(leaf: bytes) -> "list[bytes | None]":
    if not leaf.startswith(MAGIC):
        raise Unproved(
            "the event is written in a way that this program does not know",
            "bentuk peristiwa ini tidak dikenal program ini",
        )
    parts: list[bytes | None] = []
    at = len(MAGIC)
    while at < len(leaf):
        length = int.from_bytes(leaf[at : at + 4], "big")
        at += 4
        if length == 0xFFFFFFFF:
            parts.append(None)
        else:
            parts.append(leaf[at : at + length])
            at += length
    if len(parts) < 3:
        raise Unproved("the event is cut short", "peristiwanya terpotong")
    return parts


def said(raw: "bytes | None") -> str:
    """Text without characters that could play with a terminal."""
    text = "(none)" if raw is None else raw.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


if __name__ == "__main__":
    sys.exit(main())
