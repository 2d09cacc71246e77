"""An account of one thing: the bill an event is about, and what belongs to a chain of events and is about nobody.

No row is changed: every archive there is begins after this.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("archive", sa.Column("bill_id", UUID))
    op.create_index(
        "archive_bill",
        "archive",
        ["bill_id", "recorded_at", "place"],
        postgresql_where=sa.text("bill_id IS NOT NULL"),
    )
    op.create_index(
        "archive_of_nobody",
        "archive",
        ["correlation_id", "recorded_at"],
        postgresql_where=sa.text("participant_id IS NULL"),
    )
