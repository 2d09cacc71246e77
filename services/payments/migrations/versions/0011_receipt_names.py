"""A second name of a receipt, lines whose partner gave no id, and ways to the receipts of agents and of whole collective bills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "receipt_names",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column("reference", sa.Text(), primary_key=True, nullable=False, comment="the partner's paymentRequestId"),
        sa.Column(
            "payment_id", sa.UUID(), nullable=False, comment="of the receipt, whose channel reference is another"
        ),
        comment="ReceiptNamed",
    )
    op.create_index("receipt_names_once", "receipt_names", ["payment_id"], unique=True)
    op.add_column(
        "settlement_lines",
        sa.Column(
            "unnamed",
            sa.Boolean(),
            comment="the partner gave no paymentRequestId; null in lines of before it was noted",
        ),
    )
    op.create_index("payments_of_agent", "payments", ["agent_id"], postgresql_where=sa.text("agent_id IS NOT NULL"))
    op.create_index(
        "payments_of_whole",
        "payments",
        ["bill_id"],
        postgresql_where=sa.text("participant_id IS NULL AND bill_id IS NOT NULL"),
    )
