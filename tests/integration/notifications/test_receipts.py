"""Receipts at the door: genuine ones count once in any order, all others change nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from chassis.ids import new_id
from contracts.values import NotificationId
from services.notifications.commands.send import Claim, claim
from services.notifications.domain.notification import State
from tests.integration.notifications.driver import Driver
from tests.support.eventually import eventually

AT = "2025-10-06T02:00:30.120Z"


def body(notification_id: NotificationId, *, status: str = "delivered", **more: object) -> dict[str, Any]:
    return {"message_id": "msg_1", "reference": str(notification_id), "status": status, "at": AT, **more}


async def sent(d: Driver) -> tuple[NotificationId, str]:
    """A message that the provider took, and the provider's id of it."""
    await d.gateway.behave(receipts="never")
    notification_id = await d.queued()
    await d.sender().send_batch()
    return notification_id, (await d.message(notification_id)).provider_message_id or ""


class TestWhatTheyChange:
    async def test_delivered(self, d: Driver) -> None:
        welcome, message_id = await sent(d)
        answer = await d.receipt(body(welcome, message_id=message_id))
        assert (answer.status_code, answer.json()) == (200, {"notification_id": str(welcome)})
        delivered = await d.message(welcome)
        assert delivered.state is State.DELIVERED
        assert delivered.delivered_at is not None
        assert delivered.delivered_at.isoformat() == "2025-10-06T02:00:30.120000+00:00"

    async def test_failed_with_the_providers_code(self, d: Driver) -> None:
        welcome, message_id = await sent(d)
        await d.receipt(body(welcome, message_id=message_id, status="failed", reason="number_unreachable"))
        failed = await d.message(welcome)
        assert (failed.state, failed.reason, failed.attempts) == (State.FAILED, "number_unreachable", 1)

    async def test_doubled_and_parallel_copies_count_once(self, d: Driver) -> None:
        welcome, message_id = await sent(d)
        answers = await asyncio.gather(*(d.receipt(body(welcome, message_id=message_id)) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert await d.told(welcome) == ["NotificationQueued", "NotificationSent", "NotificationDelivered"]

    async def test_delivered_after_failed_is_delivered(self, d: Driver) -> None:
        welcome, message_id = await sent(d)
        for status in ("failed", "delivered", "failed"):
            await d.receipt(body(welcome, message_id=message_id, status=status))
        assert await d.told(welcome) == [
            "NotificationQueued",
            "NotificationSent",
            "NotificationFailed",
            "NotificationDelivered",
        ]

    async def test_one_that_overtakes_our_own_record_is_not_lost(self, d: Driver) -> None:
        """The provider took the message and says so before our sender wrote it down; the sender's answer then changes nothing."""
        welcome = await d.queued()
        ((taken,),) = await d.h.run(claim(d.h.app.vault), [Claim(1, timedelta(minutes=1))])  # type: ignore[misc]
        await d.receipt(body(welcome))
        settled = await d.message(welcome)
        assert (settled.state, settled.provider_message_id, settled.attempts) == (State.DELIVERED, "msg_1", 1)
        assert taken.message.notification_id == welcome
        d.later()
        assert await d.sender().send_batch() == []

    async def test_the_gateways_own_doubled_receipts(self, d: Driver) -> None:
        await d.gateway.behave(receipts="doubled", fail_suffixes=["02"])
        good, bad = await d.queued(phone="+6281200000001"), await d.queued(phone="+6281200000002")
        await d.sender().send_batch()
        async with d.webhook():
            await eventually(lambda: _acknowledged(d, good, bad), what="all four receipts acknowledged")
        assert (await d.state(good), await d.state(bad)) == (State.DELIVERED, State.FAILED)
        assert len(await d.told(good)) == len(await d.told(bad)) == 3

    async def test_a_message_of_somebody_else_is_unknown(self, d: Driver) -> None:
        welcome, _ = await sent(d)
        answer = await d.receipt(body(welcome, message_id="msg_of_another_customer"))
        assert (answer.status_code, answer.json()["code"]) == (404, "message_unknown")
        assert await d.state(welcome) is State.SENT


class TestWhatIsRefused:
    """The signature itself is tried in tests/unit/notifications/test_signature.py."""

    async def test_a_forged_or_unsigned_one_changes_nothing(self, d: Driver) -> None:
        welcome, message_id = await sent(d)
        genuine = body(welcome, message_id=message_id)
        for headers in ({"X-Signature": b"bm90IGl0"}, {"X-Signature": b"\xfc"}, {"X-Timestamp": b"yesterday"}):
            answer = await d.receipt(genuine, **headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")
        assert (await d.h.client.post("/gateway/receipts", json=genuine)).status_code == 401
        assert await d.state(welcome) is State.SENT

    async def test_signed_nonsense_is_answered_for_what_it_is(self, d: Driver) -> None:
        fine = body(NotificationId(new_id()))
        for raw, status, code in (
            (b"{", 400, "malformed"),
            (b"[]", 422, "invalid"),
            ({**fine, "reference": "not-an-id"}, 422, "invalid"),
            ({**fine, "status": "read"}, 422, "invalid"),
            ({**fine, "at": "2025-10-06T02:00:00"}, 422, "invalid"),
            ({**fine, "message_id": ""}, 422, "invalid"),
            ({**fine, "surprise": 1}, 422, "invalid"),
            (fine, 404, "message_unknown"),
        ):
            answer = await d.receipt(raw)
            assert (answer.status_code, answer.json()["code"]) == (status, code), raw


async def _acknowledged(d: Driver, *references: NotificationId) -> bool:
    for reference in references:
        (message,) = await d.gateway.messages(reference)
        receipts = await d.gateway.receipts(message["message_id"])
        if [receipt["state"] for receipt in receipts] != ["acknowledged"] * 2:
            return False
    return True
