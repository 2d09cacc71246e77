"""A Wadah has agreements that follow each other; the one it had is its first, and its statements stand under it.

What was noted of agreements may change closed months: of before renewals too, as a replay says.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0034"
down_revision = "0033"

WHICH = "the how many-th of the Wadah"
UNDER = (
    ("agreement", sa.Integer(), "1", WHICH),
    ("without_agreement", sa.Boolean(), "false", "none was in force in the month"),
)


def upgrade() -> None:
    _agreements()
    _reviews()
    for table in ("incentive_statements", "wadah_statements"):
        for name, kind, before, comment in UNDER:
            _add(table, name, kind, before, comment)


def _add(table: str, name: str, kind: sa.types.TypeEngine[Any], before: str, comment: str) -> None:
    column = sa.Column(name, kind, nullable=False, server_default=sa.text(before), comment=comment)
    op.add_column(table, column)
    op.alter_column(table, name, server_default=None)


def _agreements() -> None:
    _add("agreements", "agreement", sa.Integer(), "1", WHICH)
    op.execute("ALTER TABLE agreements DROP CONSTRAINT agreements_pkey, ADD PRIMARY KEY (wadah_id, agreement)")
    ended = "last day when it was ended early; before term_from: never in force"
    op.alter_column("agreements", "ended_on", comment=ended)
    op.create_table_comment("agreements", "AgreementNoted, AgreementRenewalNoted, AgreementEndNoted")


def _reviews() -> None:
    whose = "whose agents' months count anew, from there on and where they were paid for ahead"
    op.add_column("incentive_reviews", sa.Column("wadah_id", UUID, comment=whose))
    op.execute(
        "INSERT INTO incentive_reviews (event_id, wadah_id, from_month, since)"
        " SELECT event_id, (event->>'wadah_id')::uuid, left(coalesce(event->>'ended_on', event->>'term_from'), 7), occurred_at"
        " FROM (SELECT event_id, occurred_at, convert_from(payload, 'UTF8')::jsonb AS event FROM event_log"
        "  WHERE stream = 'agreements' AND type IN ('AgreementNoted', 'AgreementEndNoted')) noted"
    )
    op.create_table_comment(
        "incentive_reviews",
        "what may change a closed month: late ContributionPaid and AgentStepNoted, ContributionReversed, ManagerChanged, "
        "AgreementNoted, AgreementRenewalNoted, AgreementEndNoted; insert-only",
    )
