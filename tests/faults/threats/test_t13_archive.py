"""T13: whatever an insider with superuser rights does to the archive, every record he touched is named, and no other."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import asyncpg
import pytest

from services.audit.domain.verifying import Kind
from services.audit.publishing import notes_in
from services.audit.verification.run import Outcome
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.threats.insider import ALONE, ANYWHERE, Connection, Insider, Place, edit_the_value
from tests.integration.audit.world import World, audited
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
SHARES = 4
"""Of the deeds, so that they are done side by side."""
MOST_AT_ONCE = 6
"""Deeds in one archive."""
NEEDS = 2 * MOST_AT_ONCE
"""Places that so many deeds may touch."""


@pytest.fixture
async def world(stack: Stack, tmp_path: Path) -> AsyncIterator[World]:
    async with audited(stack, tmp_path / "checkpoints") as w:
        yield w


@pytest.fixture
async def conn(world: World) -> AsyncIterator[Connection]:
    """The insider's."""
    connection = await asyncpg.connect(world.admin_url)
    yield connection
    await connection.close()


def named(outcome: Outcome) -> set[Place]:
    return {(finding.kind, finding.place) for finding in outcome.findings}


def wrong(where: str, wanted: set[Place], found: set[Place]) -> Iterable[Violation]:
    """What was done and is not told, and what is told and was not done."""
    for kind, place in sorted(wanted - found):
        yield {"where": where, "key": str(place), "expected": kind, "actual": "not named"}
    for kind, place in sorted(found - wanted):
        yield {"where": where, "key": str(place), "expected": "not named", "actual": kind}


async def grown(world: World, dice: random.Random) -> tuple[list[int], int]:
    """A small archive anew, with a few checkpoints, across the edge of a tile or not; their sizes, and how many leaves lie after the last."""
    await world.wipe()
    parts = [dice.choice((1, 2, 7, 60, 255, 256, dice.randint(2, 200))) for _ in range(dice.randint(1, 3))]
    parts[0] = max(parts[0], NEEDS)
    unsigned = dice.choice((0, 0, 1, 5))
    await world.filled(*parts)
    if unsigned:
        await world.keep(*world.branches(unsigned))
    return [sum(parts[: number + 1]) for number in range(len(parts))], unsigned


async def done(one: Insider, most: int) -> tuple[int, set[Place]]:
    """So many deeds, and what must be named."""
    if not one.unsigned and one.dice.random() < 0.3:
        return 1, await one.dice.choice(ALONE)(one)
    wanted: set[Place] = set()
    number = min(most, one.dice.randint(1, MOST_AT_ONCE))
    for _ in range(number):
        wanted |= await one.dice.choice(ANYWHERE)(one)
    return number, wanted


@pytest.mark.cell("threat.T13", fault="T13", service="audit")
@pytest.mark.parametrize("share", range(SHARES))
async def test_every_deed_is_named_and_no_record_falsely(
    world: World, conn: Connection, evidence: Evidence, seed: int, scale: Scale, share: int
) -> None:
    """1,000 edits, deletions, insertions, swaps and cuts, over many small archives; each is green before it is touched."""
    dice, number = random.Random(f"{seed}.{share}"), scale(test=1_000, long=10_000) // SHARES
    deeds, checked, found = 0, 0, list[Violation]()
    while deeds < number and not found:  # one that is wrong is enough
        signed, unsigned = await grown(world, dice)
        where = f"archive of {signed} + {unsigned}, after {deeds} deeds"
        found += wrong(f"untouched {where}", set(), named(await world.verify()))
        one = Insider(conn, dice, signed=signed, unsigned=unsigned)
        more, wanted = await done(one, number - deeds)
        found += wrong(where, wanted, named(await world.verify()))
        deeds, checked = deeds + more, checked + one.head
    evidence.fired(deeds, of=number, unit="edit")
    evidence.holds("I8", checked=checked, violations=found)


@pytest.mark.cell("threat.T13", fault="T13", service="audit")
async def test_a_history_rewritten_and_signed_anew_contradicts_a_checkpoint_kept_outside(
    world: World, conn: Connection, evidence: Evidence, seed: int, scale: Scale
) -> None:
    """By an insider who has the log's key, its folder and its database: only what somebody else kept is left, and it is enough."""
    dice, number = random.Random(seed), scale(test=25, long=250)
    found, turn = list[Violation](), 0
    while turn < number and not found:
        turn += 1
        await world.wipe()
        parts = [dice.randint(2, 200) for _ in range(3)]
        await world.filled(*parts)
        kept = notes_in(world.folder)
        one = Insider(conn, dice, signed=[sum(parts[: n + 1]) for n in range(3)], unsigned=0)
        ((_, place),) = await edit_the_value(one)
        await rewrite(world, conn, one.signed)
        where = f"archive {turn} of {one.signed}, {place} edited"
        found += wrong(where, set(), named(await world.verify()))  # of itself it is in order, or this proves nothing
        caught = {(Kind.CHECKPOINT, size) for size in one.signed if size > place}
        found += wrong(where, caught, named(await world.verify(kept=[*kept.values()])))
    evidence.fired(turn, of=number, unit="edit")
    evidence.holds("I8", checked=turn, violations=found)


async def rewrite(world: World, conn: Connection, signed: list[int]) -> None:
    """Everything that proves the log is made anew from its records as they are now, of the same sizes."""
    await conn.execute("CREATE TEMPORARY TABLE IF NOT EXISTS history (LIKE archive)")
    await conn.execute("TRUNCATE history; INSERT INTO history SELECT * FROM archive")
    await world.wipe()
    await conn.execute("INSERT INTO log_head VALUES (1, 0)")
    for before, size in zip([0, *signed], signed, strict=False):
        await conn.execute("INSERT INTO archive SELECT * FROM history WHERE place >= $1 AND place < $2", before, size)
        await conn.execute("UPDATE log_head SET size = $1", size)
        await world.signer.sign()
    await world.signer.publish()
