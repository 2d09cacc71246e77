"""The port to whoever carries messages, and its HTTP adapter. The provider is an outside party: whatever it answers, or
does not, becomes one of the four answers of `domain.sending`, and nothing it says is believed beyond that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import aiohttp
from pydantic import BaseModel, ValidationError

from chassis.telemetry import log, outgoing_headers
from contracts.events.notifications import Channel
from contracts.values import Language, NotificationId, ShortText
from services.notifications.domain.sending import Doubtful, NotTaken, Refused, Taken

MOST_ANSWER_BYTES = 64 * 1024
CONNECT_TIMEOUT_S = 2.0

Answer = Taken | Refused | NotTaken | Doubtful
Headers = Mapping[str, str]
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

    async def close(self) -> None:
        """Ends what is open; a later message opens it again."""


class _Accepted(BaseModel):
    message_id: ShortText


class _TooLong(Exception):
    """The answer goes on and on."""


class HttpGateway:
    """`POST {url}/messages` with our reference as Idempotency-Key."""

    def __init__(self, *, url: str, api_key: str, timeout_s: float, concurrent: int) -> None:
        """`concurrent`: connections at most. They are opened by the first message; `close` ends them."""
        self._url, self._api_key, self._timeout_s = url.rstrip("/") + "/messages", api_key, timeout_s
        self._concurrent = concurrent
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: Message) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._post(message)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return NotTaken()  # nothing of the message ever left
        except (aiohttp.ClientError, OSError, TimeoutError, _TooLong):
            return Doubtful()
        return _meaning(*response)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, message: Message) -> tuple[int, Headers, bytes]:
        body = {
            "to": message.to,
            "channel": message.channel.lower(),
            "language": message.language,
            "text": message.text,
            "reference": str(message.reference),
        }
        headers = {"Idempotency-Key": str(message.reference), **outgoing_headers()}
        async with self._open().post(self._url, json=body, headers=headers, allow_redirects=False) as response:
            answer = bytearray()
            async for part in response.content.iter_any():
                answer += part
                if len(answer) > MOST_ANSWER_BYTES:
                    raise _TooLong
            return response.status, response.headers, bytes(answer)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # addresses come from settings alone, and a provider's cookies are none of ours
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._api_key}", "Accept-Encoding": "identity"},
                connector=aiohttp.TCPConnector(limit=self._concurrent),
                timeout=aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


def _meaning(status: int, headers: Headers, body: bytes) -> Answer:
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


def _retry_after(headers: Headers) -> timedelta | None:
    """In whole seconds; a date is not worth trusting the provider's clock for."""
    text = headers.get("Retry-After", "")
    return timedelta(seconds=int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else None
