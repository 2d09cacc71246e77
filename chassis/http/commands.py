"""From an HTTP request to the durable answer of a command: Idempotency-Key, group commit, problem details."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from chassis.batches import Batches
from chassis.door import Door
from chassis.http.auth import Principal
from chassis.idempotency import Answer, Idempotent, Keyed
from chassis.outcomes import Accepted
from chassis.problems import IDEMPOTENCY_KEY_MISSING, Refusal, Rejected
from chassis.telemetry import current_traceparent
from chassis.transaction import Meta, UseCase

C = TypeVar("C")

CommandDoor = Door[Keyed[C], Answer]


def command_door(batches: Batches, use_case: UseCase[C, Accepted | Rejected]) -> CommandDoor[C]:
    """The door of one use case that answers commands under their Idempotency-Key."""
    return Door(batches, Idempotent(use_case))


def meta(request: Request, principal: Principal) -> Meta:
    """Who asked and what it is part of, from the token and the request's correlation id."""
    return Meta(
        actor=principal.subject,
        correlation_id=correlation_id(request),
        traceparent=current_traceparent(),
    )


def correlation_id(request: Request) -> UUID:
    """The id that the correlation middleware gave this request."""
    value: UUID = request.scope["state"]["correlation_id"]
    return value


async def answer(request: Request, principal: Principal, door: CommandDoor[Any], command: object) -> Response:
    """Runs the command and renders its durable answer. Raises Refusal `idempotency_key_missing`."""
    outcome = await door.submit(
        Keyed(
            actor=principal.subject,
            key=_key(request),
            request_hash=await _request_hash(request),
            correlation_id=correlation_id(request),
            command=command,
        )
    )
    problem = outcome.status >= 400
    return JSONResponse(
        outcome.body, outcome.status, media_type="application/problem+json" if problem else "application/json"
    )


def _key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Refusal(Rejected(IDEMPOTENCY_KEY_MISSING))
    return key


async def _request_hash(request: Request) -> bytes:
    """Method, path, query string if there is one, and body. What was stored without a query string stays what it was."""
    body = await request.body()
    target: str = request.scope["path"]
    if query := request.scope["query_string"].decode("ascii", "backslashreplace"):
        target += f"?{query}"
    return hashlib.sha256(f"{request.method} {target}\n".encode() + body).digest()
