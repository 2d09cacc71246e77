"""The payment of a collective bill may be taken back: how far its shares were walked back, and which stayed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _bills()
    _lines()


def _bills() -> None:
    """The defaults are for the rows there are: no whole was taken back before."""
    op.add_column("collective_bills", sa.Column("reversed_at", INSTANT))
    op.add_column(
        "collective_bills",
        sa.Column("reversed_for", sa.Text(), comment="why the payment of the whole was taken back"),
    )
    op.add_column(
        "collective_bills", sa.Column("reversed_by", sa.UUID(), comment="the proposal that two people decided")
    )
    counts = (
        sa.Column(
            "shares_reversed",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="posted lines dealt with, those kept among them",
        ),
        sa.Column("shares_kept", sa.Integer(), nullable=False, server_default="0"),
    )
    for column in counts:
        op.add_column("collective_bills", column)
        op.alter_column("collective_bills", column.name, server_default=None)
    op.create_index(
        "collective_bills_to_reverse",
        "collective_bills",
        ["reversed_at"],
        postgresql_where=sa.text("status = 'REVERSED' AND shares_reversed < shares_posted"),
    )
    op.create_table_comment(
        "collective_bills",
        "CollectiveBillIssued, CollectiveBillExpired, CollectiveBillCancelled, CollectiveBillPaid, CollectiveSharesPosted, "
        "CollectiveBillReversed, CollectiveSharesReversed",
    )


def _lines() -> None:
    op.add_column(
        "collective_lines",
        sa.Column(
            "reversed", sa.Boolean(), nullable=False, server_default=sa.false(), comment="taken back with the whole"
        ),
    )
    op.alter_column("collective_lines", "reversed", server_default=None)
    op.add_column(
        "collective_lines", sa.Column("kept_for", sa.Text(), comment="why it was not taken back with the whole")
    )
    op.create_table_comment(
        "collective_lines", "CollectiveLinesAdded, CollectiveSharesPosted, CollectiveSharesReversed"
    )
