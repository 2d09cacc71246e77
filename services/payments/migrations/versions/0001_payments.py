"""The first tables of payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _payers()
    _bills()
    _payments()
    _suspense()
    _transfers()
    _balances()
    _partners()
    _partner_secrets()
    _snap_tokens()
    _external_ids()
    _inquiries()


def _payers() -> None:
    op.create_table(
        "payers",
        sa.Column("participant_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("contribution_code", sa.Text(), nullable=False, comment="the customer number of the virtual account"),
        sa.Column("name", sa.LargeBinary(), comment="encrypted; null once the person is forgotten"),
        sa.Column("nik_hash", sa.Text(), comment="keyed hash; null once the person is forgotten"),
        sa.Column("income", sa.BigInteger(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("programmes", JSONB(), nullable=False),
        sa.Column("funding_source", sa.Text(), nullable=False),
        sa.Column("registration_expires_at", INSTANT, nullable=False),
        sa.Column("paid", JSONB(), nullable=False, comment='paid months as stretches: [["2025-10", "2025-12"]]'),
        sa.Column("paid_through", sa.Text(), comment="M, the last month paid without a gap; null when nothing is paid"),
        sa.Column("blocked", sa.Text(), comment="why no further money is taken"),
        sa.Column("branch_id", sa.UUID()),
        sa.Column("wadah_id", sa.UUID()),
        sa.Column("agent_id", sa.UUID()),
        comment="PayerAdded, ContributionPaid, ContributionReversed",
    )
    op.create_index("payers_contribution_code", "payers", ["contribution_code"], unique=True)
    op.create_index("payers_nik_hash", "payers", ["nik_hash"])


def _bills() -> None:
    op.create_table(
        "bills",
        sa.Column("bill_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("months", JSONB(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("funding_source", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("reason", sa.Text()),
        sa.Column("payment_id", sa.UUID()),
        comment="ContributionBilled, BillExpired, BillCancelled, ContributionPaid, ContributionReversed",
    )
    op.create_index("bills_of_payer", "bills", ["participant_id", "issued_at"])
    op.create_index("bills_open", "bills", ["expires_at"], postgresql_where=sa.text("status = 'OPEN'"))


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("payment_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("channel_reference", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("bill_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("months", JSONB(), nullable=False),
        sa.Column("effective_at", INSTANT, nullable=False, comment="the channel's transaction time"),
        sa.Column("posted_at", INSTANT, nullable=False, comment="our durable write, business time"),
        sa.Column("reversed_for", sa.Text(), comment="why it no longer settles its bill; null while it does"),
        comment="ContributionPaid, ContributionReversed",
    )
    op.create_index("payments_of_payer", "payments", ["participant_id", "posted_at"])
    op.create_index("payments_reference", "payments", ["partner", "channel_reference"], unique=True)


def _suspense() -> None:
    op.create_table(
        "suspense",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column("channel_reference", sa.Text(), primary_key=True, nullable=False),
        sa.Column("payment_id", sa.UUID(), nullable=False),
        sa.Column("bill_id", sa.UUID(), comment="the bill it had settled before"),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.UUID()),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("effective_at", INSTANT, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("branch_id", sa.UUID()),
        comment="PaymentUnmatched",
    )


def _transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("event_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("line", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.UUID(), nullable=False),
        sa.Column("participant_id", sa.UUID()),
        sa.Column("month", sa.Text(), comment="contribution month; null where money belongs to none"),
        sa.Column("branch_id", sa.UUID(), nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.CheckConstraint("amount > 0 AND debit <> credit", name="transfers_move_something"),
        comment="ContributionPaid, ContributionReversed, PaymentUnmatched; insert-only: every entry balances by itself",
    )
    op.create_index("transfers_credit", "transfers", ["credit", "event_id", "line"])
    op.create_index("transfers_debit", "transfers", ["debit", "event_id", "line"])


def _balances() -> None:
    op.create_table(
        "balances",
        sa.Column("account", sa.Text(), primary_key=True, nullable=False),
        sa.Column("branch_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        comment="sums of transfers per account and branch",
    )


def _partners() -> None:
    op.create_table(
        "partners",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client_key", sa.Text(), nullable=False),
        sa.Column("partner_ids", JSONB(), nullable=False),
        sa.Column("va_prefixes", JSONB(), nullable=False),
        sa.Column("public_keys", JSONB(), nullable=False),
        sa.Column("signature_mode", sa.Text(), nullable=False),
        sa.Column("repeat_profile", sa.Text(), nullable=False),
        sa.Column("strictness", JSONB(), nullable=False),
        sa.Column("disabled_for", sa.Text(), comment="null while it may call"),
        comment="PartnerEnabled, PartnerKeyRotated, PartnerDisabled",
    )
    op.create_index("partners_client_key", "partners", ["client_key"], unique=True)


def _partner_secrets() -> None:
    op.create_table(
        "partner_secrets",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column("secret_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="encrypted; never shown again"),
        sa.Column("since", INSTANT, nullable=False),
    )


def _snap_tokens() -> None:
    op.create_table(
        "snap_tokens",
        sa.Column("hash", sa.LargeBinary(), primary_key=True, nullable=False, comment="SHA-256 of the token"),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False, comment="wall time"),
    )
    op.create_index("snap_tokens_old", "snap_tokens", ["expires_at"])


def _external_ids() -> None:
    op.create_table(
        "external_ids",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column(
            "day", sa.Date(), primary_key=True, nullable=False, comment="WIB day of our receipt, by the wall clock"
        ),
        sa.Column("external_id", sa.Text(), primary_key=True, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="keyed hash of the call: same content or other"),
    )
    op.create_index("external_ids_old", "external_ids", ["day"])


def _inquiries() -> None:
    op.create_table(
        "inquiries",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column("inquiry_request_id", sa.Text(), primary_key=True, nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("bill_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("quoted_at", INSTANT, nullable=False, comment="business time"),
        sa.Column("asked_at", INSTANT, nullable=False, comment="wall time"),
    )
    op.create_index("inquiries_of_payer", "inquiries", ["participant_id"])
    op.create_index("inquiries_old", "inquiries", ["asked_at"])
