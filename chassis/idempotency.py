"""Idempotency keys: the first answer to a command is stored in the command's own transaction and given again to every repeat.

Key, hash of the request and answer (ids and codes only) live under (actor, key). Another body under the same key is refused. A repeat inside the
same batch joins the first; two processes racing with one key collide on the primary key, and the loser re-runs and reads the first answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.outcomes import Accepted
from chassis.problems import KEY_REUSED, Rejected, render
from chassis.tables import idempotency
from chassis.transaction import Tx, UseCase

C = TypeVar("C")

_STORED = sa.text(
    "SELECT s.actor, s.key, s.request_hash, s.status, s.body"
    " FROM unnest(CAST(:actors AS text[]), CAST(:keys AS text[])) AS wanted(actor, key)"
    " JOIN idempotency AS s USING (actor, key)"
)


@dataclass(frozen=True, slots=True)
class Keyed(Generic[C]):
    """A command under its Idempotency-Key; `request_hash` is SHA-256 over method, path and body."""

    actor: str
    key: str
    request_hash: bytes
    correlation_id: UUID
    command: C


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out over HTTP, now and for every repeat."""

    status: int
    body: dict[str, Any]


class Idempotent(Generic[C]):
    """A use case of commands, wrapped so that it answers `Keyed` commands once."""

    def __init__(self, use_case: UseCase[C, Accepted | Rejected]) -> None:
        self._use_case = use_case
        self.__name__ = getattr(use_case, "__name__", type(use_case).__name__)

    async def __call__(self, tx: Tx, items: Sequence[Keyed[C]], /) -> list[Answer]:
        stored = await _load(tx.conn, items)
        fresh = {(i.actor, i.key): i for i in reversed(items) if (i.actor, i.key) not in stored}
        first = [item for item in items if fresh.get((item.actor, item.key)) is item]
        outcomes = await self._use_case(tx, [item.command for item in first]) if first else []
        answers = [(item, _answer(outcome)) for item, outcome in zip(first, outcomes, strict=True)]
        if answers:
            tx.defer(lambda conn: _store(conn, tx, answers))
        known = stored | {(i.actor, i.key): (i.request_hash, answer) for i, answer in answers}
        return [_repeat(item, *known[item.actor, item.key]) for item in items]


def _answer(outcome: Accepted | Rejected) -> Answer:
    if isinstance(outcome, Rejected):
        return Answer(outcome.problem.status, render(outcome))
    return Answer(outcome.status, dict(outcome.body))


def _repeat(item: Keyed[Any], request_hash: bytes, answer: Answer) -> Answer:
    return answer if item.request_hash == request_hash else _answer(Rejected(KEY_REUSED))


async def _load(conn: AsyncConnection, items: Sequence[Keyed[Any]]) -> dict[tuple[str, str], tuple[bytes, Answer]]:
    found = await conn.execute(_STORED, {"actors": [i.actor for i in items], "keys": [i.key for i in items]})
    return {(r.actor, r.key): (bytes(r.request_hash), Answer(r.status, json.loads(r.body))) for r in found}


async def _store(conn: AsyncConnection, tx: Tx, answers: Sequence[tuple[Keyed[Any], Answer]]) -> None:
    await rows.insert(
        conn,
        idempotency,
        [
            {
                "actor": item.actor,
                "key": item.key,
                "request_hash": item.request_hash,
                "status": answer.status,
                "body": json.dumps(answer.body),
                "correlation_id": item.correlation_id,
                "recorded_at": tx.wall,
            }
            for item, answer in answers
        ],
    )
