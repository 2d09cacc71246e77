"""Lines of settlements: what a partner owed for a day stands in our bank account, less what it kept."""

from __future__ import annotations

from contracts.events.reconciliation import SettlementReceived
from services.payments.domain.ledger.accounts import Lines, Transfer, bank, clearing, fees


def _received(event: SettlementReceived) -> tuple[Transfer, ...]:
    owed = clearing(event.partner)
    moved = ((bank(event.partner), event.amount), (fees(event.partner), event.fees))
    return tuple(Transfer(account, owed, amount) for account, amount in moved if amount)


LINES: Lines = {SettlementReceived: _received}
