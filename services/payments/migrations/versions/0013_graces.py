"""Paid months whose grace is another than the usual one; nobody had any before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    comment = 'paid months of another grace than the usual one: {"2025-10": 2}; null: none'
    op.add_column("payers", sa.Column("graces", JSONB(), comment=comment))
