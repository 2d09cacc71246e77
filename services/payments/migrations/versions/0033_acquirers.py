"""Acquirers: whom we call for QR codes, and what our calls are signed with, sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "acquirers",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("client_key", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column(
            "credentials",
            JSONB(),
            nullable=False,
            comment="id, kind, use, public key and end of each, the oldest first",
        ),
        comment="AcquirerAgreed, AcquirerCredentialProposed, AcquirerCredentialActivated, AcquirerCredentialRetired",
    )
    op.create_table(
        "acquirer_credentials",
        sa.Column("credential_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column(
            "sealed",
            sa.LargeBinary(),
            nullable=False,
            comment="encrypted private key or client secret; never shown again",
        ),
        sa.Column("since", sa.TIMESTAMP(timezone=True), nullable=False, comment="wall time"),
        sa.Column("until", sa.TIMESTAMP(timezone=True), comment="wall time; null while nothing has taken its place"),
        comment="Plumbing: what our calls to acquirers are signed with",
    )
