"""Money of a partner's lines that two people booked to suspense, and what somebody proposed of a case and waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"

COMMENTS = {
    "cases": "CaseOpened, CaseAssigned, CaseStatusTold, CaseClosed, DifferenceProposed, DifferenceDropped",
    "settlement_days": "SettlementFileReconciled, SettlementReceived, SettlementFeesCorrected, CreditCorrectionProposed, CreditCorrected, "
    "CreditCorrectionDropped, DifferenceBooked",
}


def upgrade() -> None:
    comment = "the proposal to book its money that waits, as its event has it; null where none does"
    op.add_column("cases", sa.Column("booking", JSONB(), comment=comment))
    op.create_table(
        "settlement_differences",
        sa.Column("payment_id", sa.UUID(), primary_key=True, comment="of the money in suspense"),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("file_id", sa.UUID(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), comment="that of the line; null where it could not be read"),
        sa.Column("channel_reference", sa.Text(), nullable=False, comment="that of the money in suspense"),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("amount_here", sa.BigInteger(), comment="what stood in the books of a line whose amount differs"),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, comment="number of the account line"),
        comment="DifferenceBooked; insert-only",
    )
    op.create_index("settlement_differences_case", "settlement_differences", ["case_id"], unique=True)
    op.create_index("settlement_differences_day", "settlement_differences", ["partner", "day"])
    op.create_index("settlement_differences_reference", "settlement_differences", ["partner", "reference"])
    for table, told in COMMENTS.items():
        op.create_table_comment(table, told)
