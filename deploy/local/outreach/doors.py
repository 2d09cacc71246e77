"""The doors of a running stack, as persons with tokens use them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from deploy.local.secret import Secrets
from deploy.local.trouble import Trouble

PATIENCE_S = 60.0
POLL_S = 0.1
TOKEN_S = 600


@dataclass(frozen=True)
class Person:
    """Somebody with a token. `scope`: branch_id, wadah_id, agent_id, as their role has them."""

    subject: str
    role: str
    scope: dict[str, str] = field(default_factory=dict, hash=False)


class Place(Protocol):
    """A running stack: which of our services are in it, where its parties are, and its secrets."""

    @property
    def secrets(self) -> Secrets: ...
    @property
    def services(self) -> Sequence[str]: ...
    def url(self, name: str) -> str: ...


class Doors:
    """Calls services, bank and gateway; every refusal that the play does not expect is Trouble, with the service's own words."""

    def __init__(self, stack: Place, client: httpx.AsyncClient) -> None:
        self._stack, self._client = stack, client
        self._tokens: dict[str, tuple[str, float]] = {}
        self._clock_s = 0

    @property
    def services(self) -> Sequence[str]:
        """Those of ours that run there."""
        return self._stack.services

    def dated(self, seconds: int) -> None:
        """From now on tokens are those of an issuer whose clock is so many seconds from the true one (0: right)."""
        self._clock_s = seconds
        self._tokens.clear()

    async def get(self, service: str, path: str, who: Person, **query: Any) -> Any:
        """The JSON of a read."""
        headers = {"Authorization": f"Bearer {await self.token(who)}"}
        return _json(await self._read(service, path, headers=headers, params=query), path)

    async def find(self, service: str, path: str, who: Person, **query: Any) -> Any | None:
        """The JSON of a read; None while there is no such thing."""
        headers = {"Authorization": f"Bearer {await self.token(who)}"}
        answer = await self._read(service, path, headers=headers, params=query)
        return None if answer.status_code == httpx.codes.NOT_FOUND else _json(answer, path)

    async def post(self, service: str, path: str, who: Person, body: Any = None, *, key: str = "", **more: Any) -> Any:
        """The JSON of a command; `key` is its Idempotency-Key, so that the same play again repeats nothing."""
        return _json(await self._command(service, path, who, body, key=key, **more), path)

    async def post_if_known(self, service: str, path: str, who: Person, body: Any, *, key: str) -> Any | None:
        """As `post`; None while the service has not heard of what the body names."""
        answer = await self._command(service, path, who, body, key=key)
        return None if answer.status_code == httpx.codes.NOT_FOUND else _json(answer, path)

    async def _command(
        self, service: str, path: str, who: Person, body: Any, *, key: str, **more: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {await self.token(who)}", **more.pop("headers", {})}
        if key:
            headers["Idempotency-Key"] = f"outreach-day:{key}"
        sent = {"json": body} if body is not None else {}
        return await self._client.post(self._stack.url(service) + path, headers=headers, **sent, **more)

    async def outside(self, party: str, method: str, path: str, body: Any = None) -> Any:
        """A call to the bank or the gateway, as their customer."""
        return _json(await self._client.request(method, self._stack.url(party) + path, json=body), path)

    async def text(self, party: str, path: str) -> str:
        answer = await self._client.get(self._stack.url(party) + path)
        answer.raise_for_status()
        return answer.text

    async def _read(self, service: str, path: str, **more: Any) -> httpx.Response:
        """A read that met a connection which the other side was just giving up is made once more."""
        url = self._stack.url(service) + path
        try:
            return await self._client.get(url, **more)
        except (httpx.ReadError, httpx.RemoteProtocolError):
            return await self._client.get(url, **more)

    async def token(self, who: Person) -> str:
        """A token of the issuer, kept until shortly before it dies."""
        known, until = self._tokens.get(who.subject, ("", 0.0))
        if time.monotonic() >= until:
            known = await self._mint(who)
            self._tokens[who.subject] = (known, time.monotonic() + TOKEN_S)
        return known

    async def _mint(self, who: Person) -> str:
        answer = await self._client.post(
            f"{self._stack.url('issuer')}/admin/tokens",
            headers={"Authorization": f"Bearer {self._stack.secrets.token('issuer-admin-token')}"},
            json={"sub": who.subject, "roles": [who.role], **who.scope, "clock_s": self._clock_s},
        )
        return str(_json(answer, "/admin/tokens")["access_token"])


@asynccontextmanager
async def opened(stack: Place, *, timeout_s: float) -> AsyncIterator[Doors]:
    """Doors for a block. Who gives no answer in time is Trouble, as is a refusal."""
    try:
        async with httpx.AsyncClient(timeout=timeout_s, trust_env=False) as client:
            yield Doors(stack, client)
    except httpx.RequestError as error:
        asked = f"{error.request.method} {error.request.url.copy_with(query=None)}"
        why = f"{asked} was not answered ({type(error).__name__}): is the machine very busy? The logs and `make status` say more."
        raise Trouble(why) from error


async def until(what: str, look: Callable[[], Awaitable[bool]], *, within_s: float = PATIENCE_S) -> None:
    """Waits for a condition; Trouble that names it when it does not come."""
    deadline = time.monotonic() + within_s
    while not await look():
        if time.monotonic() > deadline:
            raise Trouble(f"Waited {within_s:.0f} s in vain: {what}.")
        await asyncio.sleep(POLL_S)


def _json(answer: httpx.Response, path: str) -> Any:
    if answer.is_error:
        raise Trouble(f"{answer.request.method} {path} was refused: {answer.status_code} {_reason(answer)}")
    return answer.json()


def _reason(answer: httpx.Response) -> str:
    """Code, sentence and bad fields of a refusal, as the service told them."""
    try:
        problem: dict[str, Any] = answer.json()
    except ValueError:
        return answer.text[:300]
    fields = "; ".join(
        f"{fault.get('field')}: {fault.get('messages', {}).get('en')}" for fault in problem.get("errors", ())
    )
    return f"{problem.get('code')}: {problem.get('messages', {}).get('en', problem.get('detail'))} {fields}".strip()
