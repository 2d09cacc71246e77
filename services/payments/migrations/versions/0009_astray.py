"""Suspense that is worked off by two people; proposals, payee accounts, transfer orders, refunds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _suspense()
    _proposals()
    _payee_accounts()
    _transfer_orders()
    _refunds()


def _suspense() -> None:
    """What stands there waits whole: nothing could take it out before."""
    op.add_column("suspense", sa.Column("held", sa.BigInteger(), comment="how much of the amount still waits"))
    op.execute("UPDATE suspense SET held = amount")
    op.alter_column("suspense", "held", nullable=False)
    op.add_column("suspense", sa.Column("owner", sa.Text(), comment="who took it; null until somebody does"))
    op.add_column("suspense", sa.Column("outcome", sa.Text(), comment="what became of the rest last"))
    op.add_column("suspense", sa.Column("closed_at", INSTANT))
    op.create_index("suspense_payment", "suspense", ["payment_id"], unique=True)
    op.create_index("suspense_open", "suspense", ["since"], postgresql_where=sa.text("held > 0"))
    op.create_table_comment(
        "suspense",
        "PaymentUnmatched, CaseTaken, PaymentMatched, PaymentReturned, PaymentReturnFailed, PaymentAssigned, PaymentVoided",
    )


def _proposals() -> None:
    op.create_table(
        "proposals",
        sa.Column("proposal_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text()),
        sa.Column("participant_id", sa.UUID()),
        sa.Column("bill_id", sa.UUID()),
        sa.Column("account", sa.Text()),
        sa.Column("payee_account_id", sa.UUID()),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", INSTANT),
        sa.Column("decision", sa.Text(), comment="why it was refused"),
        sa.Column("branch_id", sa.UUID(), comment="whose head decides; null: any"),
        comment="ProposalMade, ProposalApproved, ProposalRefused, ProposalWithdrawn",
    )
    pending = sa.text("status = 'PENDING'")
    op.create_index("proposals_pending", "proposals", ["made_at"], postgresql_where=pending)
    op.create_index("proposals_of_payment", "proposals", ["payment_id"])


def _payee_accounts() -> None:
    op.create_table(
        "payee_accounts",
        sa.Column("payee_account_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.UUID(), comment="the participant or the Wadah; null for an unknown payer"),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column(
            "details", sa.LargeBinary(), comment="number and holder, encrypted; null once the person is forgotten"
        ),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("verified_by", sa.Text()),
        sa.Column("evidence", sa.Text()),
        sa.Column("retired_for", sa.Text()),
        sa.Column("branch_id", sa.UUID()),
        sa.Column("wadah_id", sa.UUID()),
        comment="PayeeAccountRecorded, OtherPayeeAccountRecorded, PayeeAccountVerified, PayeeAccountRetired",
    )
    op.create_index("payee_accounts_of_owner", "payee_accounts", ["owner_id"])


def _transfer_orders() -> None:
    op.create_table(
        "transfer_orders",
        sa.Column("purpose", sa.Text(), primary_key=True, nullable=False),
        sa.Column("reference", sa.Text(), primary_key=True, nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False, comment="of the last order for this purpose and reference"),
        sa.Column("payee_account_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False, comment="the account of the ledger that owes it"),
        sa.Column("payment_id", sa.UUID()),
        sa.Column("participant_id", sa.UUID()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ordered_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("partner", sa.Text(), comment="the bank it was paid from"),
        sa.Column("paid_on", sa.Date()),
        sa.Column("evidence", sa.Text()),
        sa.Column("failed_for", sa.Text()),
        sa.Column("branch_id", sa.UUID()),
        sa.Column("wadah_id", sa.UUID()),
        comment="TransferOrdered, TransferConfirmed, TransferFailed",
    )
    op.create_index("transfer_orders_id", "transfer_orders", ["order_id"], unique=True)
    waiting = sa.text("status = 'ORDERED'")
    op.create_index("transfer_orders_waiting", "transfer_orders", ["ordered_at"], postgresql_where=waiting)


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("payment_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("months", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("branch_id", sa.UUID()),
        comment="ContributionRefunded",
    )
    op.create_index("refunds_of_payer", "refunds", ["participant_id"])
