"""Bills for many participants, and the money of agents."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.payments.tables.base import INSTANT, metadata

collective_bills = sa.Table(
    "collective_bills",
    metadata,
    sa.Column("bill_id", UUID, primary_key=True),
    sa.Column("code", sa.Text, nullable=False, comment="the customer number of its virtual account"),
    sa.Column("funding_source", sa.Text, nullable=False),
    sa.Column("heads", sa.Integer, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("rules", sa.Text, nullable=False, comment="the rule version that priced its lines"),
    sa.Column("issued_at", INSTANT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("closed_at", INSTANT),
    sa.Column("reason", sa.Text),
    sa.Column("payment_id", UUID),
    sa.Column("partner", sa.Text),
    sa.Column("channel", sa.Text),
    sa.Column("channel_reference", sa.Text),
    sa.Column("effective_at", INSTANT, comment="the channel's transaction time"),
    sa.Column("posted_at", INSTANT),
    sa.Column("shares_posted", sa.Integer, nullable=False, comment="lines dealt with, those in suspense among them"),
    sa.Column("shares_suspended", sa.Integer, nullable=False),
    sa.Column("reversed_at", INSTANT),
    sa.Column("reversed_for", sa.Text, comment="why the payment of the whole was taken back"),
    sa.Column("reversed_by", UUID, comment="the proposal that two people decided"),
    sa.Column("shares_reversed", sa.Integer, nullable=False, comment="posted lines dealt with, those kept among them"),
    sa.Column("shares_kept", sa.Integer, nullable=False),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Index("collective_bills_code", "code", unique=True),
    sa.Index("collective_bills_open", "expires_at", postgresql_where=sa.text("status = 'OPEN'")),
    sa.Index(
        "collective_bills_to_post",
        "posted_at",
        postgresql_where=sa.text("status = 'PAID' AND shares_posted < heads"),
    ),
    sa.Index(
        "collective_bills_to_reverse",
        "reversed_at",
        postgresql_where=sa.text("status = 'REVERSED' AND shares_reversed < shares_posted"),
    ),
    sa.Index("collective_bills_of_wadah", "wadah_id", "issued_at"),
    sa.Index("collective_bills_of_branch", "branch_id", "issued_at"),
    comment="CollectiveBillIssued, CollectiveBillExpired, CollectiveBillCancelled, CollectiveBillPaid, CollectiveSharesPosted, "
    "CollectiveBillReversed, CollectiveSharesReversed",
)

collective_lines = sa.Table(
    "collective_lines",
    metadata,
    sa.Column("bill_id", UUID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("share_bill_id", UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("months", JSONB, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("payment_id", UUID, comment="its payment or its money in suspense; null until it is posted"),
    sa.Column("suspended_for", sa.Text, comment="why it stands in suspense; null while it does not"),
    sa.Column("reversed", sa.Boolean, nullable=False, comment="taken back with the whole"),
    sa.Column("kept_for", sa.Text, comment="why it was not taken back with the whole"),
    sa.Index("collective_lines_of_payer", "participant_id"),
    comment="CollectiveLinesAdded, CollectiveSharesPosted, CollectiveSharesReversed",
)

agent_balances = sa.Table(
    "agent_balances",
    metadata,
    sa.Column("agent_id", UUID, primary_key=True),
    sa.Column("code", sa.Text, nullable=False, comment="the customer number that deposits go to"),
    sa.Column("balance", sa.BigInteger, nullable=False),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.CheckConstraint("balance >= 0", name="agent_balances_not_below_zero"),
    sa.Index("agent_balances_code", "code", unique=True),
    comment="AgentBalanceOpened, AgentBalanceDeposited, AgentBalanceCharged, AgentBalanceWithdrawn, AgentBalanceRestored",
)

agent_balance_lines = sa.Table(
    "agent_balance_lines",
    metadata,
    sa.Column("agent_id", UUID, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, comment="place in the agent's stream"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("balance", sa.BigInteger, nullable=False, comment="after this line"),
    sa.Column("payment_id", UUID, nullable=False),
    sa.Column("participant_id", UUID, comment="whose first payment was taken; null for any other"),
    sa.Column("partner", sa.Text),
    sa.Column("channel_reference", sa.Text),
    sa.Column("effective_at", INSTANT, nullable=False),
    comment="AgentBalanceDeposited, AgentBalanceCharged, AgentBalanceWithdrawn, AgentBalanceRestored; insert-only",
)

cash_received = sa.Table(
    "cash_received",
    metadata,
    sa.Column("bill_id", UUID, primary_key=True),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("agent_id", UUID, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("received_at", INSTANT, nullable=False),
    sa.Column("reported_at", INSTANT, nullable=False),
    sa.Column("returned_at", INSTANT, comment="when it was given back to the person; null while it was not"),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Index("cash_of_agent", "agent_id", "received_at"),
    sa.Index("cash_of_payer", "participant_id"),
    comment="CashReceived, CashReturned; whether a payment cleared it is read from payments",
)

cash_lines = sa.Table(
    "cash_lines",
    metadata,
    sa.Column("line_id", UUID, primary_key=True, comment="its event; in the order of time"),
    sa.Column("agent_id", UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("bill_id", UUID, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False, comment="below zero for cash that was given back"),
    sa.Column("at", INSTANT, nullable=False, comment="when it changed hands"),
    sa.Column("branch_id", UUID),
    sa.Index("cash_lines_of_agent", "agent_id", "line_id"),
    comment="CashReceived, CashReturned; insert-only",
)
