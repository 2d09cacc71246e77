"""What people do with cases: take one, note what the partner says, close it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, ProblemType, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.reconciliation import CaseAssigned, CaseClosed, CaseStatusTold
from contracts.values import CaseId
from services.payments.commands.settlement import STREAM
from services.payments.domain.settlement.cases import CannotClose, may_close
from services.payments.domain.settlement.outcomes import RECONCILIATION_RULES
from services.payments.problems import CASE_CLOSED, CASE_NOT_VOIDED, CASE_STATUS_NOT_ASKED
from services.payments.queries import settlement as queries
from services.payments.queries.settlement import Case

_PROBLEMS: dict[CannotClose, ProblemType] = {
    CannotClose.CLOSED: CASE_CLOSED,
    CannotClose.NOT_VOIDED: CASE_NOT_VOIDED,
    CannotClose.STATUS_NOT_ASKED: CASE_STATUS_NOT_ASKED,
}


@dataclass(frozen=True, slots=True)
class TakeCase:
    """Who asks is its owner from now on."""

    case_id: CaseId
    meta: Meta


@dataclass(frozen=True, slots=True)
class NoteStatus:
    """The partner's answer: `paid`, `not_paid` or `not_known`."""

    case_id: CaseId
    answer: str
    meta: Meta


@dataclass(frozen=True, slots=True)
class CloseCase:
    case_id: CaseId
    outcome: str
    evidence: str | None
    meta: Meta


ChangeCase = TakeCase | NoteStatus | CloseCase


async def change_cases(tx: Tx, items: Sequence[ChangeCase], /) -> list[Accepted | Rejected]:
    """Each sees what those before it did to the same case."""
    wanted = {item.case_id for item in items}
    await tx.heads(STREAM, wanted)
    known = await queries.cases_by_id(tx.conn, wanted)
    return [_change(tx, known, item) for item in items]


def _change(tx: Tx, known: dict[CaseId, Case], item: ChangeCase) -> Accepted | Rejected:
    case = known.get(item.case_id)
    if case is None:
        return Rejected(NOT_FOUND)
    if not case.open:
        return Rejected(CASE_CLOSED)
    match item:
        case TakeCase():
            event: Event = CaseAssigned(case_id=case.case_id, partner=case.partner, day=case.day, owner=item.meta.actor)
            after = replace(case, owner=item.meta.actor)
        case NoteStatus():
            event = CaseStatusTold(case_id=case.case_id, partner=case.partner, day=case.day, answer=item.answer)
            after = replace(case, status_told=item.answer)
        case CloseCase():
            if refusal := _refusal(case, item.outcome):
                return Rejected(_PROBLEMS[refusal])
            event = CaseClosed(
                case_id=case.case_id,
                partner=case.partner,
                day=case.day,
                outcome=item.outcome,
                evidence=item.evidence,
            )
            after = replace(case, open=False)
    tx.record(event, key=case.case_id, meta=item.meta, scope=Scope(), rules=RECONCILIATION_RULES)
    known[case.case_id] = after
    return Accepted({"case_id": str(case.case_id)}, 200)


def _refusal(case: Case, outcome: str) -> CannotClose | None:
    return may_close(
        is_open=case.open,
        kind=case.kind,
        outcome=outcome,
        payment_taken_back=case.payment_taken_back,
        status_told=case.status_told,
    )
