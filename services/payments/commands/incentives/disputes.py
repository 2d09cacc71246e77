"""Doubts about a statement: raised by the agent or the board, answered by the branch. The statement itself is never edited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from chassis.http import NOT_FOUND, Principal, covers
from chassis.outcomes import Accepted
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.events.incentives import IncentiveDisputeAnswered, IncentiveLineDisputed
from contracts.values import AgentId, ContributionMonth, DisputeId, WadahId
from services.payments.dispute_notes import keep_words, read_words
from services.payments.problems import DISPUTE_ANSWERED, NO_SUCH_LINE
from services.payments.queries import incentives_shown as queries

STREAM = "incentive-disputes"
DISPUTE_RULES = "perisai-incentive-disputes/2022-04"
_DISPUTES: Final = UUID("5f0c2b1e-7a44-5d0b-9c37-2d6f8f1a9e61")
"""Ids of disputes are made in this space: of the n-th that somebody raises about a line for one reason."""


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
    """A foreign statement is not found; a line beyond the last one neither. The same doubt, raised again while it is open, is the one there is.

    Two that are raised in the same instant take the same id: one of them is run again, and finds the other.
    """

    vault: Vault
    __name__ = "raise_disputes"

    async def __call__(self, tx: Tx, items: Sequence[RaiseDispute], /) -> list[Accepted | Rejected]:
        statements = {(item.agent_id, item.month) for item in items}
        known = await queries.statements_by_key(tx.conn, statements)
        raised: defaultdict[_Natural, list[_Doubt]] = defaultdict(list)
        for row in await queries.disputes_by_statement(tx.conn, statements):
            key = _Natural(row["agent_id"], row["run"], row["line"], row["reason"], row["raised_by"])
            note = read_words(self.vault, "note", row["dispute_id"], row["note_box"])
            raised[key].append(_Doubt(row["dispute_id"], note, row["upheld"] is None))
        words: dict[UUID, str] = {}
        found = [
            _raise(tx, item, known.get((item.agent_id, item.month)), raised[_natural(item)], words) for item in items
        ]
        keep_words(tx, self.vault, "note", words)
        return found


class _Natural(NamedTuple):
    """What two doubts have in common when they may be the same one."""

    agent_id: UUID
    run: str
    line: int
    reason: str
    raised_by: str


class _Doubt(NamedTuple):
    dispute_id: UUID
    note: str | None
    is_open: bool


def _natural(item: RaiseDispute) -> _Natural:
    return _Natural(item.agent_id, item.month, item.line, item.reason, item.meta.actor)


def _raise(
    tx: Tx,
    item: RaiseDispute,
    statement: Mapping[Any, Any] | None,
    raised: list[_Doubt],
    words: dict[UUID, str],
) -> Accepted | Rejected:
    if statement is None or not covers(item.principal, agent_id=item.agent_id, wadah_id=statement["wadah_id"]):
        return Rejected(NOT_FOUND)
    if item.line > statement["lines"]:
        return Rejected(NO_SUCH_LINE, "line", {"lines": str(statement["lines"])})
    same = next((doubt for doubt in raised if doubt.is_open and doubt.note == item.note), None)
    if same is not None:
        return Accepted({"dispute_id": str(same.dispute_id)})
    nth = ":".join(map(str, (*_natural(item), len(raised))))
    dispute_id = DisputeId(uuid5(_DISPUTES, nth))
    raised.append(_Doubt(dispute_id, item.note, is_open=True))
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
