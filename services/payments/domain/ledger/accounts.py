"""Accounts and transfers: an amount above zero from one account to another, so every entry balances by construction.

Money that we hold or owe stands on the credit side; what others owe us (`clearing:`, `bank:`), `fees:` and `incentive-expense` on the debit side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.event import Event
from contracts.values import ContributionMonth, ParticipantId, PaymentId

SUSPENSE = "suspense"
"""Money that belongs to no payable bill."""
JKK, JKM, JHT = "contributions:jkk", "contributions:jkm", "contributions:jht"
CONTRIBUTIONS = (JKK, JKM, JHT)
CARRY_FORWARD = "carry-forward"
"""Credit of participants toward their next bills; the participant stands on the line."""
COLLECTIVE = "collective"
"""Paid collective bills whose shares are not posted yet."""
REFUNDS_PAYABLE = "refunds-payable"
INCENTIVE_EXPENSE = "incentive-expense"
TAX_WITHHELD = "tax-withheld"
STANDING = frozenset(
    {SUSPENSE, *CONTRIBUTIONS, CARRY_FORWARD, COLLECTIVE, REFUNDS_PAYABLE, INCENTIVE_EXPENSE, TAX_WITHHELD}
)
"""Accounts that exist before anything moved on them; the others are a partner's, an agent's or a Wadah's."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` (whole rupiah, > 0) is debited to one account and credited to the other."""

    debit: str
    credit: str
    amount: int
    payment_id: PaymentId | None = None
    participant_id: ParticipantId | None = None
    month: ContributionMonth | None = None

    def __post_init__(self) -> None:
        if self.amount <= 0 or self.debit == self.credit:
            raise ValueError("a transfer moves an amount above zero between two accounts")


Lines = Mapping[type[Event], Callable[[Any], "tuple[Transfer, ...]"]]
"""Event class → its ledger lines in a fixed order, from the event alone."""


def clearing(partner: str) -> str:
    """The account of what this partner took and owes us."""
    return f"clearing:{partner}"


def bank(partner: str) -> str:
    """The account of the cash that this partner settled with us."""
    return f"bank:{partner}"


def fees(partner: str) -> str:
    """The account of what this partner kept for its service."""
    return f"fees:{partner}"


def agent_balance(agent_id: UUID) -> str:
    """The account of what an agent deposited beforehand."""
    return f"agent-balance:{agent_id}"


def incentives_payable(wadah_id: UUID) -> str:
    """The account of incentives that this Wadah has earned and not been paid."""
    return f"incentives-payable:{wadah_id}"
