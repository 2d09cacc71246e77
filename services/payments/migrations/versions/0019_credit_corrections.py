"""Corrections of money that was noted, while they wait for another person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    comment = "proposals that wait, by their id, as their event has them"
    column = sa.Column("corrections", JSONB(), nullable=False, server_default="{}", comment=comment)
    op.add_column("settlement_days", column)
    op.alter_column("settlement_days", "corrections", server_default=None)
    op.create_table_comment(
        "settlement_days",
        "SettlementFileReconciled, SettlementReceived, SettlementFeesCorrected, CreditCorrectionProposed, CreditCorrected, "
        "CreditCorrectionDropped",
    )
