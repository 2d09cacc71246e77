"""The edge holds: no body over its limit, no body that trickles in for ever, no more requests at once than can be
worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.http.responses import problem_response
from chassis.problems import BAD_REQUEST, OVERLOADED, Rejected
from chassis.telemetry import log, metrics
from chassis.telemetry.names import REQUEST_REFUSED

F = TypeVar("F", bound=Callable[..., Any])

Edge = Callable[[str, Rejected], Response]
"""How a refusal at the edge reads for the paths of another protocol: path and refusal to a response."""

ALWAYS_ANSWERED: Final = ("/health/live", "/health/ready", "/metrics")


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_body_bytes` holds for every route that does not declare its own with `body_limit`."""

    max_body_bytes: int = 64 * 1024
    body_timeout_s: float = 30
    max_concurrent: int = 512
    max_per_caller_s: float = 500
    """Of one token's subject (`chassis.http.rates`); 0: any number."""


class BodyTooLarge(HTTPException):
    """An HTTPException, because FastAPI lets no other exception out of reading a body."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        self.limit = limit


def body_limit(max_bytes: int) -> Callable[[F], F]:
    """Decorates a route's function (below the route decorator) that takes larger bodies, e.g. uploads."""

    def mark(function: F) -> F:
        function.max_body_bytes = max_bytes  # type: ignore[attr-defined]
        return function

    return mark


class LimitsMiddleware:
    def __init__(self, app: ASGIApp, limits: Limits, edges: Mapping[str, Edge] | None = None) -> None:
        self._app, self._limits, self._edges = app, limits, edges or {}
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
        elif _holds_nul(scope):
            await self._refuse(Rejected(BAD_REQUEST), scope, receive, send)
        elif self._running >= self._limits.max_concurrent:
            log.warning(REQUEST_REFUSED, reason="too many at once", running=self._running)
            await self._refuse(Rejected(OVERLOADED), scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    async def _refuse(self, rejected: Rejected, scope: Scope, receive: Receive, send: Send) -> None:
        own = next((edge for prefix, edge in self._edges.items() if scope["path"].startswith(prefix)), None)
        response = problem_response(rejected) if own is None else own(scope["path"], rejected)
        await response(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._running += 1
        metrics.HTTP_IN_FLIGHT.set(self._running)
        try:
            await self._app(scope, _Body(scope, receive, self._limits).receive, send)
        finally:
            self._running -= 1
            metrics.HTTP_IN_FLIGHT.set(self._running)


class _Body:
    """Counts and times one request's body while the application reads it."""

    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        self._scope, self._receive, self._limits = scope, receive, limits
        self._bytes, self._complete = 0, False
        self._deadline = asyncio.get_running_loop().time() + limits.body_timeout_s

    async def receive(self) -> Message:
        """The next part. Raises BodyTooLarge (announced or counted), or HTTPException 408 past the deadline."""
        if self._complete:
            return await self._receive()
        limit = self._limit()
        if self._bytes == 0 and _announced(self._scope) > limit:
            raise BodyTooLarge(limit)
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > limit:
            raise BodyTooLarge(limit)
        return message

    def _limit(self) -> int:
        # known by now: the router writes the matched endpoint into the scope before anything reads the body
        own: int | None = getattr(self._scope.get("endpoint"), "max_body_bytes", None)
        return self._limits.max_body_bytes if own is None else own


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _holds_nul(scope: Scope) -> bool:
    """PostgreSQL stores no NUL; a path or query with one can name nothing."""
    return "\x00" in scope["path"] or b"%00" in scope.get("query_string", b"")
