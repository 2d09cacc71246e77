"""Statements of Wadah stand beside the target of the agreement. Those of before knew of none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

TARGET = "acquisitions of all its agents in a month; null: none was agreed"
COLUMNS = (
    ("months_below", sa.Integer(), "0", "full months in a row below the target"),
    ("drop_months", sa.Integer(), "3", "as many of them as an agreement is ended after"),
    ("end_due", sa.Boolean(), "false", "they are as many, and the agreement was in force"),
)


def upgrade() -> None:
    for table in ("agreements", "wadah_statements"):
        op.add_column(table, sa.Column("monthly_target", sa.Integer(), comment=TARGET))
    for name, kind, before, comment in COLUMNS:
        column = sa.Column(name, kind, nullable=False, server_default=sa.text(before), comment=comment)
        op.add_column("wadah_statements", column)
        op.alter_column("wadah_statements", name, server_default=None)
