"""Money that was noted wrongly is put right by two people: one says what the account line is, another looks and agrees (decision 133)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.reconciliation import CreditCorrected, CreditCorrectionDropped, CreditCorrectionProposed
from contracts.values import ProposalId, Rupiah
from services.payments.commands.settlement import STREAM
from services.payments.commands.settlement.gap import DayBook
from services.payments.domain.proposals import is_own
from services.payments.domain.settlement.days import stream_key
from services.payments.domain.settlement.outcomes import RECONCILIATION_RULES
from services.payments.problems import CREDIT_UNKNOWN, SAME_PERSON
from services.payments.queries.settlement import PartnerDay


@dataclass(frozen=True, slots=True)
class ProposeCorrection:
    """The line `evidence` is of `amount`, whole rupiah; 0 where it is none of this day's."""

    partner: str
    day: date
    evidence: str
    amount: int
    reason: str
    meta: Meta


@dataclass(frozen=True, slots=True)
class DecideCorrection:
    """`approve` by another person than its maker; anybody may drop it."""

    partner: str
    day: date
    proposal_id: ProposalId
    approve: bool
    meta: Meta


async def propose_corrections(tx: Tx, items: Sequence[ProposeCorrection], /) -> list[Accepted | Rejected]:
    """Of lines that were noted; several may wait, and each says what the line is, not by how much it differs."""
    book = await _book(tx, {(item.partner, item.day) for item in items})
    return [_propose(tx, book, item) for item in items]


async def decide_corrections(tx: Tx, items: Sequence[DecideCorrection], /) -> list[Accepted | Rejected]:
    """What was decided before is not found again."""
    book = await _book(tx, {(item.partner, item.day) for item in items})
    return [_decide(tx, book, item) for item in items]


async def _book(tx: Tx, wanted: Collection[PartnerDay]) -> DayBook:
    await tx.heads(STREAM, {stream_key(*place) for place in wanted})
    return await DayBook.load(tx, wanted)


def _propose(tx: Tx, book: DayBook, item: ProposeCorrection) -> Accepted | Rejected:
    place = (item.partner, item.day)
    day = book.days.get(place)
    if day is None or item.evidence not in day.credits:
        return Rejected(CREDIT_UNKNOWN, field="evidence")
    proposed = CreditCorrectionProposed(
        proposal_id=ProposalId(new_id()),
        partner=item.partner,
        day=item.day,
        evidence=item.evidence,
        amount=Rupiah(item.amount),
        reason=item.reason,
        proposed_by=item.meta.actor,
    )
    _append(tx, proposed, place, item.meta)
    book.days[place] = replace(day, corrections={**day.corrections, str(proposed.proposal_id): proposed})
    return Accepted({"proposal_id": str(proposed.proposal_id)}, 201)


def _decide(tx: Tx, book: DayBook, item: DecideCorrection) -> Accepted | Rejected:
    place = (item.partner, item.day)
    day = book.days.get(place)
    proposed = None if day is None else day.corrections.get(str(item.proposal_id))
    if day is None or proposed is None:
        return Rejected(NOT_FOUND)
    if item.approve and is_own(proposed.proposed_by, item.meta.actor):
        return Rejected(SAME_PERSON)
    day = replace(day, corrections={key: one for key, one in day.corrections.items() if one is not proposed})
    if not item.approve:
        dropped = CreditCorrectionDropped(
            proposal_id=item.proposal_id, partner=item.partner, day=item.day, dropped_by=item.meta.actor
        )
        _append(tx, dropped, place, item.meta)
        book.days[place] = day
    else:
        before = day.credits[proposed.evidence]
        corrected = CreditCorrected(
            proposal_id=item.proposal_id,
            partner=item.partner,
            day=item.day,
            evidence=proposed.evidence,
            amount=proposed.amount,
            amount_before=Rupiah(before),
            approved_by=item.meta.actor,
        )
        _append(tx, corrected, place, item.meta)
        credits_ = {**day.credits, proposed.evidence: int(proposed.amount)}
        book.days[place] = replace(day, credits=credits_, received=day.received + proposed.amount - before)
        book.note_gap(place, item.meta)
    return Accepted({"proposal_id": str(item.proposal_id), "gap": book.days[place].gap}, 200)


def _append(tx: Tx, event: Event, place: PartnerDay, meta: Meta) -> None:
    tx.record(event, key=stream_key(*place), meta=meta, scope=Scope(), rules=RECONCILIATION_RULES)
