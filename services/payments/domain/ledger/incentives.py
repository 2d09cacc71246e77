"""Lines of incentives: what a month costs is owed to the Wadah, less the tax that is kept for the state (domain.md section 7)."""

from __future__ import annotations

from contracts.events.incentives import WadahStatementIssued
from services.payments.domain.ledger.accounts import (
    INCENTIVE_EXPENSE,
    TAX_WITHHELD,
    Lines,
    Transfer,
    incentives_payable,
)


def _issued(event: WadahStatementIssued) -> tuple[Transfer, ...]:
    owed = incentives_payable(event.wadah_id)
    moved = ((INCENTIVE_EXPENSE, owed, event.gross), (owed, TAX_WITHHELD, event.tax))
    return tuple(Transfer(debit, credit, amount) for debit, credit, amount in moved if amount)


LINES: Lines = {WadahStatementIssued: _issued}
