"""Carry-forward credit: what a payer has and from which months, the sector a bill was priced by, the days everybody was looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    _payers()
    op.add_column("bills", sa.Column("sector", sa.Text(), comment="that of the payer on the day of issue"))
    op.create_table(
        "credit_passes",
        sa.Column("day", sa.Date(), primary_key=True, nullable=False, comment="WIB"),
        comment="Plumbing: days on which every payer was looked at for credit",
    )


def _payers() -> None:
    """The defaults are for the rows there are: nobody had credit before."""
    columns = (
        sa.Column(
            "credit", sa.BigInteger(), nullable=False, server_default="0", comment="carry-forward credit, rupiah"
        ),
        sa.Column(
            "credited", JSONB(), nullable=False, server_default="[]", comment="paid months whose excess became credit"
        ),
    )
    for column in columns:
        op.add_column("payers", column)
        op.alter_column("payers", column.name, server_default=None)
    op.create_table_comment(
        "payers",
        "PayerAdded, PayerNumbered, PayerCorrected, PayerClosed, ContributionPaid, ContributionReversed, "
        "ContributionRefunded, CreditGranted, CreditWithdrawn",
    )
