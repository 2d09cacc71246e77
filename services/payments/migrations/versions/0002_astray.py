"""Receipts of money that settled no bill hold their reference in `payments`."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in ("participant_id", "bill_id", "kind"):
        op.alter_column("payments", column, nullable=True)
    op.alter_column("transfers", "payment_id", nullable=True)
