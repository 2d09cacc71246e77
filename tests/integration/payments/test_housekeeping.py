"""Plumbing past its use goes; what still matters stays."""

from __future__ import annotations

from datetime import timedelta

from services.payments.tables import external_ids, inquiries, snap_tokens
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import register
from tests.integration.payments.test_snap_access import count
from tests.support.service import Harness

PLUMBING = (snap_tokens, external_ids, inquiries)


async def test_dead_tokens_used_ids_and_old_inquiries_are_deleted_in_their_time(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.inquire(who.code, "REQ-1")
    assert await h.due("snap-housekeeping") == 0
    assert [await count(h, table) for table in PLUMBING] == [1, 1, 1]
    h.clock.move_wall(timedelta(hours=2))
    assert await h.due("snap-housekeeping") == 1
    assert [await count(h, table) for table in PLUMBING] == [0, 1, 1]
    h.clock.move_wall(timedelta(days=2))
    await h.due("snap-housekeeping")
    assert [await count(h, table) for table in PLUMBING] == [0, 0, 1]
    bank.token = (await bank.ask_token()).json()["accessToken"]
    assert code(await bank.pay(who.code, 36_800, "REQ-1")) == "2002500"
    h.clock.move_wall(timedelta(days=40))
    await h.due("snap-housekeeping")
    assert [await count(h, table) for table in PLUMBING] == [0, 0, 0]
