"""What recipients follow when a person is erased; no column changes."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table_comment("recipients", "RecipientAdded, RecipientForgotten")
