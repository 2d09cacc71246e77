"""Money that a partner paid for a day stands in our bank account: cash and fees in the ledger, and a case while a rupiah is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.events.reconciliation import SettlementReceived
from contracts.values import Rupiah
from services.payments.commands.settlement import STREAM
from services.payments.commands.settlement.gap import DayBook
from services.payments.domain.settlement.days import stream_key
from services.payments.domain.settlement.outcomes import RECONCILIATION_RULES
from services.payments.problems import CREDIT_NOTED, SETTLEMENT_NOT_RECONCILED


@dataclass(frozen=True, slots=True)
class RecordCredit:
    """`amount`: whole rupiah on the account, after the partner kept its fees; `evidence`: the number of the account line."""

    partner: str
    day: date
    amount: int
    evidence: str
    meta: Meta


async def record_credits(tx: Tx, items: Sequence[RecordCredit], /) -> list[Accepted | Rejected]:
    """What is still open of the day; fees are booked with the first credit after the file was reconciled.

    An account line is noted once per day, whoever notes it: two clerks may read the same statement.
    """
    wanted = {(item.partner, item.day) for item in items}
    await tx.heads(STREAM, {stream_key(*day) for day in wanted})
    book = await DayBook.load(tx, wanted)
    return [_record(tx, book, item) for item in items]


def _record(tx: Tx, book: DayBook, item: RecordCredit) -> Accepted | Rejected:
    place = (item.partner, item.day)
    day = book.days.get(place)
    if day is None:
        return Rejected(SETTLEMENT_NOT_RECONCILED)
    if item.evidence in day.credits:
        return Rejected(CREDIT_NOTED, field="evidence")
    fees = max(0, day.fees_open)
    received = SettlementReceived(
        partner=item.partner, day=item.day, amount=Rupiah(item.amount), fees=Rupiah(fees), evidence=item.evidence
    )
    tx.record(received, key=stream_key(*place), meta=item.meta, scope=Scope(), rules=RECONCILIATION_RULES)
    book.days[place] = replace(
        day,
        received=day.received + item.amount,
        fees_booked=day.fees_booked + fees,
        credits={**day.credits, item.evidence: item.amount},
    )
    book.correct_fees(place, item.meta)
    book.note_gap(place, item.meta)
    return Accepted({"partner": item.partner, "day": item.day.isoformat(), "gap": day.gap - item.amount})
