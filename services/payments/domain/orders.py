"""Transfer orders: money that leaves, each for one purpose and reference, until a bank's evidence confirms it or it failed. Pure deciders.

Nothing moves in the ledger when an order is given: the account that owes the money is relieved when the transfer is confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from contracts.event import Event
from contracts.events.astray import PayeeKind, TransferConfirmed, TransferFailed, TransferOrdered, TransferPurpose
from contracts.values import ParticipantId, PayeeAccountId, PaymentId, Rupiah, TransferOrderId
from services.payments.domain.payees import Payee


class OrderStatus(StrEnum):
    ORDERED = "ORDERED"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


class Order(NamedTuple):
    order_id: TransferOrderId
    purpose: TransferPurpose
    reference: str
    payee_account_id: PayeeAccountId
    amount: int
    account: str
    payment_id: PaymentId | None
    participant_id: ParticipantId | None
    status: OrderStatus = OrderStatus.ORDERED

    @property
    def in_force(self) -> bool:
        return self.status is not OrderStatus.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A transfer to order: `account` owes it, `kind` and `owner_id` are whose account it must go to (`owner_id` None: anybody's)."""

    purpose: TransferPurpose
    reference: str
    payee_account_id: PayeeAccountId
    amount: int
    account: str
    kinds: frozenset[PayeeKind]
    owner_id: UUID | None = None
    payment_id: PaymentId | None = None
    participant_id: ParticipantId | None = None


class CannotOrder(StrEnum):
    ORDERED_OTHERWISE = "ordered_otherwise"
    """An order for the same is in force, over another sum or to another account."""
    PAYEE_NOT_VERIFIED = "payee_not_verified"
    WRONG_PAYEE = "wrong_payee"


class CannotClose(StrEnum):
    UNKNOWN = "unknown_order"
    CONFIRMED = "order_confirmed"
    FAILED = "order_failed"
    PAID_IN_FUTURE = "paid_on_in_future"
    PAID_BEFORE_ORDER = "paid_on_before_order"


def order(
    before: Order | None, wanted: Wanted, payee: Payee | None, order_id: TransferOrderId
) -> TransferOrdered | Order | CannotOrder:
    """The order, or the one that is in force for the same already."""
    if before is not None and before.in_force:
        same = (before.amount, before.payee_account_id) == (wanted.amount, wanted.payee_account_id)
        return before if same else CannotOrder.ORDERED_OTHERWISE
    if payee is None or not payee.may_receive:
        return CannotOrder.PAYEE_NOT_VERIFIED
    if payee.kind not in wanted.kinds or not _is_theirs(payee, wanted.owner_id):
        return CannotOrder.WRONG_PAYEE
    return TransferOrdered(
        order_id=order_id,
        purpose=wanted.purpose,
        reference=wanted.reference,
        payee_account_id=wanted.payee_account_id,
        amount=Rupiah(wanted.amount),
        account=wanted.account,
        payment_id=wanted.payment_id,
        participant_id=wanted.participant_id,
    )


def _is_theirs(payee: Payee, owner_id: UUID | None) -> bool:
    return payee.kind is PayeeKind.PAYER or owner_id is None or payee.owner_id == owner_id


def ordered(event: TransferOrdered) -> Order:
    return Order(
        event.order_id,
        event.purpose,
        event.reference,
        event.payee_account_id,
        event.amount,
        event.account,
        event.payment_id,
        event.participant_id,
    )


def evolve(before: Order | None, event: Event) -> Order | None:
    match event:
        case TransferOrdered():
            return ordered(event)
        case TransferConfirmed() if before is not None:
            return before._replace(status=OrderStatus.CONFIRMED)
        case TransferFailed() if before is not None:
            return before._replace(status=OrderStatus.FAILED)
    return before


def confirm(
    found: Order | None, *, partner: str, paid_on: date, evidence: str, ordered_on: date, today: date
) -> TransferConfirmed | CannotClose:
    """Money leaves on the day of the order or later, and nobody knows it before. Days are WIB days."""
    if (refusal := _closed(found)) is not None:
        return refusal
    if paid_on > today:
        return CannotClose.PAID_IN_FUTURE
    if paid_on < ordered_on:
        return CannotClose.PAID_BEFORE_ORDER
    assert found is not None
    return TransferConfirmed(
        order_id=found.order_id,
        purpose=found.purpose,
        reference=found.reference,
        partner=partner,
        account=found.account,
        amount=Rupiah(found.amount),
        payment_id=found.payment_id,
        participant_id=found.participant_id,
        paid_on=paid_on,
        evidence=evidence,
    )


def fail(found: Order | None, reason: str) -> TransferFailed | CannotClose:
    if (refusal := _closed(found)) is not None:
        return refusal
    assert found is not None
    return TransferFailed(
        order_id=found.order_id,
        purpose=found.purpose,
        reference=found.reference,
        amount=Rupiah(found.amount),
        reason=reason,
    )


def _closed(found: Order | None) -> CannotClose | None:
    if found is None:
        return CannotClose.UNKNOWN
    if found.status is OrderStatus.CONFIRMED:
        return CannotClose.CONFIRMED
    return CannotClose.FAILED if found.status is OrderStatus.FAILED else None
