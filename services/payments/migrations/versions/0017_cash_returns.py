"""Cash that agents give back: a day on the note, and a statement of what changed hands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column(
        "cash_received",
        sa.Column("returned_at", INSTANT, comment="when it was given back to the person; null while it was not"),
    )
    op.create_table_comment(
        "cash_received", "CashReceived, CashReturned; whether a payment cleared it is read from payments"
    )
    op.create_table(
        "cash_lines",
        sa.Column("line_id", sa.UUID(), primary_key=True, nullable=False, comment="its event; in the order of time"),
        sa.Column("agent_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("bill_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="below zero for cash that was given back"),
        sa.Column("at", INSTANT, nullable=False, comment="when it changed hands"),
        sa.Column("branch_id", sa.UUID()),
        comment="CashReceived, CashReturned; insert-only",
    )
    op.create_index("cash_lines_of_agent", "cash_lines", ["agent_id", "line_id"])
    _notes_there_are()


def _notes_there_are() -> None:
    """The line of a note has the id of its event."""
    op.execute(
        "INSERT INTO cash_lines (line_id, agent_id, kind, participant_id, bill_id, amount, at, branch_id)"
        " SELECT e.event_id, c.agent_id, 'RECEIVED', c.participant_id, c.bill_id, c.amount, c.received_at, c.branch_id"
        " FROM cash_received c JOIN event_log e ON e.stream = 'contributions' AND e.key = c.participant_id::text"
        " AND e.type = 'CashReceived' AND convert_from(e.payload, 'UTF8')::jsonb->>'bill_id' = c.bill_id::text"
    )
