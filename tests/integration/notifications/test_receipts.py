"""Receipts at the door: genuine ones count once in any order, all others change nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from contracts.values import NotificationId
from services.notifications.api.receipts import TOLERANCE, sign
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
    @pytest.mark.parametrize("headers", [{"X-Signature": b""}, {"X-Signature": b"bm90IGl0"}, {"X-Signature": b"\xfc"}])
    async def test_a_wrong_signature(self, d: Driver, headers: dict[str, bytes]) -> None:
        welcome, message_id = await sent(d)
        answer = await d.receipt(body(welcome, message_id=message_id), **headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")
        assert await d.state(welcome) is State.SENT

    @pytest.mark.parametrize("header", ["X-Signature", "X-Timestamp"])
    async def test_no_signature_or_time(self, d: Driver, header: str) -> None:
        welcome, message_id = await sent(d)
        raw = d.h.client.build_request("POST", "/", json=body(welcome, message_id=message_id)).content
        now = d.h.clock.wall().isoformat()
        headers = {"X-Timestamp": now, "X-Signature": sign(d.gateway.secret, now, raw)}
        del headers[header]
        answer = await d.h.client.post("/gateway/receipts", content=raw, headers=headers)
        assert answer.status_code == 401

    @pytest.mark.parametrize("skew", [-TOLERANCE, TOLERANCE])
    async def test_a_time_outside_the_window(self, d: Driver, skew: timedelta) -> None:
        welcome, message_id = await sent(d)
        raw = d.h.client.build_request("POST", "/", json=body(welcome, message_id=message_id)).content
        beyond = timedelta(seconds=1) if skew > timedelta(0) else -timedelta(seconds=1)
        for off, status in ((skew, 200), (skew + beyond, 401)):
            when = (d.h.clock.wall() + off).isoformat()
            signature = sign(d.gateway.secret, when, raw)
            answer = await d.receipt(raw, **{"X-Timestamp": when, "X-Signature": signature})
            assert answer.status_code == status

    @pytest.mark.parametrize("when", ["yesterday", "1762000000", "2025-10-06T02:00:00", ""])
    async def test_a_time_that_is_none(self, d: Driver, when: str) -> None:
        raw = b"{}"
        answer = await d.receipt(raw, **{"X-Timestamp": when, "X-Signature": sign(d.gateway.secret, when, raw)})
        assert answer.status_code == 401

    async def test_any_changed_byte(self, d: Driver) -> None:
        welcome, message_id = await sent(d)
        raw = d.h.client.build_request("POST", "/", json=body(welcome, message_id=message_id)).content
        now = d.h.clock.wall().isoformat()
        genuine = sign(d.gateway.secret, now, raw)
        for place in range(0, len(raw), 7):
            forged = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
            answer = await d.receipt(forged, **{"X-Timestamp": now, "X-Signature": genuine})
            assert answer.status_code == 401
        assert await d.state(welcome) is State.SENT

    @pytest.mark.parametrize(
        ("raw", "status", "code"),
        [
            (b"{", 400, "malformed"),
            (b"[]", 422, "invalid"),
            (
                b'{"message_id": "m", "reference": "not-an-id", "status": "delivered", "at": "2025-10-06T02:00:00Z"}',
                422,
                "invalid",
            ),
            (
                b'{"message_id": "m", "reference": "0199e5a1-2222-7000-8000-000000000002", "status": "read",'
                b' "at": "2025-10-06T02:00:00Z"}',
                422,
                "invalid",
            ),
            (
                b'{"message_id": "m", "reference": "0199e5a1-2222-7000-8000-000000000002", "status": "delivered",'
                b' "at": "2025-10-06T02:00:00"}',
                422,
                "invalid",
            ),
            (
                b'{"message_id": "m", "reference": "0199e5a1-2222-7000-8000-000000000002", "status": "delivered",'
                b' "at": "2025-10-06T02:00:00Z"}',
                404,
                "message_unknown",
            ),
        ],
    )
    async def test_signed_nonsense(self, d: Driver, raw: bytes, status: int, code: str) -> None:
        answer = await d.receipt(raw)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def _acknowledged(d: Driver, *references: NotificationId) -> bool:
    for reference in references:
        (message,) = await d.gateway.messages(reference)
        receipts = await d.gateway.receipts(message["message_id"])
        if [receipt["state"] for receipt in receipts] != ["acknowledged"] * 2:
            return False
    return True
