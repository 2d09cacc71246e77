"""Checkpoints: over everything that arrived, each continuing the one before, and in files outside the database."""

from __future__ import annotations

import asyncio
import base64
import itertools

import pytest

from services.audit.commands import sign as signing
from services.audit.domain import notes
from services.audit.domain.checkpoints import Checkpoint, check_continues
from services.audit.domain.merkle import EMPTY_ROOT
from services.audit.publishing import OtherCheckpoint, publish
from tests.integration.audit.world import ORIGIN, World
from tests.unit.audit.test_merkle import Tree


async def test_a_checkpoint_is_the_tree_over_the_archive(w: World) -> None:
    await w.keep(*w.branches(300))
    signed = await w.signer.sign()
    leaves = [bytes(leaf) for (leaf,) in await w.rows("SELECT leaf FROM archive ORDER BY place")]
    assert signed.checkpoint == Checkpoint(ORIGIN, 300, Tree(leaves).over(0, 300))
    note = notes.parse(await w.one("SELECT note FROM checkpoints"))
    assert note.is_signed_by(w.settings.public_key)
    assert Checkpoint.parse(note.text) == signed.checkpoint


async def test_every_checkpoint_continues_the_one_before(w: World) -> None:
    """Sizes that end within, at and after a tile."""
    for count in (1, 254, 1, 1, 255, 300, 700):
        await w.keep(*w.branches(count))
        await w.signer.sign()
    found = await w.rows("SELECT size, root, before, path FROM checkpoints ORDER BY size")
    assert [row.size for row in found] == [1, 255, 256, 257, 512, 812, 1_512]
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    signed = [empty, *(Checkpoint(ORIGIN, row.size, base64.b64decode(row.root)) for row in found)]
    for (older, newer), row in zip(itertools.pairwise(signed), found, strict=True):
        assert row.before == older.size
        check_continues(older, newer, [base64.b64decode(hash_) for hash_ in row.path])
    leaves = [bytes(leaf) for (leaf,) in await w.rows("SELECT leaf FROM archive ORDER BY place")]
    assert signed[-1].root == Tree(leaves).over(0, 1_512)


async def test_a_long_queue_is_signed_in_several(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "MOST_LEAVES", 100)
    await w.keep(*w.branches(250))
    assert [(await w.signer.sign()).more for _ in range(3)] == [150, 50, 0]


async def test_nothing_new_is_not_signed_again(w: World) -> None:
    assert (await w.signer.sign()).checkpoint is None
    await w.keep(*w.branches(2))
    assert (await w.signer.sign()).checkpoint is not None
    assert (await w.signer.sign()).checkpoint is None


async def test_our_own_checkpoints_bring_about_no_further_one(w: World) -> None:
    """They are archived like all events, and lie under the next checkpoint that something else brings about."""
    await w.keep(*w.branches(2))
    await w.signer.sign()
    (own,) = await w.h.events("checkpoints")
    await w.h.app.composition.keepers["audit"]([w.h.record(own.event, key=ORIGIN)])
    assert (await w.signer.sign()).checkpoint is None
    await w.keep(w.branch())
    assert (await w.signer.sign()).checkpoint == Checkpoint(
        ORIGIN, 4, base64.b64decode(await w.one("SELECT root FROM checkpoints WHERE size = 4"))
    )


async def test_signers_that_meet_sign_once(w: World) -> None:
    await w.keep(*w.branches(40))
    outcomes = await asyncio.gather(*(w.signer.sign() for _ in range(4)))
    assert sum(outcome.checkpoint is not None for outcome in outcomes) == 1
    assert await w.one("SELECT count(*) FROM checkpoints") == 1


async def test_state_is_a_fold_of_our_own_events(w: World) -> None:
    await w.keep(*w.branches(3))
    await w.signer.sign()
    await w.keep(*w.branches(3))
    await w.signer.sign()
    outcome = await w.h.replay()
    assert (outcome.equal, outcome.rows) == (True, {"checkpoints": 2})


async def test_checkpoints_are_written_outside(w: World) -> None:
    await w.keep(*w.branches(3))
    await w.signer.sign()
    await w.keep(*w.branches(3))
    await w.signer.sign()
    await w.signer.publish()
    assert sorted(file.name for file in w.folder.iterdir()) == [
        f"{3:020d}.checkpoint",
        f"{3:020d}.path",
        f"{6:020d}.checkpoint",
        f"{6:020d}.path",
        "checkpoint",
        "tile",
    ]
    assert len((w.folder / "tile/0/000.p/6").read_bytes()) == 6 * 32
    newest = notes.parse((w.folder / "checkpoint").read_text())
    assert newest.is_signed_by(w.settings.public_key)
    assert Checkpoint.parse(newest.text).size == 6


async def test_what_was_signed_before_a_crash_is_written_after_it(w: World) -> None:
    await w.keep(*w.branches(3))
    await w.signer.sign()
    stop = asyncio.Event()
    running = asyncio.create_task(w.signer.run(stop))
    await asyncio.wait_for(_exists(w), 60)
    stop.set()
    await running


async def _exists(w: World) -> None:
    while not (w.folder / "checkpoint").exists():
        await asyncio.sleep(0.01)


async def test_a_rewritten_log_does_not_overwrite_an_older_checkpoint(w: World) -> None:
    one, other = [f"{Checkpoint(ORIGIN, 3, bytes([n] * 32)).text}\n— a AAAAAAAA\n" for n in (1, 2)]
    publish(w.folder, 3, one, [], {})
    publish(w.folder, 3, one, [], {})
    with pytest.raises(OtherCheckpoint, match=r"00003\.checkpoint"):
        publish(w.folder, 3, other, [], {})
