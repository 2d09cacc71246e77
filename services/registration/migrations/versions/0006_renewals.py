"""A Wadah has agreements that follow each other; the one it had is its first. Numbers are given once per branch, whoever has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0006"
down_revision = "0005"

MOVED = ("agreement_number", "scheme", "term_from", "term_to", "ended_on", "monthly_target")


def upgrade() -> None:
    _numbers()
    comment = "every agreement with its term, the first one first"
    op.add_column("wadah", sa.Column("agreements", JSONB, comment=comment))
    op.execute(
        "UPDATE wadah SET agreements = jsonb_build_array(jsonb_build_object('number', agreement_number, 'scheme', scheme,"
        " 'from', term_from, 'to', term_to, 'ended', ended_on, 'target', monthly_target))"
    )
    op.alter_column("wadah", "agreements", nullable=False)
    op.drop_index("wadah_agreement", "wadah")
    for name in MOVED:
        op.drop_column("wadah", name)
    op.create_table_comment("wadah", "WadahEngaged, AgreementRenewed, WadahEnded")


def _numbers() -> None:
    op.create_table(
        "agreement_numbers",
        sa.Column("branch_id", UUID, primary_key=True),
        sa.Column("number", sa.Text, primary_key=True, comment="once per branch"),
        sa.Column("wadah_id", UUID, nullable=False),
        comment="WadahEngaged, AgreementRenewed; insert-only",
    )
    op.execute("INSERT INTO agreement_numbers SELECT branch_id, agreement_number, wadah_id FROM wadah")
