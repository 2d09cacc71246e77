"""QR codes of bills, and what the acquirer is to be asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "qr_codes",
        sa.Column("bill_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False, comment="the acquirer"),
        sa.Column("reference", sa.Text(), nullable=False, comment="our partnerReferenceNo"),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("acquirer_reference", sa.Text()),
        sa.Column("content", sa.Text(), comment="what is drawn"),
        sa.Column("reason", sa.Text()),
        comment="QrRequested, QrIssued, QrNotIssued, QrPaid, QrClosed",
    )
    op.create_index("qr_codes_reference", "qr_codes", ["partner", "reference"], unique=True)
    op.create_index("qr_codes_acquirer_reference", "qr_codes", ["partner", "acquirer_reference"])
    op.create_table(
        "qr_questions",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column(
            "reference",
            sa.Text(),
            primary_key=True,
            nullable=False,
            comment="ours; the acquirer's for a code that is none of ours",
        ),
        sa.Column("bill_id", sa.UUID(), comment="null for a code that is none of ours"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("ask_at", INSTANT, nullable=False, comment="business time"),
        sa.Column("lease_until", INSTANT, comment="wall time; somebody is asking"),
        comment="Plumbing: codes that the acquirer is to make, or to be asked about",
    )
    op.create_index("qr_questions_due", "qr_questions", ["ask_at"])
