"""A proof made here is accepted by the verifier that stands alone; and order is judged event by event."""

from __future__ import annotations

from uuid import UUID

import pytest

from chassis.ids import new_id
from services.audit.queries.order import Odd, Oddity, oddities
from services.audit.queries.proofs import Broken, NotArchived, NotSigned, prove
from services.audit.verifier import verify_proof
from tests.integration.audit.world import ORIGIN, World


async def event_at(w: World, place: int) -> UUID:
    found: UUID = await w.one("SELECT event_id FROM archive WHERE place = :place", place=place)
    return found


@pytest.mark.parametrize("place", [0, 255, 256, 299, 599])
async def test_every_event_under_a_checkpoint_is_proved(w: World, place: int) -> None:
    await w.filled(300, 300)
    async with w.h.app.read() as conn:
        proof = await prove(conn, ORIGIN, await event_at(w, place), w.settings.shelf)
    assert proof.check([w.settings.public_key]).size == 600
    leaf, index, size = verify_proof.check(str(proof), ORIGIN, w.settings.public_key.public)
    assert (index, size) == (place, 600)
    assert b"BranchOpened" in leaf


async def test_what_cannot_be_proved_is_said(w: World) -> None:
    await w.filled(10)
    await w.keep(w.branch())
    async with w.h.app.read() as conn:
        with pytest.raises(NotArchived):
            await prove(conn, ORIGIN, new_id(), w.settings.shelf)
        with pytest.raises(NotSigned):
            await prove(conn, ORIGIN, await event_at(w, 10), w.settings.shelf)
    await w.tamper("UPDATE archive SET leaf = leaf || '\\x00'::bytea WHERE place = 3")
    async with w.h.app.read() as conn:
        with pytest.raises(Broken, match="verify"):
            await prove(conn, ORIGIN, await event_at(w, 3), w.settings.shelf)
    await w.tamper("DELETE FROM tiles")
    async with w.h.app.read() as conn:
        with pytest.raises(Broken, match="tile/0/000"):
            await prove(conn, ORIGIN, await event_at(w, 4), w.settings.shelf)


async def odd(w: World) -> list[Odd]:
    async with w.h.app.read() as conn:
        return await oddities(conn)


async def test_order_without_holes_is_not_odd(w: World) -> None:
    key = new_id()
    await w.keep(*(w.branch(key=key, seq=seq) for seq in (1, 2, 3)), *w.branches(5))
    assert await odd(w) == []


async def test_gaps_doubles_and_early_events_are_named(w: World) -> None:
    gap, double, early, late = sorted(str(new_id()) for _ in range(4))
    await w.keep(*(w.branch(key=gap, seq=seq) for seq in (1, 2, 6, 7)))
    await w.keep(*(w.branch(key=double, seq=seq) for seq in (1, 2, 2)))
    await w.keep(*(w.branch(key=early, seq=seq) for seq in (1, 3, 2)))
    await w.keep(*(w.branch(key=late, seq=seq) for seq in (4, 5)))
    assert await odd(w) == [
        Odd(Oddity.GAP, "branches", gap, 3, 5),
        Odd(Oddity.DOUBLE, "branches", double, 2, 2),
        Odd(Oddity.EARLY, "branches", early, 3, 3),
        Odd(Oddity.GAP, "branches", late, 1, 3),
    ]
