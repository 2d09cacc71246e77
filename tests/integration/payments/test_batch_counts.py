"""Statements per batch of the newer work do not grow with the batch: a part of a settlement file, notices of QR codes, statements of a month."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from chassis.timers import Due
from chassis.transaction import Meta
from contracts.events.contributions import RepeatProfile
from contracts.values import WIB, BillId
from services.payments.commands.calls import Call
from services.payments.commands.pay import Pay
from services.payments.commands.qr import RequestQr, RequestQrs, TakeNotices
from services.payments.domain.paying import Limits
from services.payments.domain.qr import reference_of
from services.payments.domain.snap import codes
from services.payments.domain.snap.notices import QrStatus, Told
from services.payments.domain.snap.requests import Payment, VirtualAccount
from services.payments.parameters import Fixed
from services.payments.tables import bills, payments, qr_codes
from tests.integration.payments.agency import engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.groups import register_many
from tests.integration.payments.incentive_doors import enrol
from tests.integration.payments.office import Office, account
from tests.support.counters import holds
from tests.support.service import Harness
from tests.support.settlement import marked

CHECK = 1
"""Outside production the runner asserts at one statement per batch that nothing was written while loading."""
PRICE = 36_800


def due(h: Harness, key: str) -> Due:
    return Due(key, Meta("tests", new_id()), h.clock.business())


def call(h: Harness, partner: str, request: Any, number: int) -> Call[Any]:
    return Call(
        partner=partner,
        request=request,
        external_id=f"E{number}",
        content=hashlib.sha256(str(number).encode()).digest(),
        day=h.clock.wall().astimezone(WIB).date(),
        profile=RepeatProfile.SPEC,
        received_at=h.clock.business(),
        meta=Meta(f"partner:{partner}", new_id()),
    )


async def taken(h: Harness, use_case: Any, items: list[Any]) -> tuple[int, list[Any]]:
    """Statements of one batch, and its outcomes."""
    before, _ = await h.statements()
    outcomes = await h.run(use_case, items)
    after, _ = await h.statements()
    return after - before - CHECK, outcomes


def use_case_of(h: Harness, name: str) -> Any:
    return next(timer.use_case for timer in h.app.composition.timers if timer.name == name)


async def number_of(h: Harness, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    async with h.app.read() as conn:
        return (await conn.execute(sa.select(sa.func.count()).select_from(table).where(*where))).scalar_one()


@pytest.mark.parametrize("size", [1, 500])
async def test_a_part_of_a_settlement_file_takes_the_same_statements_whatever_its_lines(
    h: Harness, bank: Bank, size: int
) -> None:
    """All of them are money that we hear of for the first time, which is the dearest a line can be."""
    office = Office(h)
    assert (await office.agree()).status_code == 201
    people = await register_many(h, size)
    content = marked(*((f"LOST-{n}", account(who), PRICE) for n, who in enumerate(people)))
    file_id = (await office.upload(content)).json()["file_id"]
    count, _ = await taken(h, use_case_of(h, "settlement-files"), [due(h, file_id)])
    assert await number_of(h, payments, payments.c.bill_id.is_not(None)) == size
    holds("payments.settlement_part.statements", count)


@pytest.mark.parametrize("size", [1, 200])
async def test_a_batch_of_qr_notices_takes_the_same_statements_however_many_they_are(h: Harness, size: int) -> None:
    await register_many(h, size)
    async with h.app.read() as conn:
        found = [BillId(UUID(str(row.bill_id))) for row in await conn.execute(sa.select(bills.c.bill_id))]
    meta = Meta("tests", new_id())
    await h.run(RequestQrs(Fixed()), [RequestQr(bill, "qris-a", meta) for bill in found])
    notices = [
        Told(f"Q{n:05}", QrStatus.SUCCESS, reference_of(bill), PRICE, h.clock.business())
        for n, bill in enumerate(found)
    ]
    count, outcomes = await taken(
        h, TakeNotices(Fixed()), [call(h, "qris-a", notice, number) for number, notice in enumerate(notices)]
    )
    assert {*outcomes} == {codes.SUCCESS}
    assert await number_of(h, qr_codes, qr_codes.c.state == "PAID") == size
    holds("payments.qr_notice_batch.statements", count)


@pytest.mark.parametrize("size", [1, 50])
async def test_a_batch_of_statements_takes_the_same_statements_of_sql_however_many_agents(
    h: Harness, size: int
) -> None:
    wadah = await engage(h)
    workers = [await hire(h, wadah) for _ in range(size)]
    people = [who for worker in workers for who in await enrol(h, worker, 1)]
    paying = [
        call(h, "bank-a", Payment(VirtualAccount("8100", who.code), f"PAY-{n}", PRICE, True, None, False), n)
        for n, who in enumerate(people)
    ]
    await h.run(Pay(Limits(), Fixed()), paying)
    h.clock.set(at(2025, 11, 3, 0))
    await h.due("incentive-runs")
    keys = [due(h, f"{worker.agent_id}:2025-10") for worker in workers]
    count, _ = await taken(h, use_case_of(h, "incentive-statements"), keys)
    issued = [one for one in await h.events("incentives") if one.event.type == "IncentiveStatementIssued"]
    assert len(issued) == size
    holds("payments.incentive_statement_batch.statements", count)
