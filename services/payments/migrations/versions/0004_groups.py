"""Collective bills, agents' balances, cash in hand; what a number stands for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _collective_bills()
    _collective_lines()
    _agent_balances()
    _cash_received()
    op.add_column("payers", sa.Column("kpj", sa.Text(), comment="participant number; null until the first payment"))
    op.create_table_comment("payers", "PayerAdded, PayerNumbered, ContributionPaid, ContributionReversed")
    _money_of_others()
    _what_was_asked_about()


def _collective_bills() -> None:
    op.create_table(
        "collective_bills",
        sa.Column("bill_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="the customer number of its virtual account"),
        sa.Column("funding_source", sa.Text(), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False, comment="the rule version that priced its lines"),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("reason", sa.Text()),
        sa.Column("payment_id", sa.UUID()),
        sa.Column("partner", sa.Text()),
        sa.Column("channel", sa.Text()),
        sa.Column("channel_reference", sa.Text()),
        sa.Column("effective_at", INSTANT, comment="the channel's transaction time"),
        sa.Column("posted_at", INSTANT),
        sa.Column(
            "shares_posted", sa.Integer(), nullable=False, comment="lines dealt with, those in suspense among them"
        ),
        sa.Column("shares_suspended", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.UUID()),
        sa.Column("wadah_id", sa.UUID()),
        comment="CollectiveBillIssued, CollectiveBillExpired, CollectiveBillCancelled, CollectiveBillPaid, CollectiveSharesPosted",
    )
    op.create_index("collective_bills_code", "collective_bills", ["code"], unique=True)
    op.create_index(
        "collective_bills_open", "collective_bills", ["expires_at"], postgresql_where=sa.text("status = 'OPEN'")
    )
    op.create_index(
        "collective_bills_to_post",
        "collective_bills",
        ["posted_at"],
        postgresql_where=sa.text("status = 'PAID' AND shares_posted < heads"),
    )
    op.create_index("collective_bills_of_wadah", "collective_bills", ["wadah_id", "issued_at"])
    op.create_index("collective_bills_of_branch", "collective_bills", ["branch_id", "issued_at"])


def _collective_lines() -> None:
    op.create_table(
        "collective_lines",
        sa.Column("bill_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("number", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("share_bill_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("months", JSONB(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.UUID(), comment="its payment or its money in suspense; null until it is posted"),
        sa.Column("suspended_for", sa.Text(), comment="why it stands in suspense; null while it does not"),
        comment="CollectiveLinesAdded, CollectiveSharesPosted",
    )
    op.create_index("collective_lines_of_payer", "collective_lines", ["participant_id"])


def _agent_balances() -> None:
    op.create_table(
        "agent_balances",
        sa.Column("agent_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="the customer number that deposits go to"),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("branch_id", sa.UUID()),
        sa.Column("wadah_id", sa.UUID()),
        sa.CheckConstraint("balance >= 0", name="agent_balances_not_below_zero"),
        comment="AgentBalanceOpened, AgentBalanceDeposited, AgentBalanceCharged",
    )
    op.create_index("agent_balances_code", "agent_balances", ["code"], unique=True)
    op.create_table(
        "agent_balance_lines",
        sa.Column("agent_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("seq", sa.BigInteger(), primary_key=True, nullable=False, comment="place in the agent's stream"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False, comment="after this line"),
        sa.Column("payment_id", sa.UUID(), nullable=False),
        sa.Column("participant_id", sa.UUID(), comment="whose first payment was taken; null for a deposit"),
        sa.Column("partner", sa.Text()),
        sa.Column("channel_reference", sa.Text()),
        sa.Column("effective_at", INSTANT, nullable=False),
        comment="AgentBalanceDeposited, AgentBalanceCharged; insert-only",
    )


def _cash_received() -> None:
    op.create_table(
        "cash_received",
        sa.Column("bill_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("agent_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("reported_at", INSTANT, nullable=False),
        sa.Column("branch_id", sa.UUID()),
        sa.Column("wadah_id", sa.UUID()),
        comment="CashReceived; whether a payment cleared it is read from payments",
    )
    op.create_index("cash_of_agent", "cash_received", ["agent_id", "received_at"])
    op.create_index("cash_of_payer", "cash_received", ["participant_id"])


def _money_of_others() -> None:
    """A payment may settle what is not one participant's bill."""
    for column, comment in (
        ("participant_id", "null where money came under a number that no participant has"),
        ("bill_id", "of the participant, or a collective one; null where money never settled a bill"),
    ):
        op.alter_column("payments", column, comment=comment)
    op.add_column(
        "payments",
        sa.Column(
            "share_of",
            sa.UUID(),
            comment="the collective bill whose money this is; the channel reported that as a whole",
        ),
    )
    op.add_column(
        "payments", sa.Column("agent_id", sa.UUID(), comment="whose balance was deposited to; null for any other")
    )
    op.create_table_comment(
        "payments",
        "ContributionPaid, ContributionReversed, CollectiveBillPaid, AgentBalanceDeposited; PaymentUnmatched of money that never settled a bill",
    )


def _what_was_asked_about() -> None:
    op.alter_column(
        "inquiries",
        "participant_id",
        new_column_name="target_id",
        comment="what the number stands for: a payer, a collective bill, an agent",
    )
    op.alter_column("inquiries", "bill_id", nullable=True, comment="null where any amount may be paid")
    op.execute("ALTER INDEX inquiries_of_payer RENAME TO inquiries_of_target")
