"""Lines of collective bills as a whole and of agents' balances.

A share moves from `collective` on (see `contributions`); a first payment that an agent's money makes passes through a clearing account of its own,
so it is taken back as any other payment is.
"""

from __future__ import annotations

from contracts.events.groups import (
    AgentBalanceCharged,
    AgentBalanceDeposited,
    AgentBalanceRestored,
    AgentBalanceWithdrawn,
    CollectiveBillPaid,
    CollectiveBillReversed,
)
from services.payments.domain.balance import BALANCE_PARTNER
from services.payments.domain.ledger.accounts import (
    COLLECTIVE,
    REFUNDS_PAYABLE,
    Lines,
    Transfer,
    agent_balance,
    clearing,
)


def _whole(event: CollectiveBillPaid) -> tuple[Transfer, ...]:
    return (Transfer(clearing(event.partner), COLLECTIVE, event.amount, event.payment_id),)


def _whole_reversed(event: CollectiveBillReversed) -> tuple[Transfer, ...]:
    """What was no share yet; every share goes back by its own reversal."""
    if not event.amount:
        return ()
    return (Transfer(COLLECTIVE, clearing(event.partner), event.amount, event.payment_id),)


def _deposited(event: AgentBalanceDeposited) -> tuple[Transfer, ...]:
    return (Transfer(clearing(event.partner), agent_balance(event.agent_id), event.amount, event.payment_id),)


def _charged(event: AgentBalanceCharged) -> tuple[Transfer, ...]:
    mine, other = agent_balance(event.agent_id), clearing(BALANCE_PARTNER)
    return (Transfer(mine, other, event.amount, event.payment_id, event.participant_id),)


def _withdrawn(event: AgentBalanceWithdrawn) -> tuple[Transfer, ...]:
    return (Transfer(agent_balance(event.agent_id), REFUNDS_PAYABLE, event.amount, event.payment_id),)


def _restored(event: AgentBalanceRestored) -> tuple[Transfer, ...]:
    return (Transfer(REFUNDS_PAYABLE, agent_balance(event.agent_id), event.amount, event.payment_id),)


LINES: Lines = {
    CollectiveBillPaid: _whole,
    CollectiveBillReversed: _whole_reversed,
    AgentBalanceDeposited: _deposited,
    AgentBalanceCharged: _charged,
    AgentBalanceWithdrawn: _withdrawn,
    AgentBalanceRestored: _restored,
}
