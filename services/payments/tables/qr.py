"""QR codes of bills. Plumbing: what the acquirer is still to be asked."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from services.payments.tables.base import INSTANT, metadata

qr_codes = sa.Table(
    "qr_codes",
    metadata,
    sa.Column("bill_id", UUID, primary_key=True),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("partner", sa.Text, nullable=False, comment="the acquirer"),
    sa.Column("reference", sa.Text, nullable=False, comment="our partnerReferenceNo"),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("acquirer_reference", sa.Text),
    sa.Column("content", sa.Text, comment="what is drawn"),
    sa.Column("reason", sa.Text),
    sa.Index("qr_codes_reference", "partner", "reference", unique=True),
    sa.Index("qr_codes_acquirer_reference", "partner", "acquirer_reference"),
    comment="QrRequested, QrIssued, QrNotIssued, QrPaid, QrClosed",
)

qr_questions = sa.Table(
    "qr_questions",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True, comment="ours; the acquirer's for a code that is none of ours"),
    sa.Column("bill_id", UUID, comment="null for a code that is none of ours"),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("ask_at", INSTANT, nullable=False, comment="business time"),
    sa.Column("lease_until", INSTANT, comment="wall time; somebody is asking"),
    sa.Index("qr_questions_due", "partner", "ask_at"),
    sa.Index("qr_questions_bill", "bill_id"),
    comment="Plumbing: codes that the acquirer is to make, or to be asked about",
)
