"""The ledger holds transfers: an amount above zero from one account to another.

Every entry balances by construction, none is ever edited.

Accounts: `clearing:<partner>` (what a partner took and owes us; the debit side), `contributions:jkk|jkm|jht`,
`suspense` (money that belongs to no payable bill). Each contribution month is its own line (domain.md section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.event import Event
from contracts.events.contributions import ContributionPaid, ContributionReversed, MonthCharge, PaymentUnmatched
from contracts.values import ContributionMonth, ParticipantId, PaymentId

SUSPENSE = "suspense"
JKK, JKM, JHT = "contributions:jkk", "contributions:jkm", "contributions:jht"
CONTRIBUTIONS = (JKK, JKM, JHT)

MOVES_MONEY = frozenset({ContributionPaid, ContributionReversed, PaymentUnmatched})
"""The events that `transfers` has lines for, by exact class."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` (whole rupiah, > 0) is debited to one account and credited to the other."""

    debit: str
    credit: str
    amount: int
    payment_id: PaymentId
    participant_id: ParticipantId | None
    month: ContributionMonth | None

    def __post_init__(self) -> None:
        if self.amount <= 0 or self.debit == self.credit:
            raise ValueError("a transfer moves an amount above zero between two accounts")


def clearing(partner: str) -> str:
    """The account of what this partner owes us."""
    return f"clearing:{partner}"


def transfers(event: Event) -> Sequence[Transfer]:
    """The ledger lines of one event, in a fixed order; none for an event that moves no money."""
    match event:
        case ContributionPaid():
            return _contributions(event, event.months, clearing(event.partner), back=False)
        case ContributionReversed():
            return _contributions(event, event.months, clearing(event.partner), back=True)
        case PaymentUnmatched():
            return (
                Transfer(clearing(event.partner), SUSPENSE, event.amount, event.payment_id, event.participant_id, None),
            )
    return ()


def _contributions(
    event: ContributionPaid | ContributionReversed, months: Sequence[MonthCharge], other: str, *, back: bool
) -> Sequence[Transfer]:
    lines = [
        (account, amount, charge.month)
        for charge in months
        for account, amount in zip(CONTRIBUTIONS, (charge.jkk, charge.jkm, charge.jht), strict=True)
        if amount
    ]
    return [
        Transfer(account, other, amount, event.payment_id, event.participant_id, month)
        if back
        else Transfer(other, account, amount, event.payment_id, event.participant_id, month)
        for account, amount, month in lines
    ]
