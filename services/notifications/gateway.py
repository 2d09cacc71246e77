"""The port to whoever carries messages, and its HTTP adapter. The provider is an outside party: whatever it answers, or
does not, becomes one of the four answers of `domain.sending`, and nothing it says is believed beyond that.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import httpx
from pydantic import BaseModel, ValidationError

from chassis.telemetry import log, outgoing_headers
from contracts.events.notifications import Channel
from contracts.values import Language, NotificationId, ShortText
from services.notifications.domain.sending import Doubtful, NotTaken, Refused, Taken

MOST_ANSWER_BYTES = 64 * 1024
CONNECT_TIMEOUT_S = 2.0

Answer = Taken | Refused | NotTaken | Doubtful
_OUR_MISTAKE = frozenset({401, 403, 404, 405})
"""The provider does not know us or the address: nothing is wrong with the message."""
_COME_BACK = frozenset({408, 409, 425})
"""Client errors that say nothing final about the message; 409: the same key is being worked on."""


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to one person. `reference` is our id of the message: the provider's idempotency key, and what its
    receipts name.
    """

    reference: NotificationId
    to: str
    channel: Channel
    language: Language
    text: str

    def __repr__(self) -> str:
        return f"Message({self.reference})"


class Gateway(Protocol):
    async def send(self, message: Message) -> Answer:
        """Hands one message over, once; bounded in time. Raises nothing that the outside can cause."""


class _Accepted(BaseModel):
    message_id: ShortText


class _TooLong(Exception):
    """The answer goes on and on."""


class HttpGateway:
    """`POST {url}/messages` with our reference as Idempotency-Key."""

    def __init__(self, client: httpx.AsyncClient, *, url: str, api_key: str, timeout_s: float) -> None:
        """The client is the caller's, who closes it; it must not follow redirects."""
        self._client, self._url = client, url.rstrip("/") + "/messages"
        self._api_key, self._timeout_s = api_key, timeout_s

    async def send(self, message: Message) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._post(message)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return NotTaken()  # nothing of the message ever left
        except (httpx.HTTPError, TimeoutError, _TooLong):
            return Doubtful()
        return _meaning(*response)

    async def _post(self, message: Message) -> tuple[int, httpx.Headers, bytes]:
        async with self._client.stream(
            "POST",
            self._url,
            json={
                "to": message.to,
                "channel": message.channel.lower(),
                "language": message.language,
                "text": message.text,
                "reference": str(message.reference),
            },
            headers={
                "Authorization": f"Bearer {self._api_key}",
                "Idempotency-Key": str(message.reference),
                **outgoing_headers(),
            },
            timeout=httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S),
        ) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_ANSWER_BYTES:
                    raise _TooLong
            return response.status_code, response.headers, bytes(body)


def _meaning(status: int, headers: httpx.Headers, body: bytes) -> Answer:
    if 200 <= status < 300:
        return _taken(body)
    if status == 429:
        return NotTaken(_retry_after(headers))
    if status in _OUR_MISTAKE or 300 <= status < 400:
        log.error("gateway_access_refused", status=status, runbook="docs/operations.md#messaging-gateway")
        return NotTaken(_retry_after(headers))
    if status in _COME_BACK or status >= 500:
        return Doubtful(_retry_after(headers))
    return Refused()


def _taken(body: bytes) -> Taken | Doubtful:
    try:
        return Taken(_Accepted.model_validate_json(body).message_id)
    except ValidationError:
        return Doubtful()


def _retry_after(headers: httpx.Headers) -> timedelta | None:
    """In whole seconds; a date is not worth trusting the provider's clock for."""
    text = headers.get("Retry-After", "")
    return timedelta(seconds=int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else None
