"""I10: no personal data in clear. The run's people are canaries, searched in every dress over everything that is not sealed (first pass), and in
everything sealed, opened with all live keys (second pass), where they may stand in declared places only; of who was erased nothing is found, of
everybody else something.

Each pass first finds a canary that is planted in memory; a search that finds nothing proves nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Set
from urllib.parse import quote

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from tests.faults.checker import pieces
from tests.faults.checker.canaries import Canaries, canaries
from tests.faults.checker.facts import CannotCheck
from tests.faults.checker.keys import FORM, CellKey
from tests.faults.checker.opened import Opened, keys_of_persons, opened
from tests.faults.checker.pieces import Piece
from tests.faults.checker.tally import Tally
from tests.faults.checker.views import Digests, clear, decoded, words
from tests.faults.checker.world import World

OVERLAP_PER_BYTE = 4
Hit = tuple[str, int, str]
"""How it was dressed, whose, and what."""


async def check(world: World, tally: Tally) -> None:
    """Not run where the journal tells of no people."""
    if not world.journal.people:
        return
    wanted = canaries(world.journal.people)
    digests = Digests.of(wanted.owners)
    _prove_that_it_finds(wanted, digests)
    async for piece in pieces.pieces(world, OVERLAP_PER_BYTE * wanted.longest):
        tally.checked += piece.things
        for hit in sorted(set(hits(piece.data, wanted, digests, raw=piece.raw))):
            await _tell(world, tally, piece, hit, wanted, digests)
    registered, keys = world.journal.registered, await keys_of_persons(world)
    erased = {number for who, number in registered.items() if who in keys and keys[who] is None}
    known = set[int]()
    async for one in opened(world, tally):
        known |= _search_opened(tally, one, wanted, erased)
    for who, number in registered.items():
        if keys.get(who) is not None:
            tally.see(number in known, "registration.people", who, expected="found with its key", actual="not found")
    if not known and any(answer.accepted for command in world.journal.commands for answer in command.answers):
        raise CannotCheck("of the people who were registered none was found even where they are declared to be")


def hits(data: bytes, wanted: Canaries, digests: Digests, *, raw: bool = False) -> Iterator[Hit]:
    """All that is found in these bytes; `raw`: in clear only."""
    for encoding, view in clear(data):
        for number, kind in wanted.found_in(view):
            yield encoding, number, kind
    if raw:
        return
    found = words(data)
    for encoding, view in decoded(found):
        for number, kind in wanted.found_in(view):
            yield encoding, number, kind
    values = [*digests.found_in(found)]
    if not data.isascii() and len(data) <= pieces.SMALL:
        values += digests.raw_in(data)
    for value in values:
        yield "SHA-256", *wanted.owners[value]


async def _tell(world: World, tally: Tally, piece: Piece, hit: Hit, wanted: Canaries, digests: Digests) -> None:
    """Names the part of the piece in which it stands, once the first few are not yet named."""
    where = piece.where
    if tally.violations < 5:
        for name, data in piece.parts:
            part = data or await _column(world, piece, name)
            if hit in hits(part, wanted, digests):
                where += name
                break
    tally.bad(where, f"person {hit[1]}", expected="no personal data in clear", actual=f"{hit[2]}, {hit[0]}")


async def _column(world: World, piece: Piece, name: str) -> bytes:
    service, _, table = piece.where.partition(".")
    return await pieces.column(world, service, table, name.removeprefix("."))


def _search_opened(tally: Tally, one: Opened, wanted: Canaries, erased: Set[int]) -> set[int]:
    """Whose canaries stand in what was opened; where nothing is declared each is an offence, and everywhere those of who was erased."""
    found = set(wanted.found_in(one.text))
    for number, kind in sorted(found):
        if number in erased:
            tally.bad(one.where, one.key, expected="nothing of an erased person", actual=f"{kind} of person {number}")
        elif not one.declared:
            tally.bad(one.where, one.key, expected="no personal data, or declared", actual=f"{kind} of person {number}")
    return {number for number, _ in found}


def _prove_that_it_finds(wanted: Canaries, digests: Digests) -> None:
    """Raises CannotCheck unless a canary is found by each pass in each dress."""
    value, owner = next(iter(wanted.owners.items()))
    text, digest = value.decode(), hashlib.sha256(value).digest()
    dressed = {
        "clear or UTF-16": [value, text.encode("utf-16-le"), text.encode("utf-16-be")],
        "percent-coded": ["".join(f"%{byte:02x}" for byte in value).encode(), quote(text + " ü").encode() + b"%20"],
        "hex": [value.hex().encode(), value.hex().upper().encode(), b"f" + value.hex().encode()],
        "base64": [base64.b64encode(b"x" * shift + value + b" and more") for shift in range(3)],
        "SHA-256": [
            digest.hex().encode(),
            base64.b64encode(digest),
            b"sha256-" + base64.b64encode(digest),
            digest + b"\xff",
        ],
    }
    for encoding, samples in dressed.items():
        for sample in samples:
            if owner not in {hit[1:] for hit in hits(b'{"a": "' + sample + b'"}', wanted, digests)}:
                raise CannotCheck(f"a planted canary was not found: {encoding}")
    cipher = AESSIV(bytes(64))
    box = FORM + cipher.encrypt(value, [b"toy", b"note", b"1"])
    if owner not in wanted.found_in(CellKey(cipher).open("toy", "note", "1", box) or b""):
        raise CannotCheck("a planted canary was not found in a cell that was opened")
