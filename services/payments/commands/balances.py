"""Agents' balances: opened with a code of their own, charged for first payments. Deposits come in over the channels (`pay`, `arrive`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.events.contributions import ContributionBilled
from contracts.events.groups import AgentBalanceOpened
from contracts.values import AgentId, BillId, ParticipantId, PaymentId
from services.payments.commands.group_books import BALANCE_STREAM, BalanceBook
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.domain.balance import BALANCE_PARTNER, CannotCharge, charge
from services.payments.domain.bill import Bill
from services.payments.domain.billing import CancelReason, CannotBill, end, issue
from services.payments.domain.first_payments import channels_on, is_barred
from services.payments.domain.parameters import BILLING_RULES, PaymentChannel, Sets
from services.payments.domain.payer import issued
from services.payments.domain.paying import Limits, Money, is_payable, post
from services.payments.group_problems import BALANCE_NOT_OPENED, BALANCE_TOO_LOW, NOT_A_FIRST_BILL
from services.payments.groups import KeptBalance, are_agents, load_balances
from services.payments.parameters import Parameters
from services.payments.problems import BILLING_PROBLEMS, NOT_FOR_FIRST_PAYMENT
from services.payments.queries import deciding
from services.payments.store import Kept

_PROBLEMS = {
    CannotCharge.NOT_OPENED: BALANCE_NOT_OPENED,
    CannotCharge.NOT_A_FIRST_BILL: NOT_A_FIRST_BILL,
    CannotCharge.TOO_LOW: BALANCE_TOO_LOW,
}


@dataclass(frozen=True, slots=True)
class OpenBalance:
    """`code` was just drawn, for the case that the agent has none yet."""

    agent_id: AgentId
    code: str
    scope: Scope
    meta: Meta


@dataclass(frozen=True, slots=True)
class ChargeBalance:
    """The participant's first bill, paid from the agent's balance. Whether the agent may see the participant was asked before."""

    agent_id: AgentId
    participant_id: ParticipantId
    meta: Meta


async def open_balances(tx: Tx, items: Sequence[OpenBalance], /) -> list[Accepted | Rejected]:
    """The agent's deposit code: a new one, or the one there is."""
    agents = {item.agent_id for item in items}
    await tx.heads(BALANCE_STREAM, agents)
    book = BalanceBook(tx, await load_balances(tx.conn, are_agents(agents)))
    return [_open(book, item) for item in items]


def _open(book: BalanceBook, item: OpenBalance) -> Accepted:
    kept = book.get(item.agent_id)
    status = 200 if kept else 201
    if kept is None:
        kept = book.open(AgentBalanceOpened(agent_id=item.agent_id, code=item.code), meta=item.meta, scope=item.scope)
    return Accepted({"agent_id": str(item.agent_id), "code": kept.balance.code}, status)


@dataclass(frozen=True, slots=True)
class ChargeBalances:
    """The use case: one payment per command, or a refusal that changes nothing. The balance's own stream keeps it from going below zero."""

    parameters: Parameters
    __name__ = "charge_balances"

    async def __call__(self, tx: Tx, items: Sequence[ChargeBalance], /) -> list[Accepted | Rejected]:
        sets = await self.parameters.sets(tx.conn)
        participants, agents = {item.participant_id for item in items}, {item.agent_id for item in items}
        await tx.heads(STREAM, participants)
        await tx.heads(BALANCE_STREAM, agents)
        payers = PayerBook(tx, await deciding.payers_with_live_bills(tx.conn, participants, tx.now))
        balances = BalanceBook(tx, await load_balances(tx.conn, are_agents(agents)))
        return [_charge(tx, payers, balances, item, sets) for item in items]


def _charge(tx: Tx, payers: PayerBook, balances: BalanceBook, item: ChargeBalance, sets: Sets) -> Accepted | Rejected:
    kept, balance = payers.get(item.participant_id), balances.get(item.agent_id)
    if kept is None:
        return Rejected(NOT_FOUND)
    due = _due(tx, kept, sets)
    if isinstance(due, CannotBill):
        return Rejected(BILLING_PROBLEMS[due], values={"reason": kept.payer.blocked or ""})
    if is_barred(due.bill.kind, PaymentChannel.AGENT_BALANCE, tx.now, sets, by_agent=kept.payer.by_agent):
        return Rejected(NOT_FOR_FIRST_PAYMENT, values={"channels": channels_on(tx.now, sets)})
    payment_id = PaymentId(new_id())
    charged = charge(None if balance is None else balance.balance, kept.payer, due.bill, payment_id=payment_id)
    if isinstance(charged, CannotCharge) or balance is None:
        refusal = charged if isinstance(charged, CannotCharge) else CannotCharge.NOT_OPENED
        return Rejected(_PROBLEMS[refusal], values={"missing": _missing(balance, due.bill)})
    balance = balances.record(balance, charged, meta=item.meta)
    _pay(tx, payers, kept, due, payment_id, item.meta)
    return Accepted(
        {
            "payment_id": str(payment_id),
            "participant_id": str(item.participant_id),
            "bill_id": str(due.bill.bill_id),
            "amount": due.bill.amount,
            "balance": balance.balance.balance,
        }
    )


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be paid: the open bill, or one that has yet to be issued under these rules."""

    bill: Bill
    billed: ContributionBilled | None = None
    rules: str = BILLING_RULES


def _due(tx: Tx, kept: Kept, sets: Sets) -> _Due | CannotBill:
    bill = kept.payer.open_bill
    if bill is not None and is_payable(kept.payer, bill, tx.now, None, Limits()):
        return _Due(bill)
    outcome = issue(kept.payer, now=tx.now, bill_id=BillId(new_id()), sets=sets)
    if isinstance(outcome, CannotBill):
        return outcome
    billed, rules = outcome
    return _Due(issued(billed, tx.now), billed, rules.version)


def _pay(tx: Tx, payers: PayerBook, kept: Kept, due: _Due, payment_id: PaymentId, meta: Meta) -> None:
    if due.billed is not None:
        kept = payers.record(kept, end(kept.payer, tx.now, CancelReason.SUPERSEDED), meta=meta)
        kept = payers.record(kept, [due.billed], meta=meta, rules=due.rules)
    money = Money(
        partner=BALANCE_PARTNER,
        channel=BALANCE_PARTNER,
        channel_reference=str(payment_id),
        amount=due.bill.amount,
        effective_at=tx.now,
        received_at=tx.now,
        came_by=PaymentChannel.AGENT_BALANCE,
    )
    payers.record(kept, post(kept.payer, due.bill, money, payment_id=payment_id, now=tx.now), meta=meta)


def _missing(balance: KeptBalance | None, bill: Bill) -> str:
    return f"{max(0, bill.amount - (balance.balance.balance if balance else 0)):,}".replace(",", ".")
