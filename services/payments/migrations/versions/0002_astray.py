"""Receipts of money that settled no bill hold their reference in `payments`; a ledger line may move no single payment."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column, comment in (
        ("participant_id", "null where money came under a number that nobody has"),
        ("bill_id", "null where money never settled a bill"),
        ("kind", "that of the bill"),
    ):
        op.alter_column("payments", column, nullable=True, comment=comment)
    op.create_table_comment(
        "payments", "ContributionPaid, ContributionReversed; PaymentUnmatched of money that never settled a bill"
    )
    op.alter_column("transfers", "payment_id", nullable=True, comment="null where no single payment is moved")
    op.create_table_comment(
        "transfers", "every event that moves money (domain/ledger/); insert-only: every entry balances by itself"
    )
