"""Lines of money that leaves suspense, is given back, or leaves the house.

What is matched passes through the partner's clearing account, as it did on its way to suspense (decision 032): the payment of the same
transaction takes it on.
"""

from __future__ import annotations

from contracts.events.astray import (
    ContributionRefunded,
    PaymentAssigned,
    PaymentCredited,
    PaymentMatched,
    PaymentReturned,
    PaymentReturnFailed,
    PaymentVoided,
    TransferConfirmed,
)
from contracts.events.contributions import CreditReleased
from services.payments.domain.ledger.accounts import (
    CARRY_FORWARD,
    REFUNDS_PAYABLE,
    SUSPENSE,
    Lines,
    Transfer,
    bank,
    clearing,
)
from services.payments.domain.ledger.contributions import parts


def _back_to_clearing(event: PaymentMatched | PaymentVoided) -> tuple[Transfer, ...]:
    """Nothing where all of a receipt that never came was matched: that payment goes back by its own reversal."""
    if not event.amount:
        return ()
    return (Transfer(SUSPENSE, clearing(event.partner), event.amount, event.payment_id),)


def _credited(event: PaymentCredited) -> tuple[Transfer, ...]:
    return (Transfer(SUSPENSE, CARRY_FORWARD, event.amount, event.payment_id, event.participant_id),)


def _released(event: CreditReleased) -> tuple[Transfer, ...]:
    return (Transfer(CARRY_FORWARD, REFUNDS_PAYABLE, event.amount, event.payment_id, event.participant_id),)


def _returned(event: PaymentReturned) -> tuple[Transfer, ...]:
    return (Transfer(SUSPENSE, REFUNDS_PAYABLE, event.amount, event.payment_id),)


def _return_failed(event: PaymentReturnFailed) -> tuple[Transfer, ...]:
    return (Transfer(REFUNDS_PAYABLE, SUSPENSE, event.amount, event.payment_id),)


def _assigned(event: PaymentAssigned) -> tuple[Transfer, ...]:
    return (Transfer(SUSPENSE, event.account, event.amount, event.payment_id),)


def _refunded(event: ContributionRefunded) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(account, REFUNDS_PAYABLE, amount, event.payment_id, event.participant_id, month)
        for account, amount, month in parts(event.months)
    )


def _confirmed(event: TransferConfirmed) -> tuple[Transfer, ...]:
    return (Transfer(event.account, bank(event.partner), event.amount, event.payment_id, event.participant_id),)


LINES: Lines = {
    PaymentMatched: _back_to_clearing,
    PaymentVoided: _back_to_clearing,
    PaymentCredited: _credited,
    CreditReleased: _released,
    PaymentReturned: _returned,
    PaymentReturnFailed: _return_failed,
    PaymentAssigned: _assigned,
    ContributionRefunded: _refunded,
    TransferConfirmed: _confirmed,
}
