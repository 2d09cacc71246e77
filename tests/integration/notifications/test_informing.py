"""Consumed events become recipients and messages, once, whatever the wire does."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from chassis.outcomes import Done, NotYet
from chassis.records import Record
from chassis.transaction import Meta
from contracts.events.contributions import BillKind
from contracts.events.erasure import ParticipantForgotten
from contracts.events.notifications import NotificationQueued, RecipientAdded
from contracts.values import ErasureId, Language
from services.notifications.commands.inform import Tell, inform
from services.notifications.domain.notices import notice_of
from services.notifications.domain.notification import State
from services.notifications.tables import notifications
from tests.integration.notifications.driver import SCOPE, Driver
from tests.support.counters import holds
from tests.unit.notifications.samples import billed


async def test_a_registration_makes_a_recipient_and_its_bill_a_welcome(d: Driver) -> None:
    who, registration = d.registration(language=Language.ENGLISH)
    welcome, bill = d.bill(who)
    assert await d.h.deliver(registration) == [Done()]
    assert await d.h.deliver(bill) == [Done()]
    added, queued = await d.h.events()
    assert isinstance(added.event, RecipientAdded)
    assert isinstance(queued.event, NotificationQueued)
    assert (queued.event.notification_id, queued.event.template) == (welcome, "welcome")
    assert queued.event.language is Language.ENGLISH
    assert queued.envelope.causation_id == queued.event.cause
    assert (queued.envelope.branch_id, queued.envelope.wadah_id, queued.envelope.agent_id) == (
        SCOPE.branch_id,
        SCOPE.wadah_id,
        SCOPE.agent_id,
    )


async def test_a_bill_before_its_registration_waits_and_is_then_told(d: Driver) -> None:
    who, registration = d.registration()
    welcome, bill = d.bill(who)
    assert await d.h.deliver(bill) == [NotYet("recipient")]
    assert [key.stream for key in await d.h.parked()] == ["contributions"]
    await d.h.deliver(registration)
    await d.h.until_ripe()
    await d.h.retry_parked()
    assert await d.state(welcome) is State.QUEUED
    assert await d.h.parked() == []


async def test_a_registration_and_its_protection_in_one_batch(d: Driver) -> None:
    who, registration = d.registration()
    paid, payment = d.payment(who)
    assert await d.h.deliver(registration, payment) == [Done(), Done()]
    assert (await d.message(paid)).values["kpj"] == "25100000017"


async def test_a_record_delivered_again_and_again_queues_one_message(d: Driver) -> None:
    who, registration = d.registration()
    welcome, bill = d.bill(who)
    await d.h.deliver(registration, registration)
    for _ in range(3):
        assert await d.h.deliver(bill, bill) == [Done(), Done()]
    assert await d.told(welcome) == ["NotificationQueued"]


async def test_the_same_event_is_one_message_even_when_the_inbox_was_lost(d: Driver) -> None:
    """A backup restored without its tail knows nothing of what it consumed; the message's identity does."""
    who, registration = d.registration()
    welcome, bill = d.bill(who)
    await d.h.deliver(registration)
    await d.h.deliver(bill)
    async with d.h.app.engine.begin() as conn:
        await conn.execute(sa.text("DELETE FROM progress"))
    assert await d.h.deliver(registration) == [Done()]
    assert await d.h.deliver(bill) == [Done()]
    assert await d.told(welcome) == ["NotificationQueued"]
    assert len(await d.h.events("recipients")) == 1


async def test_deciders_that_race_without_an_inbox_queue_one_message(d: Driver) -> None:
    who, registration = d.registration()
    await d.h.deliver(registration)
    notice = notice_of(billed().model_copy(update={"participant_id": who}), d.h.clock.business())
    assert notice is not None
    told = Tell(notice, new_id(), Meta("tests", new_id()))
    outcomes = await asyncio.gather(*(d.h.run(inform(d.h.app.vault, d.h.app.forget), [told]) for _ in range(8)))
    assert outcomes == [[Done()]] * 8
    assert await d.told(told.notification_id) == ["NotificationQueued"]


async def test_a_bill_that_continues_a_spell_is_not_told(d: Driver) -> None:
    who, registration = d.registration()
    _, bill = d.telling(billed(kind=BillKind.STANDARD).model_copy(update={"participant_id": who}), who)
    await d.h.deliver(registration)
    assert await d.h.deliver(bill) == [Done()]
    assert await d.h.events("notifications") == []


async def test_a_forgotten_person_is_noted_with_blanks_and_told_nothing(d: Driver) -> None:
    who, registration = d.registration()
    welcome, bill = d.bill(who)
    d.h.forget(who)
    await d.h.deliver(registration)
    await d.h.deliver(bill)
    await d.sender().send_batch()
    failed = await d.message(welcome)
    assert (failed.state, failed.reason, failed.attempts) == (State.FAILED, "forgotten", 0)
    assert await d.gateway.messages(welcome) == []


async def test_a_person_who_is_erased_is_told_nothing_more_and_no_copy_stays(d: Driver) -> None:
    who, registration = d.registration(phone="+6281298765432")
    welcome, bill = d.bill(who)
    await d.h.deliver(registration)
    await d.h.deliver(bill)
    d.h.forget(who)
    gone = ParticipantForgotten(participant_id=who, erasure_id=ErasureId(new_id()), nik_hash=None)
    record = d.h.record(gone, key=who, scope=SCOPE)
    assert await d.h.deliver(record, record) == [Done(), Done()]
    async with d.h.app.read() as conn:
        (cells,) = (await conn.execute(sa.text("SELECT name, phone, email FROM recipients"))).all()
    assert tuple(cells) == (None, None, None)
    await d.sender().send_batch()
    failed = await d.message(welcome)
    assert (failed.state, failed.reason) == (State.FAILED, "forgotten")
    assert [e.event.type for e in await d.h.events("recipients")] == ["RecipientAdded", "RecipientForgotten"]


async def test_no_personal_data_stands_in_the_log_or_in_messages(d: Driver) -> None:
    await d.queued(phone="+6281298765432")
    async with d.h.app.read() as conn:
        payloads = (await conn.execute(sa.text("SELECT payload FROM event_log"))).scalars().all()
        rows = (await conn.execute(sa.select(notifications))).all()
        boxes = (await conn.execute(sa.text("SELECT name, phone FROM recipients"))).all()
    stored = b" ".join([*map(bytes, payloads), repr(rows).encode(), *(bytes(box) for row in boxes for box in row)])
    for canary in ("Siti", "81298765432", "3671014101900001"):
        assert canary.encode() not in stored


@pytest.mark.parametrize("size", [1, 500])
async def test_a_batch_costs_the_same_statements_for_any_size(d: Driver, size: int) -> None:
    """One statement each: inbox, heads × 2, state × 2, loading check, append, projection × 2, inbox; ceiling 10."""
    batch: list[Record] = []
    for _ in range(size):
        who, registration = d.registration()
        batch += [registration, d.payment(who)[1]]
    before, commits = await d.h.statements()
    assert {type(outcome) for outcome in await d.h.deliver(*batch)} == {Done}
    after, committed = await d.h.statements()
    holds("notifications.consumer_batch.statements", after - before)
    assert committed - commits == 1
