"""The line to the biller: token, headers, signature, time-out; every outcome comes back as a `Reply`, never raised."""

import asyncio
import base64
import json
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.local.bank.answers import Reply
from deploy.local.bank.clock import elapsed_s, snap_time, wall_now
from deploy.local.bank.connections import Connections
from deploy.local.bank.ids import new_external_id
from deploy.local.bank.settings import Settings
from deploy.local.bank.signing import sign_asymmetric, sign_symmetric, sign_token_request

_PATHS = {
    "24": "/transfer-va/inquiry",
    "25": "/transfer-va/payment",
    "26": "/transfer-va/status",
    "52": "/qr/qr-mpm-notify",
}
_TOKEN_PATH, _TOKEN_SERVICE = "/access-token/b2b", "73"
_LARGEST_ANSWER = 256 * 1024


@dataclass(frozen=True)
class Envelope:
    """What of a call is not its body: its number for the day, and how it is spoilt when asked to."""

    external_id: str = field(default_factory=new_external_id)
    corrupt_signature: bool = False
    stale_s: int = 0


def dumps(fields: dict[str, Any]) -> bytes:
    """Minified JSON, so that the bytes sent are the bytes signed."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class _Token:
    text: str
    best_before: float

    @property
    def fresh(self) -> bool:
        return elapsed_s() < self.best_before


class Line:
    """Calls the biller as one partner; as many calls at once as the bank has lines."""

    def __init__(self, settings: Settings, key: rsa.RSAPrivateKey) -> None:
        self._settings, self._key = settings, key
        self._base_path = httpx.URL(settings.biller_url).path.rstrip("/")
        self._connections = Connections(settings.lines)
        self._token: _Token | None = None
        self._token_lock = asyncio.Lock()

    async def close(self) -> None:
        await self._connections.close()

    async def call(self, service: str, fields: dict[str, Any], envelope: Envelope) -> Reply:
        """The answer to inquiry (24), payment (25) or status (26). A token that died early is replaced once."""
        reply = await self._call(service, fields, envelope)
        if reply.case == "40101" and self._settings.signature_mode == "SYMMETRIC":
            self._token = None
            reply = await self._call(service, fields, envelope)
        return reply

    async def _call(self, service: str, fields: dict[str, Any], envelope: Envelope) -> Reply:
        path, body = _PATHS[service], dumps(fields)
        token = await self._current_token() if self._settings.signature_mode == "SYMMETRIC" else ""
        if isinstance(token, Reply):
            return token
        timestamp = snap_time(wall_now() - timedelta(seconds=envelope.stale_s))
        signature = self._sign(path, body, token, timestamp)
        headers = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": _spoil(signature) if envelope.corrupt_signature else signature,
            "X-PARTNER-ID": self._settings.partner_id,
            "X-EXTERNAL-ID": envelope.external_id,
            "CHANNEL-ID": self._settings.channel_id,
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        return await self._post(path, service, headers, body)

    def _sign(self, path: str, body: bytes, token: str, timestamp: str) -> str:
        signed_path = self._base_path + path
        if token:
            return sign_symmetric(
                self._settings.client_secret,
                method="POST",
                path=signed_path,
                token=token,
                body=body,
                timestamp=timestamp,
            )
        return sign_asymmetric(self._key, method="POST", path=signed_path, body=body, timestamp=timestamp)

    async def _current_token(self) -> str | Reply:
        """The cached token till shortly before it dies, else a new one; the failed `Reply` when there is none."""
        async with self._token_lock:
            if self._token is None or not self._token.fresh:
                found = await self._new_token()
                if isinstance(found, Reply):
                    return found
                self._token = found
            return self._token.text

    async def _new_token(self) -> _Token | Reply:
        timestamp = snap_time(wall_now())
        client_key = self._settings.client_key
        headers = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": timestamp,
            "X-CLIENT-KEY": client_key,
            "X-SIGNATURE": sign_token_request(self._key, client_key=client_key, timestamp=timestamp),
        }
        asked_at = elapsed_s()
        reply = await self._post(_TOKEN_PATH, _TOKEN_SERVICE, headers, dumps({"grantType": "client_credentials"}))
        if reply.code != "2007300":
            logging.warning("no token from the biller: %s", reply.code or reply.message)
            return reply
        text, life = reply.body.get("accessToken"), reply.body.get("expiresIn")
        if not isinstance(text, str) or not text or not isinstance(life, str) or not life.isdecimal():
            return Reply("", "the token answer lacks accessToken or expiresIn as strings")
        return _Token(text, asked_at + usable_s(int(life)))

    async def _post(self, path: str, service: str, headers: dict[str, str], body: bytes) -> Reply:
        try:
            async with self._connections.take() as client, asyncio.timeout(self._settings.timeout_s):
                answer = await client.post(self._settings.biller_url + path, headers=headers, content=body)
        except TimeoutError:
            return Reply("", f"no answer within {self._settings.timeout_s:g} s")
        except httpx.HTTPError as error:
            return Reply("", f"no answer: {type(error).__name__}")
        return read_reply(answer.status_code, answer.content, service)


def usable_s(life_s: int) -> float:
    """How long a token is used: a tenth of its life is left, a minute at most, so that the last call signed with it
    still arrives in time."""
    return life_s - min(60.0, life_s / 10)


def read_reply(http_status: int, content: bytes, service: str) -> Reply:
    """The answer, believed only when it keeps the standard: JSON object, 7-digit code as a string, of the called
    service, in agreement with the HTTP status. Else a `Reply` without a code that says what is wrong."""
    if len(content) > _LARGEST_ANSWER:
        return Reply("", f"HTTP {http_status} with {len(content)} bytes")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return Reply("", f"HTTP {http_status} without a JSON body")
    code = body.get("responseCode") if isinstance(body, dict) else None
    if not isinstance(code, str) or len(code) != 7 or not (code.isascii() and code.isdigit()):
        return Reply("", f"HTTP {http_status} without a responseCode of seven digits")
    if code[:3] != str(http_status) or code[3:5] != service:
        return Reply("", f"HTTP {http_status} with responseCode {code} to service {service}")
    return Reply(code, str(body.get("responseMessage", ""))[:150], body)


def _spoil(signature: str) -> str:
    """Another signature of the same length: one bit of the first byte turned."""
    raw = bytearray(base64.b64decode(signature))
    raw[0] ^= 1
    return base64.b64encode(raw).decode()
