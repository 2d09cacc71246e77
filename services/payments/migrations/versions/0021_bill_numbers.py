"""A bill may have a number of its own, and money says whether it came to one; none had, and none did, before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    told = "at which this bill alone is paid; null where none was asked for"
    op.add_column("bills", sa.Column("number", sa.Text(), comment=told))
    op.create_index("bills_number", "bills", ["number"], unique=True, postgresql_where=sa.text("number IS NOT NULL"))
    feeds = "ContributionBilled, BillNumbered, BillExpired, BillCancelled, ContributionPaid, ContributionReversed"
    op.create_table_comment("bills", feeds)
    came = "the own number of a bill that it came to; null for any other number"
    op.add_column("payments", sa.Column("number", sa.Text(), comment=came))
