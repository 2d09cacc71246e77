"""Whatever is deposited, charged, withdrawn and restored in whatever order: a balance is the sum of its lines and never below zero."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from contracts.event import Event
from contracts.events.groups import AgentBalanceWithdrawn
from contracts.values import AgentId, PaymentId, ProposalId, TransferOrderId
from services.payments.domain.balance import AgentBalance, evolve, restore, withdraw
from services.payments.domain.ledger import transfers

AMOUNTS = st.integers(-5, 120_000)


@given(st.integers(0, 200_000), st.lists(st.tuples(AMOUNTS, st.booleans()), max_size=12))
def test_a_balance_is_what_its_ledger_account_says_and_never_below_zero(
    start: int, wishes: list[tuple[int, bool]]
) -> None:
    balance, owed = AgentBalance(AgentId(new_id()), "8999000000000001", start), 0
    mine = f"agent-balance:{balance.agent_id}"
    moved: list[Event] = []
    for amount, fails in wishes:
        order_id = TransferOrderId(new_id())
        event = withdraw(
            balance, amount, payment_id=PaymentId(new_id()), order_id=order_id, proposal_id=ProposalId(new_id())
        )
        assert (event is not None) == (0 < amount <= balance.balance)
        if event is None:
            continue
        balance = evolve(balance, event)
        moved.append(event)
        if fails:
            back = restore(
                balance, event.amount, payment_id=PaymentId(new_id()), order_id=order_id, reason="account_closed"
            )
            balance = evolve(balance, back)
            moved.append(back)
        else:
            owed += event.amount
        assert balance.balance >= 0
    lines = [line for event in moved for line in transfers(event)]
    assert start + sum((line.credit == mine) * line.amount - (line.debit == mine) * line.amount for line in lines) == (
        balance.balance
    )
    assert start - balance.balance == owed
    assert sum(event.amount for event in moved if isinstance(event, AgentBalanceWithdrawn)) >= owed
