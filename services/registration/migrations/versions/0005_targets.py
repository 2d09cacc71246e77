"""An agreement may name a target: how many its agents are to acquire in a month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    comment = "acquisitions of all its agents, at least; null: none was agreed"
    op.add_column("wadah", sa.Column("monthly_target", sa.Integer(), comment=comment))
