"""Statements say after how many months in a row without result an agent is dropped, and who is to be.

Those of before: after three, and nobody was told of.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

COLUMNS = (
    ("drop_months", sa.Integer(), "3", "as many of them as an agent is dropped after"),
    ("drop_due", sa.Boolean(), "false", "they are as many, and the agent was ACTIVE"),
)


def upgrade() -> None:
    for name, kind, before, comment in COLUMNS:
        column = sa.Column(name, kind, nullable=False, server_default=sa.text(before), comment=comment)
        op.add_column("incentive_statements", column)
        op.alter_column("incentive_statements", name, server_default=None)
