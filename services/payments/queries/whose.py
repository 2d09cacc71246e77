"""Which rows of payments are about a person, each told in a way that an index or a small table answers.

A person may have been an agent: what that office left here (balance, cash, statements, disputes) is theirs too.
Rare, so a few small tables without an index on the person are looked through.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.held import event_ids
from services.payments.domain.keys import order_key, receipt_key
from services.payments.tables import (
    agent_balance_lines,
    bills,
    cash_lines,
    cash_received,
    collective_lines,
    inquiries,
    payee_accounts,
    payers,
    payments,
    receipt_names,
    settlement_lines,
    suspense,
    transfer_orders,
    transfers,
)
from services.payments.tables.incentives import agents, incentive_disputes, incentive_lines, managements

Ids = sa.Select[Any]


def _any_of(*queries: Ids) -> Ids:
    """Each by an index of its own; an OR over them would read the whole table (PostgreSQL 18: `a = x OR b IN (SELECT …)` is a scan with a filter)."""
    return sa.select(sa.union_all(*queries).subquery().c[0])


def offices_of(who: UUID) -> Ids:
    """The agents that the person is or was."""
    return sa.select(agents.c.agent_id).where(agents.c.participant_id == who)


def bills_of(who: UUID) -> Ids:
    return sa.select(bills.c.bill_id).where(bills.c.participant_id == who)


def payments_of(who: UUID) -> Ids:
    """Of the person, or brought to the balance of the person's office."""
    ids = sa.select(payments.c.payment_id)
    return _any_of(ids.where(payments.c.participant_id == who), ids.where(payments.c.agent_id.in_(offices_of(who))))


def is_payment(who: UUID) -> sa.ColumnElement[bool]:
    return payments.c.payment_id.in_(payments_of(who))


def _receipts_of(who: UUID) -> Ids:
    return sa.select(receipt_key(payments.c.partner, payments.c.channel_reference)).where(is_payment(who))


def is_suspended(who: UUID) -> sa.ColumnElement[bool]:
    named = sa.select(suspense.c.payment_id).where(suspense.c.participant_id == who)
    return suspense.c.payment_id.in_(_any_of(named, payments_of(who)))


def _accounts_of(who: UUID) -> Ids:
    return sa.select(payee_accounts.c.payee_account_id).where(payee_accounts.c.owner_id == who)


def is_order(who: UUID) -> sa.ColumnElement[bool]:
    """About the person's money, or to an account of theirs."""
    return sa.or_(
        transfer_orders.c.participant_id == who,
        transfer_orders.c.payee_account_id.in_(_accounts_of(who)),
    )


def _agents_of(who: UUID) -> Ids:
    """Whoever looked after the person at any time: an incentive line, and a charge to a balance, stands under one of them."""
    now = sa.select(payers.c.agent_id).where(payers.c.participant_id == who)
    first = sa.select(payers.c.registered_by).where(payers.c.participant_id == who)
    later = sa.select(managements.c.agent_id).where(managements.c.participant_id == who)
    return _any_of(now, first, later)


def is_line(who: UUID) -> sa.ColumnElement[bool]:
    """About the person's payment, or of the person's office."""
    theirs = sa.or_(incentive_lines.c.participant_id == who, incentive_lines.c.agent_id.in_(offices_of(who)))
    return sa.and_(incentive_lines.c.agent_id.in_(_any_of(_agents_of(who), offices_of(who))), theirs)


def is_charge(who: UUID) -> sa.ColumnElement[bool]:
    """The person's first payment out of somebody else's balance."""
    lines = agent_balance_lines.c
    return sa.and_(
        lines.agent_id.in_(_agents_of(who)), lines.participant_id == who, lines.agent_id.not_in(offices_of(who))
    )


def is_cash(who: UUID) -> sa.ColumnElement[bool]:
    ids = sa.select(cash_received.c.bill_id)
    return cash_received.c.bill_id.in_(
        _any_of(
            ids.where(cash_received.c.participant_id == who), ids.where(cash_received.c.agent_id.in_(offices_of(who)))
        )
    )


def is_cash_line(who: UUID) -> sa.ColumnElement[bool]:
    givers = sa.select(cash_received.c.agent_id).where(cash_received.c.participant_id == who)
    theirs = sa.or_(cash_lines.c.participant_id == who, cash_lines.c.agent_id.in_(offices_of(who)))
    return sa.and_(cash_lines.c.agent_id.in_(_any_of(givers, offices_of(who))), theirs)


def is_dispute(who: UUID) -> sa.ColumnElement[bool]:
    """Raised about a statement of the person's office, or about a line of the person (as erasure finds them)."""
    line = sa.exists().where(
        incentive_lines.c.agent_id == incentive_disputes.c.agent_id,
        incentive_lines.c.run == incentive_disputes.c.run,
        incentive_lines.c.line == incentive_disputes.c.line,
        incentive_lines.c.participant_id == who,
    )
    return sa.or_(incentive_disputes.c.agent_id.in_(offices_of(who)), line)


def is_transfer(who: UUID) -> sa.ColumnElement[bool]:
    """By the events that moved the money: the ledger has no index on a person."""
    moved = event_ids(
        ("contributions", sa.literal(str(who))),
        ("receipts", _receipts_of(who)),
        (
            "transfer-orders",
            sa.select(order_key(transfer_orders.c.purpose, transfer_orders.c.reference)).where(is_order(who)),
        ),
        (
            "collective-bills",
            sa.select(sa.cast(collective_lines.c.bill_id, sa.Text)).where(collective_lines.c.participant_id == who),
        ),
        ("agent-balances", sa.select(sa.cast(_any_of(_agents_of(who), offices_of(who)).subquery().c[0], sa.Text))),
    )
    theirs = sa.or_(transfers.c.participant_id == who, transfers.c.payment_id.in_(payments_of(who)))
    return sa.and_(transfers.c.event_id.in_(moved), theirs)


def is_settled(who: UUID) -> sa.ColumnElement[bool]:
    """Lines of partners' files under the person's references, first and second names."""
    named = sa.select(receipt_names.c.partner, receipt_names.c.reference).where(
        receipt_names.c.payment_id.in_(payments_of(who))
    )
    own = sa.select(payments.c.partner, payments.c.channel_reference).where(is_payment(who))
    return sa.tuple_(settlement_lines.c.partner, settlement_lines.c.reference).in_(sa.union_all(own, named))


def is_inquiry(who: UUID) -> sa.ColumnElement[bool]:
    """For the person's number, or for that of their office."""
    return inquiries.c.target_id.in_(_any_of(sa.select(sa.literal(who, sa.UUID)), offices_of(who)))
