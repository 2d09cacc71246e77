"""Lines of settlements: what a partner owed for a day stands in our bank account, less what it kept."""

from __future__ import annotations

from contracts.events.reconciliation import CreditCorrected, SettlementFeesCorrected, SettlementReceived
from services.payments.domain.ledger.accounts import Lines, Transfer, bank, clearing, fees


def _received(event: SettlementReceived) -> tuple[Transfer, ...]:
    owed = clearing(event.partner)
    moved = ((bank(event.partner), event.amount), (fees(event.partner), event.fees))
    return tuple(Transfer(account, owed, amount) for account, amount in moved if amount)


def _fees_corrected(event: SettlementFeesCorrected) -> tuple[Transfer, ...]:
    """More was kept than we knew, or less: then the partner owes us the rest again."""
    return _by(fees(event.partner), clearing(event.partner), event.fees - event.fees_before)


def _credit_corrected(event: CreditCorrected) -> tuple[Transfer, ...]:
    return _by(bank(event.partner), clearing(event.partner), event.amount - event.amount_before)


def _by(debit: str, credit: str, more: int) -> tuple[Transfer, ...]:
    """So much more from one to the other; the way back where it is less."""
    if not more:
        return ()
    return (Transfer(debit, credit, more) if more > 0 else Transfer(credit, debit, -more),)


LINES: Lines = {
    SettlementReceived: _received,
    SettlementFeesCorrected: _fees_corrected,
    CreditCorrected: _credit_corrected,
}
