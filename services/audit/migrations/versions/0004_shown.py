"""Whose data a read gave away: many in one event, each found by the person.

No row is changed: every archive there is begins after this.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "shown",
        sa.Column("participant_id", UUID, primary_key=True),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), primary_key=True),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        comment="Insert-only. Whose personal data an event gave away (PersonalDataRead): finds it, and follows from its leaf",
    )
    op.create_index("shown_place", "shown", ["place"])
