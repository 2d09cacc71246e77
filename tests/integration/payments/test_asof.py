"""Whatever moment is asked for, payments tells its state as it then stood: every table and row, from the events alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from chassis.asof import as_of, rows_of
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import agent, bill
from tests.integration.payments.people import register
from tests.support.service import Harness

_KEYS = sa.text("SELECT DISTINCT stream, key FROM event_log")


async def standing(h: Harness) -> tuple[datetime, dict[str, Any]]:
    """Now, and every row there is; a minute passes."""
    now = h.clock.wall()
    async with h.app.read() as conn:
        found = await rows_of(conn, h.service)
    h.clock.move_wall(timedelta(minutes=1))
    return now, found


async def test_every_past_moment_is_told_as_it_stood(h: Harness, bank: Bank) -> None:
    pictures = [await standing(h)]
    first, second, third = [await register(h) for _ in range(3)]
    pictures.append(await standing(h))
    assert code(await bank.buy(first.code)) == "2002500"
    pictures.append(await standing(h))
    whole = await bill(h, [second, third])
    balance = (await h.client.post("/agent-balances", headers=agent(h))).json()
    assert code(await bank.pay(balance["code"], 5_000)) == "2002500"
    pictures.append(await standing(h))
    assert code(await bank.pay(whole["code"], whole["amount"])) == "2002500"
    await h.due("collective-posting")
    pictures.append(await standing(h))
    async with h.app.read() as conn:
        of = [(row.stream, row.key) for row in await conn.execute(_KEYS)]
    app, told = h.app, []
    for at, _ in pictures:
        account = await as_of(h.service, app.engine, app.vault, app.keys, at=at, now=h.clock.wall(), of=of)
        told.append((at, account.tables))
    assert told == pictures
    assert len({len(tables) for _, tables in pictures}) > 2


async def test_one_person_is_told_without_the_others(h: Harness, bank: Bank) -> None:
    who, other = await register(h), await register(h)
    for somebody in (who, other):
        assert code(await bank.buy(somebody.code)) == "2002500"
    app, now = h.app, h.clock.wall()
    of = [("contributions", str(who.participant_id))]
    account = await as_of(h.service, app.engine, app.vault, app.keys, at=now, now=now, of=of)
    assert {row["participant_id"] for row in account.tables["bills"]} == {str(who.participant_id)}
    assert {row["participant_id"] for row in account.tables["payments"]} == {str(who.participant_id)}
    assert sum(row["debit"] for row in account.tables["balances"]) == 36_800
    assert str(other.participant_id) not in str(account.as_json())
