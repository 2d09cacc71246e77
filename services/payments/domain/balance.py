"""An agent's balance (saldo Perisai): money deposited beforehand, from which first payments are taken; never below zero.

It is the agent's money, not income (domain.md section 4). What it must not race with is its own stream `agent-balances`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from contracts.event import Event
from contracts.events.contributions import BillKind
from contracts.events.groups import (
    AgentBalanceCharged,
    AgentBalanceDeposited,
    AgentBalanceOpened,
    AgentBalanceRestored,
    AgentBalanceWithdrawn,
)
from contracts.values import AgentId, PaymentId, ProposalId, Rupiah, TransferOrderId
from services.payments.domain.bill import Bill
from services.payments.domain.payer import Payer
from services.payments.domain.paying import Money, Posted

BALANCE_PARTNER = "agent-balance"
"""Partner and channel of a payment that was taken from a balance."""


Moved = AgentBalanceDeposited | AgentBalanceCharged | AgentBalanceWithdrawn | AgentBalanceRestored
"""Say what the balance is after them."""


class CannotCharge(StrEnum):
    """Why nothing is taken from a balance."""

    NOT_OPENED = "balance_not_opened"
    NOT_A_FIRST_BILL = "not_a_first_bill"
    TOO_LOW = "balance_too_low"


class AgentBalance(NamedTuple):
    """`code` takes deposits of any amount; `balance` in whole rupiah."""

    agent_id: AgentId
    code: str
    balance: int


def opened(event: AgentBalanceOpened) -> AgentBalance:
    return AgentBalance(event.agent_id, event.code, 0)


def evolve(balance: AgentBalance, event: Event) -> AgentBalance:
    """The balance after one further event of its stream."""
    if isinstance(event, Moved):
        return balance._replace(balance=event.balance)
    return balance


def deposit(balance: AgentBalance, money: Money, *, payment_id: PaymentId) -> AgentBalanceDeposited:
    """Any amount above zero."""
    return AgentBalanceDeposited(
        agent_id=balance.agent_id,
        payment_id=payment_id,
        partner=money.partner,
        channel=money.channel,
        channel_reference=money.channel_reference,
        amount=Rupiah(money.amount),
        balance=Rupiah(balance.balance + money.amount),
        effective_at=money.effective_at,
        posted_at=money.received_at,
    )


def deposited(event: AgentBalanceDeposited) -> Posted:
    """The deposit as it stands in the books: of no participant, no bill and no month."""
    return Posted(
        payment_id=event.payment_id,
        bill_id=None,
        participant_id=None,
        agent_id=event.agent_id,
        partner=event.partner,
        channel=event.channel,
        channel_reference=event.channel_reference,
        amount=event.amount,
        months=(),
        effective_at=event.effective_at,
        posted_at=event.posted_at,
    )


def charge(
    balance: AgentBalance | None, payer: Payer, bill: Bill, *, payment_id: PaymentId
) -> AgentBalanceCharged | CannotCharge:
    """Takes a first bill from the balance, in full."""
    if balance is None:
        return CannotCharge.NOT_OPENED
    if bill.kind is not BillKind.FIRST:
        return CannotCharge.NOT_A_FIRST_BILL
    if bill.amount > balance.balance:
        return CannotCharge.TOO_LOW
    return AgentBalanceCharged(
        agent_id=balance.agent_id,
        participant_id=payer.participant_id,
        bill_id=bill.bill_id,
        payment_id=payment_id,
        amount=Rupiah(bill.amount),
        balance=Rupiah(balance.balance - bill.amount),
    )


def withdraw(
    balance: AgentBalance, amount: int, *, payment_id: PaymentId, order_id: TransferOrderId, proposal_id: ProposalId
) -> AgentBalanceWithdrawn | None:
    """The money on its way to the agent; None where the balance is lower."""
    if not 0 < amount <= balance.balance:
        return None
    return AgentBalanceWithdrawn(
        agent_id=balance.agent_id,
        payment_id=payment_id,
        amount=Rupiah(amount),
        balance=Rupiah(balance.balance - amount),
        order_id=order_id,
        proposal_id=proposal_id,
    )


def restore(
    balance: AgentBalance, amount: int, *, payment_id: PaymentId, order_id: TransferOrderId, reason: str
) -> AgentBalanceRestored:
    """What the bank did not carry out."""
    return AgentBalanceRestored(
        agent_id=balance.agent_id,
        payment_id=payment_id,
        amount=Rupiah(amount),
        balance=Rupiah(balance.balance + amount),
        order_id=order_id,
        reason=reason,
    )
