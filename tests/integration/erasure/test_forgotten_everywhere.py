"""Registered, billed, paid, ended, erased: in all three services replay equals live, and no search finds the person, with any live key either."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.integration.erasure.searching import in_clear, opened, sought
from tests.integration.erasure.three import Three, three
from tests.integration.payments.bank import code
from tests.integration.registration.world import form, nik_of
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(1_200)
DECLARED = {
    "registration": {"people.nik", "people.name", "people.phone", "people.address", "ParticipantRegistered"},
    "payments": {"payers.name", "payee_accounts.details", "PayerAdded", "PayeeAccountRecorded"},
    "notifications": {"recipients.name", "recipients.phone", "RecipientAdded"},
}
"""Where a search with live keys finds a person who was not erased."""


def somebody(name: str, phone: str) -> dict[str, Any]:
    return form(nik=nik_of(), name=name, phone=phone, address=f"Gang {name} 7, Cimone")


def values(person: dict[str, Any]) -> dict[str, str]:
    return {kind: person[kind] for kind in ("nik", "name", "phone", "address")}


async def register(all_: Three, person: dict[str, Any]) -> tuple[UUID, str]:
    answer = await all_.world.register(person, all_.world.officer())
    assert answer.status_code == 201, answer.text
    await all_.carry()
    return UUID(answer.json()["participant_id"]), answer.json()["contribution_code"]


async def pay(all_: Three, number: str) -> None:
    assert code(await all_.bank.buy(number)) == "2002500"
    await all_.carry()


async def payee(all_: Three, who: UUID, holder: str) -> None:
    headers = all_.payments.token(roles=["officer"], branch_id=all_.world.branch_id)
    body = {
        "kind": "PARTICIPANT",
        "owner_id": str(who),
        "bank_code": "008",
        "number": "1370001234567",
        "holder": holder,
    }
    answer = await all_.payments.client.post("/payee-accounts", json=body, headers=headers)
    assert answer.status_code == 201, answer.text


async def assert_replays_equal(all_: Three) -> None:
    for h in all_.all:
        assert (await h.replay()).differences == [], h.service.name


async def test_nothing_finds_who_was_erased_and_replays_stay_equal(stack: Stack) -> None:
    gone, unpaid, stays = (
        somebody("Wanodya Lenggahjati", "081255512301"),
        somebody("Sasmaya Prawirodirjo", "081255512302"),
        somebody("Kartawirya Mangkusubroto", "081255512303"),
    )
    async with three(stack) as all_:
        (who, number), (never_paid, _), (other, others_number) = [
            await register(all_, one) for one in (gone, unpaid, stays)
        ]
        for paid in (number, others_number):
            await pay(all_, paid)
        await payee(all_, who, gone["name"])
        await payee(all_, other, stays["name"])
        keeper = all_.world.h
        for h in all_.all:
            assert {where for where, _ in await opened(h, keeper, sought(values(gone)))} == DECLARED[h.service.name]
        assert await all_.erase(who) == "REFUSED"

        all_.clock.move(timedelta(days=150))
        await all_.work()
        assert await all_.erase(never_paid) == "FORGOTTEN"
        assert await all_.erase(who) == "REFUSED"  # the years of retention
        await assert_replays_equal(all_)

        all_.clock.move(timedelta(days=3_653))
        assert await all_.erase(who) == "FORGOTTEN"
        await assert_replays_equal(all_)
        await all_.carry(again=True)
        await assert_replays_equal(all_)

        for h in all_.all:
            for person in (gone, unpaid):
                assert await in_clear(h, sought(values(person))) == set(), h.service.name
                assert await opened(h, keeper, sought(values(person))) == set(), h.service.name
            assert await in_clear(h, sought(values(stays))) == set(), h.service.name
            assert {where for where, _ in await opened(h, keeper, sought(values(stays)))} == DECLARED[h.service.name]
        await _a_planted_canary_is_found(all_, gone)

        again, _ = await register(all_, gone)
        assert again != who
        async with all_.payments.app.read() as conn:
            query = sa.text("SELECT new_to_bpu FROM payers WHERE participant_id = :it")
            assert (await conn.execute(query, {"it": again})).scalar_one() is False


async def _a_planted_canary_is_found(all_: Three, person: dict[str, Any]) -> None:
    """A search that finds nothing proves nothing: in each service each pass finds what is put there."""
    wanted = sought(values(person))
    for h in all_.all:
        table = {"registration": "people", "payments": "payers", "notifications": "recipients"}[h.service.name]
        async with h.app.engine.connect() as conn:
            row = (await conn.execute(sa.text(f"SELECT participant_id FROM {table} WHERE name IS NOT NULL"))).first()
            assert row is not None
            plain = "INSERT INTO number_blocks (kind, next) VALUES (:text, 1)"
            await conn.execute(sa.text(plain), {"text": f"NIK {person['nik']}".encode().hex()})
            box = h.app.vault.seal(table, "name", row.participant_id, person["name"])
            kept = (
                await conn.execute(
                    sa.text(f"SELECT name FROM {table} WHERE participant_id = :it"), {"it": row.participant_id}
                )
            ).scalar_one()
            put = sa.text(f"UPDATE {table} SET name = :box WHERE participant_id = :it")
            await conn.execute(put, {"box": box, "it": row.participant_id})
            await conn.commit()  # lint: commit — what a leak would leave behind
            assert ("number_blocks", "nik") in await in_clear(h, wanted)
            assert (f"{table}.name", "name") in await opened(h, all_.world.h, wanted)
            await conn.execute(put, {"box": kept, "it": row.participant_id})
            await conn.execute(sa.text("DELETE FROM number_blocks WHERE next = 1"))
            await conn.commit()  # lint: commit — as before
