"""State: a fold of this service's own events, each table fed by the events its comment names.

Plumbing (not state, not replayed): partner secrets, tokens, X-EXTERNAL-IDs, inquiries.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = sa.MetaData()
_INSTANT = sa.TIMESTAMP(timezone=True)

payers = sa.Table(
    "payers",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    sa.Column("contribution_code", sa.Text, nullable=False, comment="the customer number of the virtual account"),
    sa.Column("name", sa.LargeBinary, comment="encrypted; null once the person is forgotten"),
    sa.Column("nik_hash", sa.Text, comment="keyed hash; null once the person is forgotten"),
    sa.Column("income", sa.BigInteger, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("programmes", JSONB, nullable=False),
    sa.Column("funding_source", sa.Text, nullable=False),
    sa.Column("registration_expires_at", _INSTANT, nullable=False),
    sa.Column("paid", JSONB, nullable=False, comment='paid months as stretches: [["2025-10", "2025-12"]]'),
    sa.Column("paid_through", sa.Text, comment="M, the last month paid without a gap; null when nothing is paid"),
    sa.Column("blocked", sa.Text, comment="why no further money is taken"),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Column("agent_id", UUID),
    sa.Index("payers_contribution_code", "contribution_code", unique=True),
    sa.Index("payers_nik_hash", "nik_hash"),
    comment="PayerAdded, ContributionPaid, ContributionReversed",
)

bills = sa.Table(
    "bills",
    metadata,
    sa.Column("bill_id", UUID, primary_key=True),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("months", JSONB, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("funding_source", sa.Text, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("issued_at", _INSTANT, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("closed_at", _INSTANT),
    sa.Column("reason", sa.Text),
    sa.Column("payment_id", UUID),
    sa.Index("bills_of_payer", "participant_id", "issued_at"),
    sa.Index("bills_open", "expires_at", postgresql_where=sa.text("status = 'OPEN'")),
    comment="ContributionBilled, BillExpired, BillCancelled, ContributionPaid, ContributionReversed",
)

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("payment_id", UUID, primary_key=True),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("channel_reference", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("bill_id", UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("months", JSONB, nullable=False),
    sa.Column("effective_at", _INSTANT, nullable=False, comment="the channel's transaction time"),
    sa.Column("posted_at", _INSTANT, nullable=False, comment="our durable write, business time"),
    sa.Column("reversed_for", sa.Text, comment="why it no longer settles its bill; null while it does"),
    # One receipt per partner and reference, whatever door the money came through: the second posting collides here.
    sa.Index("payments_reference", "partner", "channel_reference", unique=True),
    sa.Index("payments_of_payer", "participant_id", "posted_at"),
    comment="ContributionPaid, ContributionReversed",
)

suspense = sa.Table(
    "suspense",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("channel_reference", sa.Text, primary_key=True),
    sa.Column("payment_id", UUID, nullable=False),
    sa.Column("bill_id", UUID, comment="the bill it had settled before"),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("participant_id", UUID),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("effective_at", _INSTANT, nullable=False),
    sa.Column("since", _INSTANT, nullable=False),
    sa.Column("branch_id", UUID),
    comment="PaymentUnmatched",
)

transfers = sa.Table(
    "transfers",
    metadata,
    sa.Column("event_id", UUID, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("debit", sa.Text, nullable=False),
    sa.Column("credit", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("payment_id", UUID, nullable=False),
    sa.Column("participant_id", UUID),
    sa.Column("month", sa.Text, comment="contribution month; null where money belongs to none"),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("occurred_at", _INSTANT, nullable=False),
    sa.CheckConstraint("amount > 0 AND debit <> credit", name="transfers_move_something"),
    sa.Index("transfers_debit", "debit", "event_id", "line"),
    sa.Index("transfers_credit", "credit", "event_id", "line"),
    comment="ContributionPaid, ContributionReversed, PaymentUnmatched; insert-only: every entry balances by itself",
)

balances = sa.Table(
    "balances",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("branch_id", UUID, primary_key=True),
    sa.Column("debit", sa.BigInteger, nullable=False),
    sa.Column("credit", sa.BigInteger, nullable=False),
    comment="sums of transfers per account and branch",
)

partners = sa.Table(
    "partners",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("client_key", sa.Text, nullable=False),
    sa.Column("partner_ids", JSONB, nullable=False),
    sa.Column("va_prefixes", JSONB, nullable=False),
    sa.Column("public_keys", JSONB, nullable=False),
    sa.Column("signature_mode", sa.Text, nullable=False),
    sa.Column("repeat_profile", sa.Text, nullable=False),
    sa.Column("strictness", JSONB, nullable=False),
    sa.Column("disabled_for", sa.Text, comment="null while it may call"),
    sa.Index("partners_client_key", "client_key", unique=True),
    comment="PartnerEnabled, PartnerKeyRotated, PartnerDisabled",
)

STATE = (payers, bills, payments, suspense, transfers, balances, partners)

partner_secrets = sa.Table(
    "partner_secrets",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("secret_id", UUID, primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=False, comment="encrypted; never shown again"),
    sa.Column("since", _INSTANT, nullable=False),
)

snap_tokens = sa.Table(
    "snap_tokens",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True, comment="SHA-256 of the token"),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False, comment="wall time"),
    sa.Index("snap_tokens_old", "expires_at"),
)

external_ids = sa.Table(
    "external_ids",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="WIB day of our receipt, by the wall clock"),
    sa.Column("external_id", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="keyed hash of the call: same content or other"),
    sa.Index("external_ids_old", "day"),
)

inquiries = sa.Table(
    "inquiries",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("inquiry_request_id", sa.Text, primary_key=True),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("bill_id", UUID, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("quoted_at", _INSTANT, nullable=False, comment="business time"),
    sa.Column("asked_at", _INSTANT, nullable=False, comment="wall time"),
    sa.Index("inquiries_of_payer", "participant_id"),
    sa.Index("inquiries_old", "asked_at"),
)
