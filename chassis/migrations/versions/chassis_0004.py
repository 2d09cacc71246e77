"""Where the database stood when it was last served: elsewhere it was restored, and erasures are carried out again first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chassis_0004"
down_revision = "chassis_0003"


def upgrade() -> None:
    op.create_table(
        "home",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "place", sa.Text, nullable=False, comment="server, timeline, database and table when it was last served"
        ),
        comment="Plumbing: a database that stands elsewhere was restored, and may have lost erasures (chassis.restored)",
    )
