"""A file that comes again after another one is the day's file again, what it is read by stands with it, cases are found by their day, and a day
knows the account lines of its money."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.drop_index("settlement_files_once", "settlement_files")
    op.create_index("settlement_files_of_day", "settlement_files", ["partner", "day", "file_id"])
    comment = "what it is read by; null in files of before it was noted"
    op.add_column("settlement_files", sa.Column("layout", JSONB(), comment=comment))
    op.create_index("cases_of_day", "cases", ["partner", "day"])
    op.create_table_comment("settlement_days", "SettlementFileReconciled, SettlementReceived, SettlementFeesCorrected")
    _credits()


def _credits() -> None:
    """Of days that have money, from the log."""
    comment = 'account lines that were noted: {"MT940/1": 35800}'
    op.add_column(
        "settlement_days", sa.Column("credits", JSONB(), nullable=False, server_default="{}", comment=comment)
    )
    op.alter_column("settlement_days", "credits", server_default=None)
    op.execute(
        "WITH noted AS (SELECT key, convert_from(payload, 'UTF8')::jsonb AS event FROM event_log"
        "  WHERE stream = 'reconciliation' AND type = 'SettlementReceived'),"
        " lines AS (SELECT key, event->>'evidence' AS evidence, sum((event->>'amount')::bigint) AS amount FROM noted GROUP BY 1, 2),"
        " days AS (SELECT key, jsonb_object_agg(evidence, amount) AS credits FROM lines GROUP BY key)"
        " UPDATE settlement_days d SET credits = days.credits FROM days WHERE days.key = d.partner || ':' || d.day"
    )
