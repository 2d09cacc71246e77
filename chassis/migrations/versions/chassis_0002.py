"""Since when a due row is not settled: how long it waits for a person cannot be read from the number of its attempts.

Rows of before count from the migration on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chassis_0002"
down_revision = "chassis_0001"


def upgrade() -> None:
    since = sa.Column("since", sa.TIMESTAMP(timezone=True), comment="business time of the first attempt")
    op.add_column("timer_backoff", since)
    op.execute("UPDATE timer_backoff SET since = least(not_before, now())")
    op.alter_column("timer_backoff", "since", nullable=False)
