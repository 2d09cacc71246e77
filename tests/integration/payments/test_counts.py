"""Statements per batch do not grow with the batch (benchmarks.md section 6)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import sqlalchemy as sa

from chassis import eventlog
from chassis.ids import new_id
from chassis.transaction import Meta
from contracts.events.contributions import RepeatProfile
from contracts.values import WIB
from services.payments.commands.calls import Call
from services.payments.commands.inquire import Inquire
from services.payments.commands.pay import Pay
from services.payments.domain.paying import Limits
from services.payments.domain.snap.requests import Inquiry, Payment, VirtualAccount
from services.payments.parameters import Fixed
from tests.integration.payments.people import Somebody, registered
from tests.support.counters import holds
from tests.support.service import Harness

CHECK = 1
"""Outside production the runner asserts at one statement per batch that nothing was written while loading."""


def call(h: Harness, request: Any, number: int) -> Call[Any]:
    return Call(
        partner="bank-a",
        request=request,
        external_id=f"E{number}",
        content=hashlib.sha256(str(number).encode()).digest(),
        day=h.clock.wall().astimezone(WIB).date(),
        profile=RepeatProfile.SPEC,
        received_at=h.clock.business(),
        meta=Meta("partner:bank-a", new_id()),
    )


async def people(h: Harness, count: int) -> list[Somebody]:
    found = [registered(h) for _ in range(count)]
    await h.deliver(*(record for _, record in found))
    return [who for who, _ in found]


@pytest.mark.parametrize("size", [1, 500])
async def test_a_payment_batch_takes_at_most_12_statements(h: Harness, size: int) -> None:
    who = await people(h, size)
    calls = [
        call(h, Payment(VirtualAccount("8100", w.code), f"PAY-{n}", 36_800, True, None, False), n)
        for n, w in enumerate(who)
    ]
    before, _ = await h.statements()
    outcomes = await h.run(Pay(Limits(), Fixed()), calls)
    after, _ = await h.statements()
    assert len(outcomes) == size
    holds("payments.snap_payment_batch.statements", after - before - CHECK)


@pytest.mark.parametrize("size", [1, 500])
async def test_an_inquiry_batch_takes_at_most_4_statements(h: Harness, size: int) -> None:
    who = await people(h, size)
    calls = [call(h, Inquiry(VirtualAccount("8100", w.code), f"INQ-{n}"), n) for n, w in enumerate(who)]
    before, _ = await h.statements()
    await h.run(Inquire(Limits(), Fixed()), calls)
    after, _ = await h.statements()
    holds("payments.snap_inquiry_batch.statements", after - before - CHECK)


@pytest.mark.parametrize("size", [1, 500])
async def test_a_batch_of_registrations_takes_at_most_10_statements(h: Harness, size: int) -> None:
    found = [registered(h) for _ in range(size)]
    before, _ = await h.statements()
    await h.deliver(*(record for _, record in found))
    after, _ = await h.statements()
    holds("payments.consumer_batch.statements", after - before - CHECK)


async def test_a_payment_is_told_in_few_bytes(h: Harness) -> None:
    """With every header that an envelope can have, since brokers keep them for ever and every reader fetches them."""
    (who,) = await people(h, 1)
    await h.run(
        Pay(Limits(), Fixed()),
        [call(h, Payment(VirtualAccount("8100", who.code), "PAY-1", 36_800, True, None, False), 1)],
    )
    async with h.app.read() as conn:
        query = f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE type = 'ContributionPaid'"
        row = (await conn.execute(sa.text(query))).one()
    id_, trace = new_id(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    envelope = eventlog.envelope_of(row, h.service.name)._replace(
        branch_id=id_, wadah_id=id_, agent_id=id_, causation_id=id_, traceparent=trace
    )
    holds("payments.contribution_paid.value_bytes", len(row.payload))
    holds("payments.contribution_paid.header_bytes", sum(len(n) + len(v) for n, v in envelope.to_headers()))
