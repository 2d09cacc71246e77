"""Every request leaves one line, one measurement, one span and its correlation id; no exception leaves the process
with internals."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from uuid import UUID

from prometheus_client import Counter, Histogram
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import faults
from chassis.http.limits import ALWAYS_ANSWERED
from chassis.ids import new_id
from chassis.telemetry import bind, log, metrics, span
from chassis.telemetry.names import REQUEST, REQUEST_FAILED

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_UNMATCHED: Final = "unmatched"


class TrailMiddleware:
    """`refuse` turns an exception that nothing else handled into an answer without internals."""

    def __init__(self, app: ASGIApp, refuse: Callable[[Exception], Response]) -> None:
        self._app, self._refuse = app, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = dict(reversed(scope["headers"]))  # of two of one name the first counts
        correlation_id = _uuid(told.get(b"x-correlation-id")) or new_id()
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        parent = told.get(b"traceparent", b"").decode("latin-1")
        started, answer = time.perf_counter(), _Answer(send, correlation_id)
        with (
            bind(correlation_id=correlation_id),
            span(f"HTTP {method}", parent, attributes={"http.request.method": method}) as note,
        ):
            try:
                await self._app(scope, receive, answer.send)
            except Exception as error:  # settles: the caller is answered, the operator is told
                log.error(REQUEST_FAILED, error=type(error).__name__, exc_info=error, runbook="docs/operations.md#http")
                if not answer.status:
                    await self._refuse(error)(scope, receive, answer.send)
            route = _route(scope)
            note("http.route", route)
            note("http.response.status_code", answer.status)
            _measure(method, route, answer.status, time.perf_counter() - started)
            faults.point("answered", route)


class _Answer:
    """Adds the headers every answer has, and remembers its status (0: none was sent)."""

    def __init__(self, send: Send, correlation_id: UUID) -> None:
        self._send = send
        self._headers = [
            (b"x-correlation-id", str(correlation_id).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", []), *self._headers]
        await self._send(message)


def _measure(method: str, route: str, status: int, seconds: float) -> None:
    _requests(method, route, status).inc()
    _seconds(method, route).observe(seconds)
    if route not in ALWAYS_ANSWERED:
        log.info(REQUEST, method=method, route=route, status=status, ms=round(seconds * 1000, 1))


@lru_cache(maxsize=1_024)
def _requests(method: str, route: str, status: int) -> Counter:
    """Looked up once: finding a child by its labels costs more than counting."""
    return metrics.HTTP_REQUESTS.labels(method, route, str(status))


@lru_cache(maxsize=1_024)
def _seconds(method: str, route: str) -> Histogram:
    return metrics.HTTP_SECONDS.labels(method, route)


def _route(scope: Scope) -> str:
    """The path template: a path may hold ids, and one made up by a caller anything."""
    return getattr(scope.get("route"), "path", _UNMATCHED)


def _uuid(text: bytes | None) -> UUID | None:
    try:
        return UUID(text.decode("latin-1")) if text else None
    except ValueError:
        return None
