"""From queued to the provider: whatever happens to a call, nobody is told twice and nothing is claimed that is not known."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.transaction import Meta, Scope, Tx
from contracts.events.notifications import NotificationQueued
from contracts.values import NotificationId
from services.notifications.commands.send import Claim, Settle, claim, settle
from services.notifications.domain.notification import State
from services.notifications.domain.sending import Doubtful, NotTaken, Refused, Taken
from services.notifications.gateway import Answer, Gateway, Message
from services.notifications.queries import ToSend
from tests.integration.notifications.driver import Driver, GatewayAtHand, driven
from tests.support.clock import START
from tests.support.counters import holds
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.unit.notifications.samples import OCTOBER, queued

TAKEN_BUT_UNHEARD = ["error_after_accepting", "malformed_after_accepting", "timeout_after_accepting"]


async def test_the_message_arrives_with_its_text_and_the_receipt_comes_back(d: Driver) -> None:
    welcome = await d.queued()
    async with d.webhook():
        stop = asyncio.Event()
        sending = asyncio.create_task(d.sender().run(stop))
        await eventually(lambda: _is(d, welcome, State.DELIVERED), what="delivered")
        stop.set()
        await sending
    (message,) = await d.gateway.messages(welcome)
    assert message["to"] == "+6281200000001"
    assert message["text"].startswith("Halo Siti Contoh, pendaftaran")
    assert await d.told(welcome) == ["NotificationQueued", "NotificationSent", "NotificationDelivered"]


async def test_what_comes_of_a_message_is_part_of_what_caused_it(d: Driver) -> None:
    await d.queued()
    await d.sender().send_batch()
    queued, sent = await d.h.events("notifications")
    assert sent.envelope.correlation_id == queued.envelope.correlation_id
    assert sent.envelope.causation_id == queued.envelope.event_id
    assert sent.envelope.branch_id == queued.envelope.branch_id


async def test_two_senders_share_the_queue(d: Driver) -> None:
    welcomes = [await d.queued() for _ in range(5)]
    await asyncio.gather(d.sender().send_batch(), d.sender().send_batch())
    for welcome in welcomes:
        (message,) = await d.gateway.messages(welcome)
        assert message["repeats"] == 0


async def test_a_message_that_cannot_be_worded_fails_alone(d: Driver) -> None:
    welcome = await d.queued()
    who = (await d.message(welcome)).participant_id
    broken = queued(notification_id=NotificationId(new_id()), participant_id=who, cause=new_id(), template_version=99)

    async def queue(tx: Tx, items: Sequence[NotificationQueued], /) -> list[Done]:
        tx.new("notifications", broken.notification_id)
        tx.record(broken, key=broken.notification_id, meta=Meta("tests", new_id()), scope=Scope(), rules="tests/1")
        return [Done()]

    await d.h.run(queue, [broken])
    await d.sender().send_batch()
    failed = await d.message(broken.notification_id)
    assert (failed.state, failed.reason) == (State.FAILED, "unrenderable")
    assert await d.state(welcome) is State.SENT


class TestRetries:
    async def test_too_many_requests_is_tried_again_when_the_provider_says(self, d: Driver) -> None:
        welcome = await d.queued()
        await d.gateway.behave(answer="too_many_requests", answers=1, retry_after_s=20)
        assert [type(a) for a in await d.sender().send_batch()] == [NotTaken]
        d.later(seconds=19)
        assert await d.sender().send_batch() == []
        d.later(seconds=2)
        assert [type(a) for a in await d.sender().send_batch()] == [Taken]
        sent = await d.message(welcome)
        assert (sent.state, sent.attempts) == (State.SENT, 2)

    @pytest.mark.parametrize("answer", TAKEN_BUT_UNHEARD)
    async def test_taken_but_unheard_is_asked_again_and_shown_once(self, d: Driver, answer: str) -> None:
        welcome = await d.queued()
        await d.gateway.behave(answer=answer, answers=1, timeout_s=4)
        d.hurry()
        assert [type(a) for a in await d.sender().send_batch()] == [Doubtful]
        d.later()
        await d.sender().send_batch()
        (message,) = await d.gateway.messages(welcome)
        assert (message["repeats"], message["idempotency_key"]) == (1, str(welcome))
        assert await d.told(welcome) == ["NotificationQueued", "NotificationSent"]

    async def test_silence_before_accepting_is_tried_again(self, d: Driver) -> None:
        welcome = await d.queued()
        await d.gateway.behave(answer="timeout_before_accepting", answers=1, timeout_s=4)
        d.hurry()
        await d.sender().send_batch()
        d.later()
        await d.sender().send_batch()
        assert len(await d.gateway.messages(welcome)) == 1

    async def test_a_provider_that_refuses_the_message_is_not_asked_again(self, d: Driver) -> None:
        welcome = await d.queued(phone="+1234567")  # shorter than this provider takes
        assert [type(a) for a in await d.sender().send_batch()] == [Refused]
        failed = await d.message(welcome)
        assert (failed.state, failed.reason, failed.attempts) == (State.FAILED, "refused_by_gateway", 1)

    async def test_a_provider_that_never_answers_ends_in_unknown(self, d: Driver) -> None:
        welcome = await d.queued()
        await d.gateway.behave(answer="error_after_accepting")
        for _ in range(3):
            await d.sender(attempts_most=3).send_batch()
            d.later()
        unknown = await d.message(welcome)
        assert (unknown.state, unknown.attempts) == (State.UNKNOWN, 3)
        assert await d.sender().send_batch() == []

    async def test_a_provider_that_is_never_there_ends_in_failed(self, stack: Stack, gateway: GatewayAtHand) -> None:
        async with driven(stack, gateway, gateway_url="http://127.0.0.1:1") as d:
            welcome = await d.queued()
            for _ in range(2):
                await d.sender(attempts_most=2).send_batch()
                d.later()
            failed = await d.message(welcome)
            assert (failed.state, failed.reason) == (State.FAILED, "gateway_unavailable")

    async def test_an_unknown_customer_loses_no_message(self, stack: Stack, gateway: GatewayAtHand) -> None:
        """A wrong API key is our mistake; the messages wait for it to be mended."""
        async with driven(stack, gateway, gateway_api_key="not-the-key-of-the-gateway") as d:
            welcome = await d.queued()
            assert [type(a) for a in await d.sender().send_batch()] == [NotTaken]
            assert await d.state(welcome) is State.QUEUED


class TestWhereKeysAreNotHonoured:
    @pytest.mark.parametrize("answer", TAKEN_BUT_UNHEARD)
    async def test_an_unknown_outcome_is_unknown_and_never_sent_again(self, d: Driver, answer: str) -> None:
        welcome = await d.queued()
        await d.gateway.behave(answer=answer, answers=1, timeout_s=4, honours_keys=False)
        d.hurry()
        await d.sender(honours_keys=False).send_batch()
        assert await d.state(welcome) is State.UNKNOWN
        d.later()
        assert await d.sender(honours_keys=False).send_batch() == []
        assert len(await d.gateway.messages(welcome)) == 1

    async def test_a_receipt_settles_what_was_unknown(self, d: Driver) -> None:
        welcome = await d.queued()
        await d.gateway.behave(answer="error_after_accepting", answers=1, honours_keys=False)
        await d.sender(honours_keys=False).send_batch()
        async with d.webhook():
            await eventually(lambda: _is(d, welcome, State.DELIVERED), what="settled by the receipt")
        assert await d.told(welcome) == [
            "NotificationQueued",
            "NotificationUnknown",
            "NotificationSent",
            "NotificationDelivered",
        ]

    async def test_what_was_certainly_not_taken_is_tried_again(self, d: Driver) -> None:
        welcome = await d.queued()
        await d.gateway.behave(answer="too_many_requests", answers=1, honours_keys=False)
        await d.sender(honours_keys=False).send_batch()
        d.later()
        await d.sender(honours_keys=False).send_batch()
        assert await d.state(welcome) is State.SENT


class TestASenderThatStops:
    async def test_a_claim_is_nobody_elses_until_its_lease_ends(self, d: Driver) -> None:
        await d.queued()
        sender = d.sender()
        await _claimed(d)
        assert await sender.send_batch() == []
        d.later()
        assert [type(a) for a in await sender.send_batch()] == [Taken]

    async def test_where_keys_are_not_honoured_its_message_is_unknown(self, d: Driver) -> None:
        welcome = await d.queued()
        await _claimed(d)
        d.later()
        await d.sender(honours_keys=False).send_batch()
        assert (await d.message(welcome)).state is State.UNKNOWN
        assert await d.gateway.messages(welcome) == []

    async def test_one_that_slept_through_its_lease_changes_nothing(self, d: Driver) -> None:
        """It wakes with an answer while another sender has settled the message and a third claim is not possible."""
        welcome = await d.queued()
        await d.gateway.behave(answer="timeout_after_accepting", answers=1, timeout_s=1)
        sleeper = asyncio.create_task(d.sender().send_batch())
        await eventually(lambda: _took(d, welcome), what="the gateway took it")
        d.later()
        await d.sender().send_batch()
        await sleeper
        assert await d.told(welcome) == ["NotificationQueued", "NotificationSent"]
        assert (await d.message(welcome)).attempts == 2

    async def test_one_that_lost_its_claim_does_not_free_the_message_of_another(self, d: Driver) -> None:
        await d.queued()
        first = await _claimed(d)
        d.later()
        second = await _claimed(d)
        assert (first.attempt.number, second.attempt.number) == (1, 2)
        late = Settle(first.message.notification_id, first.attempt, NotTaken())
        await d.h.run(settle(d.sender().policy), [late])
        d.later(seconds=10)  # past any pause of the first, inside the lease of the second
        assert await d.sender().send_batch() == []


class TestTime:
    async def test_past_its_not_after_a_message_is_not_sent(self, d: Driver) -> None:
        welcome = await d.queued()
        d.h.clock.set(OCTOBER.ends_at)
        await d.sender().send_batch()
        failed = await d.message(welcome)
        assert (failed.state, failed.reason, failed.attempts) == (State.FAILED, "too_late", 0)
        assert await d.gateway.messages(welcome) == []

    async def test_too_late_after_a_call_that_may_have_been_taken_is_unknown(self, d: Driver) -> None:
        welcome = await d.queued()
        await d.gateway.behave(answer="error_after_accepting", answers=1)
        await d.sender().send_batch()
        d.h.clock.set(OCTOBER.ends_at)
        d.later()
        await d.sender().send_batch()
        assert await d.state(welcome) is State.UNKNOWN

    async def test_timed_notices_rest_in_quiet_hours_and_the_others_do_not(self, d: Driver) -> None:
        who, registration = d.registration()
        grace, entered = d.grace(who)
        paid, payment = d.payment(who)
        d.h.clock.set(START.replace(hour=17))  # 00:00 WIB
        await d.h.deliver(registration, entered, payment)
        await d.sender().send_batch()
        assert (await d.state(grace), await d.state(paid)) == (State.QUEUED, State.SENT)
        d.h.clock.set(START.replace(hour=23, minute=59))
        assert await d.sender().send_batch() == []
        d.h.pass_time(minutes=1)  # 07:00 WIB
        await d.sender().send_batch()
        assert await d.state(grace) is State.SENT


@pytest.mark.parametrize("size", [1, 64])
async def test_a_batch_costs_the_same_statements_for_any_size(d: Driver, size: int) -> None:
    """Claim: due, recipients, loading check, take. Settle: heads, state, loading check, append, load, project, free."""
    for _ in range(size):
        await d.queued()
    before, commits = await d.h.statements()
    calls, sender = Counter[UUID](), d.sender()
    sender.gateway = Counted(sender.gateway, calls)
    assert len(await sender.send_batch()) == size
    after, committed = await d.h.statements()
    holds("notifications.send_batch.statements", after - before)
    assert committed - commits == 2
    assert len(calls) == size
    holds("notifications.send_attempt.outbound_calls", max(calls.values()))


class Counted(Gateway):
    """The gateway, and how often it was called for each message."""

    def __init__(self, real: Gateway, calls: Counter[UUID]) -> None:
        self._real, self._calls = real, calls

    async def send(self, message: Message) -> Answer:
        self._calls[message.reference] += 1
        return await self._real.send(message)

    async def close(self) -> None:
        await self._real.close()


async def _claimed(d: Driver) -> ToSend:
    """A sender that wrote its attempt down and was not heard of again."""
    (taken,) = await d.h.run(claim(d.h.app.vault), [Claim(1, d.sender().wanted.lease)])
    assert isinstance(taken, list)
    (one,) = taken
    return one


async def _is(d: Driver, notification_id: NotificationId, state: State) -> bool:
    return await d.state(notification_id) is state


async def _took(d: Driver, notification_id: NotificationId) -> bool:
    return len(await d.gateway.messages(notification_id)) == 1
