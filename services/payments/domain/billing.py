"""Issuing and ending bills: pure deciders over `Payer`. At most one bill of a payer is open.

Months are billed in order, oldest first; after a lapse old arrears are never billed (Perdir 22/2022; domain.md
section 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from contracts.event import Event
from contracts.events.contributions import (
    BillCancelled,
    BillExpired,
    BillKind,
    ContributionBilled,
    MonthCharge,
    PayerAdded,
    PayerCorrected,
)
from contracts.events.contributions import Payer as PayerCopy
from contracts.events.participants import ParticipantCorrected, ParticipantRegistered, RefusalReason
from contracts.sealed import Sealed
from contracts.values import BillId, ContributionMonth, Rupiah
from services.payments.domain.bill import Bill
from services.payments.domain.contribution import charge, with_credit
from services.payments.domain.parameters import (
    CONTRIBUTION,
    FIRST_MONTH_RULE,
    GRACE_MONTHS,
    PREPAY_MONTHS,
    ContributionRules,
    Dated,
    Sets,
    day_of,
)
from services.payments.domain.payer import Payer


class CannotBill(StrEnum):
    """Why no bill can be issued."""

    NOTHING_OWED = "nothing_owed"
    REGISTRATION_EXPIRED = "registration_expired"
    BLOCKED = "payer_blocked"
    CLOSED = "participation_closed"
    MONTHS_NOT_OFFERED = "months_not_offered"


class CancelReason(StrEnum):
    """Why an open bill was ended before its time."""

    REPLACED = "replaced"
    SUPERSEDED = "superseded"
    """Another bill of the payer was paid, so months and kind of this one no longer hold."""
    REGISTRATION_EXPIRED = "registration_expired"
    LAPSED = "lapsed"
    CORRECTED = "corrected"
    """What it was priced by has changed; the change counts for every month not yet paid."""
    ON_REQUEST = "on_request"
    CLOSED = "participation_closed"


def add(registered: ParticipantRegistered) -> PayerAdded:
    """What payments notes of a registered participant; blanks when the person was forgotten."""
    person = registered.person.value
    copy = None if person is None else PayerCopy(name=person.name, nik_hash=person.nik_hash)
    return PayerAdded(
        participant_id=registered.participant_id,
        contribution_code=registered.contribution_code,
        income=registered.income,
        sector=registered.sector,
        programmes=registered.programmes,
        funding_source=registered.funding_source,
        registration_expires_at=registered.expires_at,
        payer=Sealed(registered.person.subject, copy),
        new_to_bpu=registered.new_to_bpu,
    )


def correct(payer: Payer, corrected: ParticipantCorrected) -> PayerCorrected | None:
    """What prices the unpaid months from now on; None when nothing of it changed."""
    before = (payer.income, payer.sector, payer.programmes, payer.funding_source)
    after = (corrected.income, corrected.sector, frozenset(corrected.programmes), corrected.funding_source)
    if before == after:
        return None
    return PayerCorrected(
        participant_id=payer.participant_id,
        income=corrected.income,
        sector=corrected.sector,
        programmes=corrected.programmes,
        funding_source=corrected.funding_source,
    )


def issue(
    payer: Payer, *, now: datetime, bill_id: BillId, sets: Sets, months: int | None = None
) -> tuple[ContributionBilled, Dated[ContributionRules]] | CannotBill:
    """The next bill and the rules that priced it, of those in force on the WIB day of issue.

    `months`: how many from the oldest unpaid on; None: all owed up to the current one.

    Expires at 24:00 WIB of the last day of the month of issue. Whether another bill is open is the caller's question.
    """
    if refusal := cannot_pay(payer, now):
        return refusal
    if months is not None and months not in sets.on(PREPAY_MONTHS, day_of(now)).months:
        return CannotBill.MONTHS_NOT_OFFERED
    wanted = payer.months_owed(now) if months is None else payer.next_unpaid(now, months)
    return _issue(payer, wanted, now, bill_id, sets) if wanted else CannotBill.NOTHING_OWED


def reissue(
    payer: Payer, ended: Bill, *, now: datetime, bill_id: BillId, sets: Sets
) -> tuple[ContributionBilled, Dated[ContributionRules]] | CannotBill:
    """A bill of as many months as the one that was ended, at today's price."""
    if refusal := cannot_pay(payer, now):
        return refusal
    return _issue(payer, payer.next_unpaid(now, len(ended.months)), now, bill_id, sets)


def _issue(
    payer: Payer, wanted: Sequence[ContributionMonth], now: datetime, bill_id: BillId, sets: Sets
) -> tuple[ContributionBilled, Dated[ContributionRules]]:
    rules = sets.set_on(CONTRIBUTION, day_of(now))
    graces = [sets.set_on(GRACE_MONTHS, date(month.year, month.month, 1)) for month in wanted]
    charges = tuple(
        _charge(payer, month, rules.value, issued_in=ContributionMonth.of(now), grace_months=grace.value.months)
        for month, grace in zip(wanted, graces, strict=True)
    )
    kind = payer.kind_at(now)
    terms = list(dict.fromkeys(grace.version for grace in graces))
    if kind is not BillKind.STANDARD:
        terms.append(sets.version_on(FIRST_MONTH_RULE, day_of(now)))
    if kind is BillKind.STANDARD:
        charges = tuple(with_credit(charges, payer.credit))
    bill = ContributionBilled(
        bill_id=bill_id,
        participant_id=payer.participant_id,
        contribution_code=payer.contribution_code,
        kind=kind,
        months=charges,
        amount=Rupiah(sum(c.due for c in charges)),
        funding_source=payer.funding_source,
        expires_at=ContributionMonth.of(now).ends_at,
        sector=payer.sector,
        terms=tuple(terms),
    )
    return bill, rules


def cannot_pay(payer: Payer, now: datetime) -> CannotBill | None:
    """Why this payer gets no bill at all, whatever the months; None when nothing stands in the way."""
    if payer.may_pay(now) and payer.closed:
        return None
    if payer.blocked == RefusalReason.PARTICIPANT_CLOSED:
        return CannotBill.CLOSED
    if payer.blocked:
        return CannotBill.BLOCKED
    if not payer.paid and now >= payer.registration_expires_at:
        return CannotBill.REGISTRATION_EXPIRED
    return None


def cancel(payer: Payer, reason: CancelReason) -> Sequence[Event]:
    """Ends the open bill, if there is one."""
    bill = payer.open_bill
    if bill is None:
        return ()
    return (BillCancelled(bill_id=bill.bill_id, participant_id=payer.participant_id, reason=reason),)


def expire(payer: Payer, now: datetime) -> Sequence[Event]:
    """Marks the open bill as expired, if its end has come."""
    bill = payer.open_bill
    if bill is None or now < bill.expires_at:
        return ()
    return (BillExpired(bill_id=bill.bill_id, participant_id=payer.participant_id),)


def end(payer: Payer, now: datetime, reason: CancelReason) -> Sequence[Event]:
    """Ends the open bill: as expired when its time was over, else for this reason."""
    return expire(payer, now) or cancel(payer, reason)


def _charge(
    payer: Payer, month: ContributionMonth, rules: ContributionRules, *, issued_in: ContributionMonth, grace_months: int
) -> MonthCharge:
    return charge(
        month,
        income=payer.income,
        programmes=payer.programmes,
        sector=payer.sector,
        funding_source=payer.funding_source,
        rules=rules,
        issued_in=issued_in,
        grace_months=grace_months,
    )
