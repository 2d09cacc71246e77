"""What is opened to be shown is noted where it is opened, and own work is not."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from chassis.privacy import looks
from chassis.privacy.looks import Seen, own_work, watching
from chassis.privacy.vault import UnreadableCell, Vault

VAULT = Vault(bytes(64), bytes(32))
ONE, TWO = UUID(int=1), UUID(int=2)


def cell(column: str, who: UUID, table: str = "people") -> bytes | None:
    return VAULT.seal(table, column, who, "x")


def opened(column: str, who: UUID) -> None:
    VAULT.open("people", column, who, cell(column, who), of=who)


def test_cells_of_many_people_are_told_together() -> None:
    with watching() as seen:
        for who in (TWO, ONE):
            opened("name", who)
            opened("phone", who)
        opened("nik", ONE)
        opened("name", ONE)
    assert seen.take() == [
        Seen("people", ("name", "nik", "phone"), (ONE,), ()),
        Seen("people", ("name", "phone"), (TWO,), ()),
    ]
    assert not seen and seen.take() == []


def test_a_row_that_is_not_named_after_its_person_is_told_beside_it() -> None:
    with watching() as seen:
        for account in ("a", "b"):
            VAULT.open(
                "payee_accounts", "details", account, VAULT.seal("payee_accounts", "details", account, "x"), of=ONE
            )
        VAULT.open("dispute_notes", "note", "c", VAULT.seal("dispute_notes", "note", "c", "x"))
    assert seen.take() == [
        Seen("dispute_notes", ("note",), (), ("c",)),
        Seen("payee_accounts", ("details",), (ONE,), ("a", "b")),
    ]


def test_what_is_blank_secret_or_unreadable_is_not_seen() -> None:
    with watching() as seen:
        VAULT.open("people", "name", ONE, None, of=ONE)
        VAULT.open(
            "partner_secrets", "secret", "bank", VAULT.seal("partner_secrets", "secret", "bank", "x"), personal=False
        )
        with pytest.raises(UnreadableCell):
            VAULT.open("people", "name", TWO, cell("name", ONE), of=TWO)
    assert not seen


async def test_own_work_is_not_seen_though_it_began_in_a_request() -> None:
    async def work() -> None:
        with own_work():
            opened("name", TWO)

    with watching() as seen:
        await asyncio.create_task(work(), name="batch")
        await asyncio.to_thread(opened, "name", ONE)
    opened("name", TWO)
    assert [one.persons for one in seen.take()] == [(ONE,)]


def test_who_asks_inside_another_is_told_apart() -> None:
    with watching() as outer, watching() as inner:
        looks.note("people", "name", ONE, ONE)
    assert inner and not outer
