"""Money as it came and as it stands: payments, suspense, the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.payments.tables.base import INSTANT, metadata

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("payment_id", UUID, primary_key=True),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("channel_reference", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("participant_id", UUID, comment="null where money came under a number that no participant has"),
    sa.Column(
        "bill_id", UUID, comment="of the participant, or a collective one; null where money never settled a bill"
    ),
    sa.Column("kind", sa.Text, comment="that of the bill"),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("months", JSONB, nullable=False),
    sa.Column("effective_at", INSTANT, nullable=False, comment="the channel's transaction time"),
    sa.Column("posted_at", INSTANT, nullable=False, comment="our durable write, business time"),
    sa.Column("reversed_for", sa.Text, comment="why it no longer settles its bill; null while it does"),
    sa.Column(
        "share_of", UUID, comment="the collective bill whose money this is; the channel reported that as a whole"
    ),
    sa.Column("agent_id", UUID, comment="whose balance was deposited to; null for any other"),
    sa.Column("number", sa.Text, comment="the own number of a bill that it came to; null for any other number"),
    # One receipt per partner and reference, whatever door the money came through: the second posting collides here.
    sa.Index("payments_reference", "partner", "channel_reference", unique=True),
    sa.Index("payments_of_payer", "participant_id", "posted_at"),
    sa.Index("payments_of_agent", "agent_id", postgresql_where=sa.text("agent_id IS NOT NULL")),
    sa.Index(
        "payments_of_whole", "bill_id", postgresql_where=sa.text("participant_id IS NULL AND bill_id IS NOT NULL")
    ),
    sa.Index(
        "payments_taken_back",
        "participant_id",
        postgresql_where=sa.text("reversed_for IS NOT NULL AND kind IS NOT NULL"),
    ),
    sa.Index("payments_effective", "effective_at", postgresql_using="brin"),
    comment="ContributionPaid, ContributionReversed, CollectiveBillPaid, AgentBalanceDeposited; PaymentUnmatched of money that never settled a bill",
)

receipt_names = sa.Table(
    "receipt_names",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True, comment="the partner's paymentRequestId"),
    sa.Column("payment_id", UUID, nullable=False, comment="of the receipt, whose channel reference is another"),
    # A receipt has one name: of two calls that claim it, the second collides here.
    sa.Index("receipt_names_once", "payment_id", unique=True),
    comment="ReceiptNamed",
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
    sa.Column("effective_at", INSTANT, nullable=False),
    sa.Column("since", INSTANT, nullable=False),
    sa.Column("branch_id", UUID),
    sa.Column("held", sa.BigInteger, nullable=False, comment="how much of the amount still waits"),
    sa.Column("owner", sa.Text, comment="who took it; null until somebody does"),
    sa.Column("outcome", sa.Text, comment="what became of the rest last"),
    sa.Column("closed_at", INSTANT),
    sa.Index("suspense_payment", "payment_id", unique=True),
    sa.Index("suspense_open", "since", postgresql_where=sa.text("held > 0")),
    comment="PaymentUnmatched, CaseTaken, PaymentMatched, PaymentCredited, PaymentReturned, PaymentReturnFailed, PaymentAssigned, "
    "PaymentVoided",
)

transfers = sa.Table(
    "transfers",
    metadata,
    sa.Column("event_id", UUID, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("debit", sa.Text, nullable=False),
    sa.Column("credit", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("payment_id", UUID, comment="null where no single payment is moved"),
    sa.Column("participant_id", UUID),
    sa.Column("month", sa.Text, comment="contribution month; null where money belongs to none"),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("occurred_at", INSTANT, nullable=False),
    sa.CheckConstraint("amount > 0 AND debit <> credit", name="transfers_move_something"),
    sa.Index("transfers_debit", "debit", "event_id", "line"),
    sa.Index("transfers_credit", "credit", "event_id", "line"),
    comment="every event that moves money (domain/ledger/); insert-only: every entry balances by itself",
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
