"""Payments that were taken back are few, and a run asks whose they were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    taken_back = sa.text("reversed_for IS NOT NULL AND kind IS NOT NULL")
    op.create_index("payments_taken_back", "payments", ["participant_id"], postgresql_where=taken_back)
