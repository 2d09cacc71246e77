"""The day on which a participation ended, from the events there are; lines of before 0011 did not say that they gave no id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "payers", sa.Column("closed_on", sa.Date(), comment="WIB day on which the participation ended for good")
    )
    op.execute(
        "UPDATE payers SET closed_on = (convert_from(l.payload, 'UTF8')::jsonb ->> 'closed_on')::date"
        " FROM event_log l WHERE l.type = 'PayerClosed' AND l.key = payers.participant_id::text"
    )
    op.execute("UPDATE settlement_lines SET unnamed = false WHERE unnamed IS NULL")
