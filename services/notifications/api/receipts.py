"""The provider's delivery receipts: believed only when signed, with the time, over the very bytes that arrived.

A receipt that cannot be recorded now is answered 503, and the provider sends it again; one that was recorded before
changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.responses import Response

from chassis.clock import Clock
from chassis.door import Door
from chassis.http import Moment, accepts, body, problem_response, problems
from chassis.outcomes import Accepted
from chassis.problems import INVALID, MALFORMED, Refusal, Rejected
from contracts.values import LongText, NotificationId, ShortText
from services.notifications.domain.receipts import Receipt, Status
from services.notifications.problems import MESSAGE_UNKNOWN, SIGNATURE_INVALID

TOLERANCE = timedelta(minutes=5)
"""Between the provider's clock and ours; a receipt recorded by a listener cannot be played back for longer."""


class ReceiptBody(BaseModel):
    message_id: ShortText
    reference: UUID
    status: Status
    reason: LongText | None = None
    at: Moment

    def receipt(self) -> Receipt:
        return Receipt(NotificationId(self.reference), self.message_id, self.status, self.reason, self.at)


def router(door: Door[Receipt, Accepted | Rejected], *, secret: str, clock: Clock) -> APIRouter:
    routes = APIRouter(tags=["gateway"])

    @routes.post(
        "/gateway/receipts",
        summary="A delivery receipt of the messaging gateway",
        openapi_extra=accepts(ReceiptBody),
        responses=problems(SIGNATURE_INVALID, MALFORMED, INVALID, MESSAGE_UNKNOWN),
    )
    async def take_receipt(
        request: Request, x_signature: Annotated[str, Header()] = "", x_timestamp: Annotated[str, Header()] = ""
    ) -> Response:
        if not is_genuine(x_signature, x_timestamp, await request.body(), secret, clock.wall()):
            raise Refusal(Rejected(SIGNATURE_INVALID))
        outcome = await door.submit((await body(request, ReceiptBody)).receipt())
        if isinstance(outcome, Rejected):
            return problem_response(outcome)
        return JSONResponse(dict(outcome.body), outcome.status)

    return routes


def is_genuine(signature: str, timestamp: str, raw: bytes, secret: str, now: datetime) -> bool:
    """base64(HMAC-SHA256(secret, timestamp "." raw body)), and a time within TOLERANCE of `now` (wall)."""
    expected = sign(secret, timestamp, raw)
    return hmac.compare_digest(expected.encode(), signature.encode()) and _is_recent(timestamp, now)


def sign(secret: str, timestamp: str, raw: bytes) -> str:
    """The X-Signature of a receipt."""
    return b64encode(hmac.digest(secret.encode(), timestamp.encode() + b"." + raw, hashlib.sha256)).decode()


def _is_recent(timestamp: str, now: datetime) -> bool:
    try:
        return abs(now - datetime.fromisoformat(timestamp)) <= TOLERANCE
    except (ValueError, TypeError):  # not ISO 8601, or without an offset
        return False
