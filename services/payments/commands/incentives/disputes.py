"""Doubts about a statement: raised by the agent or the board, answered by the branch. The statement itself is never edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.http import NOT_FOUND, Principal, covers
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.events.incentives import IncentiveDisputeAnswered, IncentiveLineDisputed
from contracts.values import AgentId, ContributionMonth, DisputeId, WadahId
from services.payments.dispute_notes import keep_words
from services.payments.problems import DISPUTE_ANSWERED, NO_SUCH_LINE
from services.payments.queries import incentives_shown as queries

STREAM = "incentive-disputes"
DISPUTE_RULES = "perisai-incentive-disputes/2022-04"


@dataclass(frozen=True, slots=True)
class RaiseDispute:
    """`line` 0 stands for the statement as a whole."""

    meta: Meta
    principal: Principal
    agent_id: AgentId
    month: str
    line: int
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class AnswerDispute:
    meta: Meta
    principal: Principal
    dispute_id: DisputeId
    upheld: bool
    note: str


@dataclass(frozen=True, slots=True)
class RaiseDisputes:
    """A foreign statement is not found; a line beyond the last one neither."""

    vault: Vault
    __name__ = "raise_disputes"

    async def __call__(self, tx: Tx, items: Sequence[RaiseDispute], /) -> list[Accepted | Rejected]:
        known = await queries.statements_by_key(tx.conn, {(item.agent_id, item.month) for item in items})
        words: dict[UUID, str] = {}
        found = [_raise(tx, item, known.get((item.agent_id, item.month)), words) for item in items]
        keep_words(tx, self.vault, "note", words)
        return found


def _raise(
    tx: Tx, item: RaiseDispute, statement: Mapping[Any, Any] | None, words: dict[UUID, str]
) -> Accepted | Rejected:
    if statement is None or not covers(item.principal, agent_id=item.agent_id, wadah_id=statement["wadah_id"]):
        return Rejected(NOT_FOUND)
    if item.line > statement["lines"]:
        return Rejected(NO_SUCH_LINE, "line", {"lines": str(statement["lines"])})
    dispute_id = DisputeId(new_id())
    disputed = IncentiveLineDisputed(
        dispute_id=dispute_id,
        agent_id=item.agent_id,
        wadah_id=WadahId(statement["wadah_id"]),
        run=ContributionMonth.parse(item.month),
        line=item.line,
        reason=item.reason,
        note="",
    )
    words[dispute_id] = item.note
    tx.new(STREAM, dispute_id)
    scope = Scope(statement["branch_id"], statement["wadah_id"], item.agent_id)
    tx.record(disputed, key=dispute_id, meta=item.meta, scope=scope, rules=DISPUTE_RULES)
    return Accepted({"dispute_id": str(dispute_id)})


@dataclass(frozen=True, slots=True)
class AnswerDisputes:
    """Once; by an officer of the branch."""

    vault: Vault
    __name__ = "answer_disputes"

    async def __call__(self, tx: Tx, items: Sequence[AnswerDispute], /) -> list[Accepted | Rejected]:
        await tx.heads(STREAM, {item.dispute_id for item in items})
        known = await queries.dispute(tx.conn, {item.dispute_id for item in items})
        answered = {key: str(row["answered_by"]) for key, row in known.items() if row["upheld"] is not None}
        words: dict[UUID, str] = {}
        found = [_answer(tx, item, known.get(item.dispute_id), answered, words) for item in items]
        keep_words(tx, self.vault, "answer", words)
        return found


def _answer(
    tx: Tx,
    item: AnswerDispute,
    row: Mapping[Any, Any] | None,
    answered: dict[UUID, str],
    words: dict[UUID, str],
) -> Accepted | Rejected:
    if row is None or not covers(item.principal, branch_id=row["branch_id"]):
        return Rejected(NOT_FOUND)
    if item.dispute_id in answered:
        return Rejected(DISPUTE_ANSWERED, values={"by": answered[item.dispute_id]})
    answer = IncentiveDisputeAnswered(dispute_id=item.dispute_id, upheld=item.upheld, note="")
    scope = Scope(row["branch_id"], row["wadah_id"], row["agent_id"])
    tx.record(answer, key=item.dispute_id, meta=item.meta, scope=scope, rules=DISPUTE_RULES)
    answered[item.dispute_id] = item.meta.actor
    words[item.dispute_id] = item.note
    return Accepted({"dispute_id": str(item.dispute_id), "upheld": item.upheld}, 200)
