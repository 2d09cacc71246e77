"""Whatever an insider with superuser rights does to the archive is named, record by record, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import pytest

from services.audit.domain.base64text import to_text
from services.audit.domain.merkle import consistency_spans, leaf_hash, span_hash
from services.audit.domain.verifying import Finding, Kind
from services.audit.verification.run import Outcome
from tests.integration.audit.world import World
from tests.unit.audit.test_merkle import Tree

Place = tuple[Kind, int]


def places(outcome: Outcome) -> set[Place]:
    return {(finding.kind, finding.place) for finding in outcome.findings}


def of_kind(outcome: Outcome, kind: Kind) -> list[Finding]:
    return [finding for finding in outcome.findings if finding.kind is kind]


async def test_an_untouched_archive_is_verified(w: World) -> None:
    told: list[tuple[int, int]] = []
    await w.filled(1, 254, 2, 255, 800)
    await w.keep(*w.branches(3))
    outcome = await w.verify(tell=lambda done, of: told.append((done, of)))
    assert (outcome.findings, outcome.events, outcome.unsigned, outcome.checkpoints) == ([], 1_312, 3, 5)
    assert told[-1] == (1_312, 1_312)


async def test_of_an_archive_without_a_checkpoint_nothing_is_verified(w: World) -> None:
    outcome = await w.verify()
    assert (outcome.verified, outcome.findings) == (False, [])


ALTER = (
    "UPDATE archive SET leaf = set_byte(leaf, place::int * 37 % length(leaf), get_byte(leaf, place::int * 37 % length(leaf)) # 1)"
    " WHERE place = $1"
)
"""Anywhere in topic, key, value, headers or the lengths between them."""
DELETE = "DELETE FROM archive WHERE place = $1"
INSERT = (
    "INSERT INTO archive SELECT $1, gen_random_uuid(), topic, source, stream, key, seq, type, version, rules, occurred_at, recorded_at,"
    " actor, correlation_id, causation_id, branch_id, wadah_id, agent_id, participant_id, leaf || '\\x00'::bytea FROM archive WHERE place = 0"
)


async def alter(w: World, place: int, other: int) -> set[Place]:
    await w.tamper(ALTER, place)
    return {(Kind.ALTERED, place)}


async def delete(w: World, place: int, other: int) -> set[Place]:
    await w.tamper(DELETE, place)
    return {(Kind.DELETED, place)}


async def insert(w: World, place: int, other: int) -> set[Place]:
    """Past the end of the log: a place in the middle is taken."""
    await w.tamper(INSERT, 10_000 + place)
    return {(Kind.INSERTED, 10_000 + place)}


async def swap(w: World, place: int, other: int) -> set[Place]:
    """The whole records, with all that finds them."""
    await w.tamper(f"UPDATE archive SET place = -1 WHERE place = {place}")
    await w.tamper(f"UPDATE archive SET place = {place} WHERE place = {other}")
    await w.tamper(f"UPDATE archive SET place = {other} WHERE place = -1")
    return {(Kind.MOVED, place), (Kind.MOVED, other)}


async def misfile(w: World, place: int, other: int) -> set[Place]:
    await w.tamper("UPDATE archive SET actor = 'somebody else' WHERE place = $1", place)
    return {(Kind.MISFILED, place)}


DEEDS: list[Callable[[World, int, int], Awaitable[set[Place]]]] = [alter, delete, insert, swap, misfile]


@pytest.mark.parametrize("seed", range(12))
async def test_every_deed_is_named_and_nothing_else(w: World, seed: int) -> None:
    """A score of deeds on one log, in random places, some in the unsigned tail's neighbourhood."""
    chosen = random.Random(seed)
    await w.filled(chosen.randint(1, 300), chosen.randint(250, 600))
    size = await w.one("SELECT size FROM log_head")
    free = chosen.sample(range(size), 40)
    wanted: set[Place] = set()
    for _ in range(20):
        wanted |= await chosen.choice(DEEDS)(w, free.pop(), free.pop())
    outcome = await w.verify()
    assert places(outcome) == wanted
    assert len(outcome.findings) == len(wanted)


async def test_what_was_deleted_after_the_last_checkpoint_leaves_a_hole(w: World) -> None:
    await w.filled(5)
    await w.keep(*w.branches(5))
    await w.tamper(DELETE, 7)
    assert places(await w.verify()) == {(Kind.DELETED, 7)}


@pytest.mark.parametrize("head", [1_003, 2**62])
async def test_of_more_holes_than_are_listed_the_rest_is_counted(w: World, head: int) -> None:
    """An archive that was emptied, and nothing that was signed is left."""
    await w.keep(*w.branches(3))
    await w.tamper(f"TRUNCATE archive; UPDATE log_head SET size = {head}")
    *listed, rest = (await w.verify()).findings
    assert [finding.place for finding in listed] == [*range(1_000)]
    assert (rest.place, rest.kind) == (1_000, Kind.DELETED)
    assert rest.detail.startswith(f"{head - 1_000} more from here to place {head - 1}: archived")


async def test_a_tree_changed_together_with_its_record_does_not_hide_it(w: World) -> None:
    """The insider computes the tile anew; the one above, or the copy outside, tells."""
    await w.filled(600)
    await w.tamper(ALTER, 300)
    await retile(w, 1)
    assert places(await w.verify()) == {(Kind.ALTERED, 300), (Kind.TILE, 256)}


async def test_without_a_copy_the_range_is_named(w: World) -> None:
    await w.filled(600)
    await w.tamper(ALTER, 300)
    await retile(w, 1)
    for file in w.folder.rglob("tile/0/*"):
        if file.is_file():
            file.unlink()
    assert places(await w.verify()) == {(Kind.UNPROVABLE, 256)}


async def test_a_changed_tile_alone_accuses_no_record(w: World) -> None:
    await w.filled(600)
    await w.tamper(
        "UPDATE tiles SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 0 AND number = 1"
    )
    assert places(await w.verify()) == {(Kind.TILE, 256)}
    await w.tamper("UPDATE tiles SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 1")
    assert places(await w.verify()) == {(Kind.TILE, 256), (Kind.TILE, 0)}


async def retile(w: World, number: int) -> None:
    leaves = await w.rows(
        f"SELECT leaf FROM archive WHERE place >= {number * 256} AND place < {number * 256 + 256} ORDER BY place"
    )
    hashes = b"".join(leaf_hash(bytes(leaf)) for (leaf,) in leaves)
    await w.tamper("UPDATE tiles SET hashes = $1 WHERE level = 0 AND number = $2 AND width = 256", hashes, number)


async def test_a_history_rewritten_and_signed_anew_is_caught_by_a_checkpoint_kept_outside(w: World) -> None:
    """Even by an insider who has the key: whoever kept an older checkpoint sees that the log does not begin with it."""
    await w.filled(40)
    kept = (w.folder / "checkpoint").read_text()
    await w.tamper(ALTER, 7)
    await w.tamper("DELETE FROM tiles; DELETE FROM checkpoints; DELETE FROM event_log")
    for file in sorted(w.folder.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    await w.filled(10)
    assert (await w.verify()).verified, "nothing of its own contradicts it"
    outcome = await w.verify(kept=[kept])
    assert {finding.place for finding in of_kind(outcome, Kind.CHECKPOINT)} == {40}
    assert any("history was rewritten" in finding.detail for finding in outcome.findings)


async def test_a_rewritten_history_is_told_record_by_record_by_the_tiles_outside(w: World) -> None:
    await w.filled(300, 100)
    await w.tamper(ALTER, 7)
    leaves = [bytes(leaf) for (leaf,) in await w.rows("SELECT leaf FROM archive ORDER BY place")]
    await w.tamper("DELETE FROM tiles; DELETE FROM checkpoints")
    tree = Tree(leaves)
    assert tree.over(0, 400)
    outcome = await w.verify()
    assert (Kind.ALTERED, 7) in places(outcome)
    assert {finding.place for finding in of_kind(outcome, Kind.ALTERED)} == {7}
    assert {finding.place for finding in of_kind(outcome, Kind.CHECKPOINT)} == {300, 400}


async def test_a_checkpoint_of_another_log_or_a_forged_one_is_named(w: World) -> None:
    await w.filled(3)
    note = (w.folder / "checkpoint").read_text()
    for kept in (
        "nonsense",
        note.replace("audit.tests.example/log", "other.example/log"),
        note.replace("\n3\n", "\n2\n"),
    ):
        (finding,) = (await w.verify(kept=[kept])).findings
        assert finding.kind is Kind.CHECKPOINT
        assert "kept outside is not this log's" in finding.detail


async def test_a_changed_checkpoint_is_named(w: World) -> None:
    await w.filled(3, 3)
    await w.tamper("UPDATE checkpoints SET size = 5 WHERE size = 6")
    outcome = await w.verify()
    assert {finding.kind for finding in outcome.findings} == {Kind.CHECKPOINT}
    assert {finding.place for finding in outcome.findings} == {5, 6}


@pytest.mark.parametrize("deed", ["DELETE FROM checkpoints", "UPDATE checkpoints SET root = 'AAA'"])
@pytest.mark.parametrize("outside", [True, False])
async def test_one_checkpoint_accuses_no_other(w: World, deed: str, outside: bool) -> None:
    """Also where nobody kept a copy: the next one says which is missing, and the tree what it was."""
    await w.filled(3, 3, 300, 3)
    if not outside:
        for file in w.folder.glob("*.checkpoint"):
            file.unlink()
    await w.tamper(f"{deed} WHERE size = 6")
    assert places(await w.verify()) == {(Kind.CHECKPOINT, 6)}


async def test_a_checkpoint_that_proves_no_longer_what_it_follows_on_is_named(w: World) -> None:
    await w.filled(3, 3, 3)
    await w.tamper("UPDATE checkpoints SET before = 3 WHERE size = 9")
    assert places(await w.verify()) == {(Kind.CHECKPOINT, 9)}
    await w.tamper("UPDATE checkpoints SET before = 6, path = '{}' WHERE size = 9")
    assert places(await w.verify()) == {(Kind.CHECKPOINT, 9)}


async def test_a_checkpoint_that_passes_another_over_is_named(w: World) -> None:
    """What it says is true of the log, and not what was recorded."""
    await w.filled(3, 3, 3)
    tree = Tree([bytes(leaf) for (leaf,) in await w.rows("SELECT leaf FROM archive ORDER BY place")])
    path = [to_text(span_hash(span, tree.node)) for span in consistency_spans(3, 9)]
    await w.tamper("UPDATE checkpoints SET before = 3, path = $1 WHERE size = 9", path)
    (finding,) = (await w.verify()).findings
    assert (finding.kind, finding.place) == (Kind.CHECKPOINT, 9)
    assert "it follows on 3" in finding.detail
