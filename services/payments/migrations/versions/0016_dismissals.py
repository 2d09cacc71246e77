"""Agents are dismissed: from then on nothing that is unpaid is paid."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column(
        "agents",
        sa.Column("dismissed_at", sa.TIMESTAMP(timezone=True), comment="from then on nothing unpaid is paid any more"),
    )
    op.create_table_comment("agents", "AgentNoted, AgentStepNoted, AgentLeftNoted")
