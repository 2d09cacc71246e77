"""How what is found of files, days and cases is recorded."""

from __future__ import annotations

from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.reconciliation import CaseOpened
from services.payments.commands.settlement import STREAM
from services.payments.domain.settlement.outcomes import RECONCILIATION_RULES


def open_case(tx: Tx, case: CaseOpened, meta: Meta) -> None:
    """Records a new case; its key is new."""
    tx.new(STREAM, str(case.case_id))
    append(tx, case, str(case.case_id), meta)


def append(tx: Tx, event: Event, key: str, meta: Meta) -> None:
    """`key`: a partner's day or a case, whose head was read before."""
    tx.record(event, key=key, meta=meta, scope=Scope(), rules=RECONCILIATION_RULES)
