"""Who was forgotten here: what lies outside the database is then searched for the person, once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chassis_0003"
down_revision = "chassis_0002"


def upgrade() -> None:
    op.create_table(
        "forgotten",
        sa.Column("subject", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("forgotten_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="wall time"),
        sa.Column(
            "letters_searched_at",
            sa.TIMESTAMP(timezone=True),
            comment="null while dead letters may still hold something of the person",
        ),
        comment="Plumbing: persons whose copies were cleared here",
    )
    op.create_index(
        "forgotten_unsearched", "forgotten", ["subject"], postgresql_where=sa.text("letters_searched_at IS NULL")
    )
