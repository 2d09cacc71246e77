"""Money that a partner lists and the books lack goes to suspense by two people: one says that it came, another looks and agrees (decision 146)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.contributions import PaymentUnmatched
from contracts.events.reconciliation import (
    CaseClosed,
    DifferenceBooked,
    DifferenceDropped,
    DifferenceProposed,
    LineOutcome,
)
from contracts.values import CaseId, PaymentId, ProposalId, Rupiah, SettlementFileId
from services.payments.commands.follow import RECEIPTS
from services.payments.commands.settlement import STREAM
from services.payments.commands.settlement.gap import DayBook
from services.payments.commands.settlement.layouts import layouts_of
from services.payments.commands.settlement.reconcile import CHANNEL
from services.payments.commands.settlement.turns import alone
from services.payments.domain.keys import receipt_key
from services.payments.domain.proposals import is_own
from services.payments.domain.settlement.days import stream_key, window
from services.payments.domain.settlement.differences import (
    BOOKED,
    Bookable,
    CannotBook,
    Disputed,
    bookable,
    own_reference,
)
from services.payments.domain.settlement.outcomes import RECONCILIATION_RULES
from services.payments.problems import BOOKING_DECIDED, BOOKING_PROBLEMS, BOOKING_WAITS, CASE_CLOSED, SAME_PERSON
from services.payments.queries import differences as queries
from services.payments.queries import settlement
from services.payments.queries.differences import KeptDispute
from services.payments.queries.receipts import Reference, booked_under
from services.payments.queries.settlement import PartnerDay

FIELDS = {
    CannotBook.OTHER_AMOUNT: "amount",
    CannotBook.REFERENCE: "reference",
    CannotBook.RECEIPT_KNOWN: "reference",
    CannotBook.CREDIT_UNKNOWN: "evidence",
    CannotBook.CREDIT_TOO_SMALL: "evidence",
}


@dataclass(frozen=True, slots=True)
class ProposeBooking:
    """`amount`, whole rupiah, of the case's line came on the account line `evidence`; `reference` where the line cannot be read."""

    case_id: CaseId
    amount: int
    reason: str
    evidence: str
    reference: str | None
    meta: Meta


@dataclass(frozen=True, slots=True)
class DecideBooking:
    """`approve` by another person than its maker; anybody may drop it."""

    case_id: CaseId
    proposal_id: ProposalId
    approve: bool
    meta: Meta


async def propose_bookings(tx: Tx, items: Sequence[ProposeBooking], /) -> list[Accepted | Rejected]:
    """Nothing that could not be booked now is proposed to anybody, and one proposal waits per case."""
    named = {(item.case_id, item.reference) for item in items}
    desk = await _Desk.load(tx, {item.case_id for item in items}, named)
    return [desk.propose(item) for item in items]


async def decide_bookings(tx: Tx, items: Sequence[DecideBooking], /) -> list[Accepted | Rejected]:
    """An approval that can no longer be carried out is refused and leaves its proposal waiting; what was decided is told with who did."""
    wanted = {item.case_id for item in items}
    await alone(tx)
    waiting = [one.booking for one in (await queries.disputes(tx.conn, wanted)).values() if one.booking is not None]
    desk = await _Desk.load(tx, wanted, {(one.case_id, one.reference) for one in waiting})
    await desk.look_up_decided({item.proposal_id: item.case_id for item in items})
    return [desk.decide(item) for item in items]


class _Desk:
    """Cases, their days and the receipts they may become; what is recorded changes them for those after it."""

    def __init__(self, tx: Tx, cases: dict[CaseId, KeptDispute], book: DayBook, known: set[Reference]) -> None:
        self._tx, self._cases, self._book, self._known = tx, cases, book, known
        self._ends: dict[SettlementFileId, datetime] = {}
        self._carried: dict[PartnerDay, dict[str, int]] = {}
        self._decided: dict[ProposalId, str] = {}

    @classmethod
    async def load(cls, tx: Tx, wanted: Collection[CaseId], named: Collection[tuple[CaseId, str | None]]) -> _Desk:
        """The first look-up only finds the keys."""
        found = {case_id: one.disputed for case_id, one in (await queries.disputes(tx.conn, wanted)).items()}
        days = {(one.partner, one.day) for one in found.values()}
        references = {(found[key].partner, name) for key, name in named if name is not None and key in found}
        await tx.heads(STREAM, {*map(str, found), *(stream_key(*day) for day in days)})
        await tx.heads(RECEIPTS, {receipt_key(*reference) for reference in references})
        known = set(await booked_under(tx.conn, references)) if references else set()
        desk = cls(tx, await queries.disputes(tx.conn, found), await DayBook.load(tx, days), known)
        desk._carried = await queries.carried(tx.conn, days)
        files = await settlement.files(tx.conn, {one.file_id for one in found.values() if one.file_id is not None})
        for file_id, layout in (await layouts_of(tx, files)).items():
            desk._ends[file_id] = window(layout, files[file_id].day).end
        return desk

    async def look_up_decided(self, named: Mapping[ProposalId, CaseId]) -> None:
        """Who decided those of them that no longer wait; no statement where all do."""
        late = {
            proposal_id: self._cases[case_id].disputed
            for proposal_id, case_id in named.items()
            if case_id in self._cases and not _waits(self._cases[case_id], proposal_id)
        }
        keys = {str(one.case_id) for one in late.values()} | {stream_key(one.partner, one.day) for one in late.values()}
        found = await queries.decided_bookings(self._tx.conn, STREAM, keys) if keys else {}
        self._decided = {
            proposal_id: by for (case_id, proposal_id), by in found.items() if named.get(proposal_id) == case_id
        }

    def propose(self, item: ProposeBooking) -> Accepted | Rejected:
        kept = self._cases.get(item.case_id)
        if kept is None:
            return Rejected(NOT_FOUND)
        if not kept.open:
            return Rejected(CASE_CLOSED)
        if kept.booking is not None:
            return Rejected(BOOKING_WAITS)
        case = kept.disputed
        proposed = DifferenceProposed(
            case_id=item.case_id,
            proposal_id=ProposalId(new_id()),
            partner=case.partner,
            day=case.day,
            amount=Rupiah(item.amount),
            reason=item.reason,
            evidence=item.evidence,
            reference=item.reference,
            proposed_by=item.meta.actor,
        )
        judged = self._judge(case, proposed)
        if isinstance(judged, Rejected):
            return judged
        self._of_case(case, proposed, item.meta)
        self._cases[item.case_id] = kept._replace(booking=proposed)
        return Accepted({"case_id": str(item.case_id), "proposal_id": str(proposed.proposal_id)}, 201)

    def decide(self, item: DecideBooking) -> Accepted | Rejected:
        kept = self._cases.get(item.case_id)
        waiting = None if kept is None else kept.booking
        if item.proposal_id in self._decided:
            return Rejected(BOOKING_DECIDED, values={"by": self._decided[item.proposal_id]})
        if kept is None or waiting is None or waiting.proposal_id != item.proposal_id:
            return Rejected(NOT_FOUND)
        case = kept.disputed
        if not item.approve:
            dropped = DifferenceDropped(
                case_id=case.case_id,
                proposal_id=item.proposal_id,
                partner=case.partner,
                day=case.day,
                dropped_by=item.meta.actor,
            )
            self._of_case(case, dropped, item.meta)
            self._cases[item.case_id] = kept._replace(booking=None)
            self._decided[item.proposal_id] = item.meta.actor
            return Accepted({"case_id": str(item.case_id), "proposal_id": str(item.proposal_id)}, 200)
        if is_own(waiting.proposed_by, item.meta.actor):
            return Rejected(SAME_PERSON)
        judged = self._judge(case, waiting)
        if isinstance(judged, Rejected):
            return judged
        return self._book_it(kept, waiting, judged, item.meta)

    def _judge(self, case: Disputed, proposed: DifferenceProposed) -> Bookable | Rejected:
        day = self._book.days.get((case.partner, case.day))
        judged = bookable(
            case,
            amount=proposed.amount,
            reference=proposed.reference,
            evidence=proposed.evidence,
            credits={} if day is None else day.credits,
            carried=self._carried.get((case.partner, case.day), {}),
        )
        if isinstance(judged, Bookable) and (case.partner, proposed.reference) in self._known:
            judged = CannotBook.RECEIPT_KNOWN
        return judged if isinstance(judged, Bookable) else Rejected(BOOKING_PROBLEMS[judged], FIELDS.get(judged))

    def _book_it(self, kept: KeptDispute, agreed: DifferenceProposed, judged: Bookable, meta: Meta) -> Accepted:
        case, payment_id = kept.disputed, PaymentId(new_id())
        assert case.file_id is not None
        assert case.line is not None
        reference = agreed.reference or own_reference(payment_id)
        booked = DifferenceBooked(
            case_id=case.case_id,
            proposal_id=agreed.proposal_id,
            partner=case.partner,
            day=case.day,
            file_id=case.file_id,
            line=case.line,
            kind=LineOutcome(case.kind),
            reference=case.reference,
            payment_id=payment_id,
            channel_reference=reference,
            amount=Rupiah(judged.amount),
            amount_here=None if case.amount_here is None else Rupiah(case.amount_here),
            expected=Rupiah(judged.expected),
            fees=Rupiah(judged.fees),
            evidence=agreed.evidence,
            approved_by=meta.actor,
        )
        self._receive(kept, booked, meta)
        self._of_day(booked, meta)
        closed = CaseClosed(
            case_id=case.case_id, partner=case.partner, day=case.day, outcome=BOOKED, evidence=agreed.evidence
        )
        self._of_case(case, closed, meta)
        self._cases[case.case_id] = kept._replace(open=False, booking=None)
        self._decided[agreed.proposal_id] = meta.actor
        self._known.add((case.partner, reference))
        of_day = self._carried.setdefault((case.partner, case.day), {})
        of_day[agreed.evidence] = of_day.get(agreed.evidence, 0) + judged.came
        told = {"case_id": str(case.case_id), "proposal_id": str(agreed.proposal_id), "payment_id": str(payment_id)}
        return Accepted(told, 200)

    def _receive(self, kept: KeptDispute, booked: DifferenceBooked, meta: Meta) -> None:
        """The money waits in suspense, as money of the day's file does that pays nothing."""
        case, key = kept.disputed, receipt_key(booked.partner, booked.channel_reference)
        if booked.channel_reference == own_reference(booked.payment_id):
            self._tx.new(RECEIPTS, key)
        unmatched = PaymentUnmatched(
            payment_id=booked.payment_id,
            bill_id=None,
            partner=booked.partner,
            channel=CHANNEL,
            channel_reference=booked.channel_reference,
            participant_id=case.participant_id,
            amount=booked.amount,
            reason=booked.kind,
            effective_at=min(case.paid_at or self._last_moment(booked.file_id), self._tx.now),
        )
        self._tx.record(unmatched, key=key, meta=meta, scope=kept.scope, rules=RECONCILIATION_RULES)

    def _last_moment(self, file_id: SettlementFileId) -> datetime:
        """When a line was paid that does not say so: every bill of that day was issued by then."""
        return self._ends[file_id] - timedelta(seconds=1)

    def _of_day(self, booked: DifferenceBooked, meta: Meta) -> None:
        """The day is owed for the line now, its fee is known, and the case about its gap goes or comes."""
        place: PartnerDay = (booked.partner, booked.day)
        self._tx.record(booked, key=stream_key(*place), meta=meta, scope=Scope(), rules=RECONCILIATION_RULES)
        day = self._book.days[place]
        self._book.days[place] = replace(day, expected=day.expected + booked.expected, fees=day.fees + booked.fees)
        self._book.correct_fees(place, meta)
        self._book.note_gap(place, meta)

    def _of_case(self, case: Disputed, event: Event, meta: Meta) -> None:
        self._tx.record(event, key=str(case.case_id), meta=meta, scope=Scope(), rules=RECONCILIATION_RULES)


def _waits(kept: KeptDispute, proposal_id: ProposalId) -> bool:
    return kept.booking is not None and kept.booking.proposal_id == proposal_id
