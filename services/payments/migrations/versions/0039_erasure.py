"""What the tables follow when a person is erased; no column changes."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0035"


def upgrade() -> None:
    op.create_table_comment(
        "payers",
        "PayerAdded, PayerNumbered, PayerCorrected, PayerClosed, PayerForgotten, ContributionPaid, ContributionReversed, "
        "ContributionRefunded, CreditGranted, CreditWithdrawn, CreditAdded, CreditReleased, ManagerChanged",
    )
    op.create_table_comment(
        "payee_accounts",
        "PayeeAccountRecorded, OtherPayeeAccountRecorded, PayeeAccountVerified, PayeeAccountRetired, PayeeAccountForgotten",
    )
