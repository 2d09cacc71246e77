"""Accounts that money may go to: recorded by one person, verified by another. Pure deciders; number and holder are no part of the state."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from contracts.event import Event
from contracts.events.astray import (
    OtherPayeeAccountRecorded,
    PayeeAccountRecorded,
    PayeeAccountRetired,
    PayeeAccountVerified,
    PayeeKind,
)
from contracts.events.erasure import PayeeAccountForgotten
from contracts.values import PayeeAccountId
from services.payments.domain.proposals import is_own

PAYEE_RULES = "two-people/2026-11"
"""Whoever records, proposes or orders is never the one who verifies or approves (domain.md sections 1 and 6; [O])."""

FORGOTTEN = "forgotten"
"""Why no money goes to the account of a person who was erased."""


class Payee(NamedTuple):
    """`owner_id`: the participant or the Wadah; None for a payer whom we do not know."""

    payee_account_id: PayeeAccountId
    kind: PayeeKind
    owner_id: UUID | None
    bank_code: str
    recorded_by: str
    verified_by: str | None = None
    evidence: str | None = None
    retired_for: str | None = None

    @property
    def may_receive(self) -> bool:
        return self.verified_by is not None and self.retired_for is None


class CannotVerify(StrEnum):
    UNKNOWN = "unknown_payee_account"
    SAME_PERSON = "same_person"
    RETIRED = "payee_account_retired"
    VERIFIED = "payee_account_verified"


def recorded(event: PayeeAccountRecorded | OtherPayeeAccountRecorded) -> Payee:
    """Nobody has verified it yet."""
    match event:
        case PayeeAccountRecorded():
            kind: PayeeKind = PayeeKind.PARTICIPANT
            owner_id: UUID | None = event.participant_id
        case OtherPayeeAccountRecorded():
            kind, owner_id = event.kind, event.wadah_id
    return Payee(
        payee_account_id=event.payee_account_id,
        kind=kind,
        owner_id=owner_id,
        bank_code=event.bank_code,
        recorded_by=event.recorded_by,
    )


def evolve(payee: Payee | None, event: Event) -> Payee | None:
    match event:
        case PayeeAccountRecorded() | OtherPayeeAccountRecorded():
            return recorded(event)
        case PayeeAccountVerified() if payee is not None:
            return payee._replace(verified_by=event.verified_by, evidence=event.evidence)
        case PayeeAccountRetired() if payee is not None:
            return payee._replace(retired_for=event.reason)
        case PayeeAccountForgotten() if payee is not None:
            return payee._replace(retired_for=payee.retired_for or FORGOTTEN)
    return payee


def verify(payee: Payee | None, by: str, evidence: str) -> PayeeAccountVerified | CannotVerify | None:
    """None when this person verified it with this evidence already."""
    if payee is None:
        return CannotVerify.UNKNOWN
    if payee.retired_for is not None:
        return CannotVerify.RETIRED
    if is_own(payee.recorded_by, by):
        return CannotVerify.SAME_PERSON
    if payee.verified_by is not None:
        return None if (payee.verified_by, payee.evidence) == (by, evidence) else CannotVerify.VERIFIED
    return PayeeAccountVerified(payee_account_id=payee.payee_account_id, verified_by=by, evidence=evidence)


def retire(payee: Payee | None, reason: str) -> PayeeAccountRetired | CannotVerify | None:
    """None when no money goes there already."""
    if payee is None:
        return CannotVerify.UNKNOWN
    if payee.retired_for is not None:
        return None
    return PayeeAccountRetired(payee_account_id=payee.payee_account_id, reason=reason)
