"""Money that a partner paid for a day stands in our bank account: cash and fees in the ledger, and a case while a rupiah is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.reconciliation import CaseClosed, CaseOpened, SettlementReceived
from contracts.values import CaseId, Rupiah
from services.payments.commands.settlement import STREAM
from services.payments.domain.settlement.cases import CREDIT_GAP, SETTLED
from services.payments.domain.settlement.days import stream_key
from services.payments.domain.settlement.outcomes import OWNER, RECONCILIATION_RULES
from services.payments.problems import SETTLEMENT_NOT_RECONCILED
from services.payments.queries import settlement as queries
from services.payments.queries.settlement import Day, PartnerDay


@dataclass(frozen=True, slots=True)
class RecordCredit:
    """`amount`: whole rupiah on the account, after the partner kept its fees; `evidence`: the number of the account line."""

    partner: str
    day: date
    amount: int
    evidence: str
    meta: Meta


async def record_credits(tx: Tx, items: Sequence[RecordCredit], /) -> list[Accepted | Rejected]:
    """What is still open of the day; fees are booked with the first credit after the file was reconciled."""
    wanted = {(item.partner, item.day) for item in items}
    await tx.heads(STREAM, {stream_key(*day) for day in wanted})
    days = await queries.days(tx.conn, wanted)
    gaps = await queries.gap_cases(tx.conn, wanted)
    if gaps:
        await tx.heads(STREAM, set(gaps.values()))
        gaps = await queries.gap_cases(tx.conn, wanted)
    return [_record(tx, days, gaps, item) for item in items]


def _record(
    tx: Tx, days: dict[PartnerDay, Day], gaps: dict[PartnerDay, CaseId], item: RecordCredit
) -> Accepted | Rejected:
    day = days.get((item.partner, item.day))
    if day is None:
        return Rejected(SETTLEMENT_NOT_RECONCILED)
    received = SettlementReceived(
        partner=item.partner,
        day=item.day,
        amount=Rupiah(item.amount),
        fees=Rupiah(max(0, day.fees_open)),
        evidence=item.evidence,
    )
    _append(tx, received, stream_key(item.partner, item.day), item.meta)
    day = replace(day, received=day.received + item.amount, fees_open=min(0, day.fees_open))
    days[item.partner, item.day] = day
    _note_gap(tx, gaps, day, item)
    return Accepted({"partner": item.partner, "day": item.day.isoformat(), "gap": day.gap})


def _note_gap(tx: Tx, gaps: dict[PartnerDay, CaseId], day: Day, item: RecordCredit) -> None:
    """A gap of one rupiah keeps the day open (snap.md section 11.4)."""
    place = (item.partner, item.day)
    if day.gap and place not in gaps:
        gaps[place] = CaseId(new_id())
        tx.new(STREAM, str(gaps[place]))
        opened = CaseOpened(
            case_id=gaps[place],
            kind=CREDIT_GAP,
            partner=item.partner,
            day=item.day,
            owner=OWNER,
            amount_here=Rupiah(day.expected),
            amount_there=Rupiah(day.received),
        )
        _append(tx, opened, str(gaps[place]), item.meta)
    elif not day.gap and place in gaps:
        case_id = gaps.pop(place)
        closed = CaseClosed(case_id=case_id, partner=item.partner, day=item.day, outcome=SETTLED)
        _append(tx, closed, str(case_id), item.meta)


def _append(tx: Tx, event: Event, key: str, meta: Meta) -> None:
    tx.record(event, key=key, meta=meta, scope=Scope(), rules=RECONCILIATION_RULES)
