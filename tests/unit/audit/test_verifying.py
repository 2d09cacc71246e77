"""Whatever is done to rows, every one that was touched is named, and no other one."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.verifying import Finding, Kind, Part, Row, Stray, compare, resolve

SIZE, PART = 60, 16
HASHES = [sha256(str(place).encode()).digest() for place in range(SIZE)]


def rows() -> dict[int, Row]:
    return {place: Row(hash_, f"event {place}") for place, hash_ in enumerate(HASHES)}


def judged(there: dict[int, Row]) -> list[Finding]:
    """In parts, as a verification goes, so that what was moved from one part to another is told across them."""
    parts = [
        compare(start, HASHES[start : start + PART], {p: row for p, row in there.items() if start <= p < start + PART})
        for start in range(0, SIZE, PART)
    ]
    beyond = [Stray(place, row.hash, row.event_id) for place, row in there.items() if place >= SIZE]
    return resolve(parts, beyond)


def test_an_untouched_archive_has_no_finding() -> None:
    assert judged(rows()) == []


@given(st.permutations(range(SIZE)), st.integers(0, 6), st.integers(0, 6), st.integers(0, 3), st.integers(0, 4))
def test_everything_touched_is_named_and_nothing_else(
    order: list[int], altered: int, deleted: int, swaps: int, inserted: int
) -> None:
    there, free = rows(), iter(order)
    wanted: set[tuple[Kind, int]] = set()
    for _ in range(altered):
        place = next(free)
        there[place] = Row(sha256(b"forged" + bytes([place])).digest(), f"event {place}")
        wanted.add((Kind.ALTERED, place))
    for _ in range(deleted):
        place = next(free)
        del there[place]
        wanted.add((Kind.DELETED, place))
    for _ in range(swaps):
        one, other = next(free), next(free)
        there[one], there[other] = there[other], there[one]
        wanted |= {(Kind.MOVED, one), (Kind.MOVED, other)}
    for number in range(inserted):
        there[SIZE + number] = Row(sha256(b"new" + bytes([number])).digest(), "new")
        wanted.add((Kind.INSERTED, SIZE + number))
    assert {(finding.kind, finding.place) for finding in judged(there)} == wanted
    assert all(" / " in finding.detail for finding in judged(there)), "in English and Indonesian"
    assert len(judged(there)) == len(wanted)


def test_an_event_put_into_the_middle_is_told_from_those_it_pushed_on() -> None:
    there = rows()
    pushed = {place + 1: row for place, row in there.items() if place >= 50}
    there = {place: row for place, row in there.items() if place < 50} | pushed | {50: Row(bytes(32), "new")}
    found = judged(there)
    assert [(f.kind, f.place, f.event_id) for f in found if f.kind is Kind.INSERTED] == [(Kind.INSERTED, 50, "new")]
    assert {f.place for f in found if f.kind is Kind.MOVED} == set(range(51, 61))
    assert {f.kind for f in found} == {Kind.INSERTED, Kind.MOVED}


def test_columns_that_lie_are_named_beside_an_event_that_does_not() -> None:
    there = rows()
    there[7] = there[7]._replace(misfiled=("actor", "branch_id"))
    (finding,) = judged(there)
    assert (finding.kind, finding.place, finding.detail) == (
        Kind.MISFILED,
        7,
        "columns actor, branch_id are not the event's / kolom itu bukan milik peristiwanya",
    )


def test_a_part_without_rows_is_all_deleted() -> None:
    assert compare(0, HASHES[:2], {}) == Part(missing=((0, HASHES[0]), (1, HASHES[1])))
