"""Statements say after how many months in a row without result an agent is dropped, and who is to be.

Those of before: after three, and nobody was told of. Whoever comes back after a drop is counted anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

COLUMNS = (
    ("drop_months", sa.Integer(), "3", "as many of them as an agent is dropped after"),
    ("drop_due", sa.Boolean(), "false", "they are as many, and the agent was ACTIVE"),
)


def upgrade() -> None:
    for name, kind, before, comment in COLUMNS:
        column = sa.Column(name, kind, nullable=False, server_default=sa.text(before), comment=comment)
        op.add_column("incentive_statements", column)
        op.alter_column("incentive_statements", name, server_default=None)
    comment = "activated, or back after being dropped; null for who has left"
    op.add_column("agents", sa.Column("began_at", sa.TIMESTAMP(timezone=True), comment=comment))
    op.execute(
        "WITH steps AS (SELECT key, seq, type, convert_from(payload, 'UTF8')::jsonb AS event FROM event_log"
        "  WHERE stream = 'agent-notes' AND type IN ('AgentStepNoted', 'AgentLeftNoted')),"
        " went AS (SELECT key, max(seq) AS seq FROM steps WHERE type = 'AgentLeftNoted' GROUP BY key),"
        " began AS (SELECT DISTINCT ON (s.key) s.key, (s.event->>'at')::timestamptz AS at FROM steps s LEFT JOIN went w USING (key)"
        "  WHERE s.type = 'AgentStepNoted' AND s.event->>'step' <> 'SUSPENDED' AND s.seq > coalesce(w.seq, 0)"
        "  ORDER BY s.key, s.seq)"
        " UPDATE agents a SET began_at = began.at FROM began WHERE began.key = a.agent_id::text"
    )
