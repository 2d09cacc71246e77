"""Credit out of suspense: how much of a payer's credit is such money; what is owed of credit that was left lies with the refunds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_FEEDS = {
    "payers": "PayerAdded, PayerNumbered, PayerCorrected, PayerClosed, ContributionPaid, ContributionReversed, "
    "ContributionRefunded, CreditGranted, CreditWithdrawn, CreditAdded, CreditReleased",
    "refunds": "ContributionRefunded, CreditReleased",
    "suspense": "PaymentUnmatched, CaseTaken, PaymentMatched, PaymentCredited, PaymentReturned, PaymentReturnFailed, "
    "PaymentAssigned, PaymentVoided",
}


def upgrade() -> None:
    """The default is for the rows there are: no credit came out of suspense before."""
    told = "how much of the credit came out of suspense"
    column = sa.Column("from_suspense", sa.BigInteger(), nullable=False, server_default="0", comment=told)
    op.add_column("payers", column)
    op.alter_column("payers", "from_suspense", server_default=None)
    op.alter_column("refunds", "payment_id", comment="of the payment; its own where credit was left")
    for table, events in _FEEDS.items():
        op.create_table_comment(table, events)
