"""What people write about a dispute stands in no event any more: encrypted, beside the state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "dispute_notes",
        sa.Column("dispute_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("note", sa.LargeBinary(), comment="encrypted"),
        sa.Column("answer", sa.LargeBinary(), comment="encrypted; null until there is one"),
        sa.Column("written_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="wall time, of the last word"),
        comment="Plumbing: what people wrote about a dispute; in no event, and deleted in its time",
    )
    op.create_index("dispute_notes_written", "dispute_notes", ["written_at"])
    op.alter_column("incentive_disputes", "note", comment="of events that have one; else in dispute_notes")
    op.alter_column("incentive_disputes", "answer", comment="as note")
