"""What is open of a partner's day: the fees in the ledger are those of its file, and a case stands while a rupiah is short or too much.

Asked when money comes, when a file was reconciled after money came, and when a day's money is overdue.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from chassis.ids import new_id
from chassis.transaction import Meta, Tx
from contracts.events.reconciliation import CaseClosed, CaseOpened, SettlementFeesCorrected
from contracts.values import CaseId, Rupiah
from services.payments.commands.settlement import STREAM
from services.payments.commands.settlement.recording import append, open_case
from services.payments.domain.settlement.cases import CREDIT_GAP, SETTLED
from services.payments.domain.settlement.days import stream_key
from services.payments.domain.settlement.outcomes import OWNER
from services.payments.queries import settlement as queries
from services.payments.queries.settlement import Day, PartnerDay


class DayBook:
    """Days with their open gap cases; what is recorded of one is known to what follows. The heads of the days were read before."""

    def __init__(self, tx: Tx, days: dict[PartnerDay, Day], gaps: dict[PartnerDay, CaseId]) -> None:
        self._tx, self.days, self.gaps = tx, days, gaps

    @classmethod
    async def load(cls, tx: Tx, wanted: Collection[PartnerDay]) -> DayBook:
        """Days without a reconciled file are left out."""
        days = await queries.days(tx.conn, wanted)
        gaps = await queries.gap_cases(tx.conn, wanted)
        if gaps:
            await tx.heads(STREAM, set(gaps.values()))
            gaps = await queries.gap_cases(tx.conn, wanted)
        return cls(tx, days, gaps)

    def correct_fees(self, place: PartnerDay, meta: Meta) -> None:
        """To those of the day's file: another file may have come after the fees were booked."""
        day = self.days[place]
        if not day.fees_open:
            return
        partner, date = place
        event = SettlementFeesCorrected(
            partner=partner, day=date, fees=Rupiah(day.fees), fees_before=Rupiah(day.fees_booked)
        )
        append(self._tx, event, stream_key(*place), meta)
        self.days[place] = replace(day, fees_booked=day.fees)

    def note_gap(self, place: PartnerDay, meta: Meta) -> None:
        """A gap of one rupiah keeps the day open (snap.md section 11.4); its case ends when nothing is open, fees among it."""
        day = self.days[place]
        if day.gap and place not in self.gaps:
            self._open(place, day, meta)
        elif not day.gap and not day.fees_open and place in self.gaps:
            case_id = self.gaps.pop(place)
            closed = CaseClosed(case_id=case_id, partner=place[0], day=place[1], outcome=SETTLED)
            append(self._tx, closed, str(case_id), meta)

    def _open(self, place: PartnerDay, day: Day, meta: Meta) -> None:
        case_id = self.gaps[place] = CaseId(new_id())
        opened = CaseOpened(
            case_id=case_id,
            kind=CREDIT_GAP,
            partner=place[0],
            day=place[1],
            owner=OWNER,
            amount_here=Rupiah(day.expected),
            amount_there=Rupiah(day.received),
        )
        open_case(self._tx, opened, meta)
