"""Payouts of incentives whose last day passed without them are told of, once. Those of before are told of with the next look."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

TABLE = "wadah_statements"


def upgrade() -> None:
    told = "when it was told that the last day passed without it; null: it was not"
    op.add_column(TABLE, sa.Column("overdue_at", sa.TIMESTAMP(timezone=True), comment=told))
    op.create_table_comment(
        TABLE,
        "WadahStatementIssued, IncentivePayoutOrdered, IncentivePayoutOverdue, IncentivePaidOut",
        existing_comment="WadahStatementIssued, IncentivePayoutOrdered, IncentivePaidOut",
    )
