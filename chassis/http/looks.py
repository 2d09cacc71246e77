"""No answer with personal data leaves before it is on record who was given whose: what cannot be recorded is not given.

What was opened is noted where it is opened (`chassis.privacy.looks`), so every route is watched, also one that nobody thought of. An answer
in parts is held up at each part that opened something more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import transaction
from chassis.database import is_outage
from chassis.http.auth import Principal
from chassis.http.limits import Edge
from chassis.http.responses import problem_response
from chassis.privacy.looks import Looks, watching
from chassis.problems import NOT_RECORDED, Refusal, Rejected
from chassis.reads import Read
from chassis.telemetry import current_traceparent, log
from chassis.transaction import Meta

Record = Callable[[Read], Awaitable[None]]
NOBODY: Final = Principal("nobody", frozenset())
"""Whom no door knows. A route that opens something for strangers says who they are with `shown_to`."""


class LooksMiddleware:
    """Inside the limits, around all that answers."""

    def __init__(self, app: ASGIApp, record: Record, edges: Mapping[str, Edge]) -> None:
        self._app, self._record, self._edges = app, record, edges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with watching() as looks:
            answer = _Answer(self._record, looks, scope, send)
            await self._app(scope, receive, answer.send)
        if answer.refused:
            own = next((edge for prefix, edge in self._edges.items() if scope["path"].startswith(prefix)), None)
            rejected = Rejected(NOT_RECORDED)
            response = problem_response(rejected) if own is None else own(scope["path"], rejected)
            await response(scope, receive, send)


class _Answer:
    """One answer on its way: its head waits for its first part, every part for the trail of what it may show."""

    def __init__(self, record: Record, looks: Looks, scope: Scope, send: Send) -> None:
        self._record, self._looks, self._scope, self._send = record, looks, scope, send
        self._head: Message | None = None
        self.refused = False

    async def send(self, message: Message) -> None:
        if self.refused:
            return
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._looks and not await self._told():
            return
        if self._head is not None:
            head, self._head = self._head, None
            await self._send(head)
        await self._send(message)

    async def _told(self) -> bool:
        """Whether the trail holds what was opened. Raises where the answer has begun: it ends there, unfinished."""
        try:
            await self._record(_read(self._scope, self._looks))
        except Exception as error:  # settles: the answer is refused, whatever the reason, and the operator is told
            if self._head is None:
                raise
            _tell(error)
            self.refused = True
        return not self.refused


def _tell(error: Exception) -> None:
    """What passes is warned of; what stays until somebody mends it, such as a right taken away or a bug, is an error with where it broke."""
    told = {"error": type(error).__name__, "runbook": "docs/operations.md#access-trail"}
    if is_outage(error) or isinstance(error, Refusal | TimeoutError):
        log.warning("read_not_recorded", **told)
    else:
        log.error("read_not_recorded", **told, exc_info=error)


def _read(scope: Scope, looks: Looks) -> Read:
    state = scope["state"]
    who: Principal = state.get("principal", NOBODY)
    return Read(
        Meta(who.subject, state["correlation_id"], traceparent=current_traceparent()),
        transaction.Scope(who.branch_id, who.wadah_id, who.agent_id),
        sorted(who.roles),
        f"{scope['method']} {getattr(scope.get('route'), 'path', 'unmatched')}",
        looks.take(),
    )
