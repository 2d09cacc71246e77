"""Dated parameter sets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "parameter_sets",
        sa.Column("set_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), comment="for whom alone it holds; null: for everybody"),
        sa.Column("number", sa.Integer(), nullable=False, comment="counts the proposals of its kind and subject"),
        sa.Column("version", sa.Text(), nullable=False, comment="what events name as their rules"),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="WIB"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="PROPOSED, APPROVED or WITHDRAWN"),
        sa.Column("proposed_by", sa.Text(), nullable=False, comment="token subject"),
        sa.Column("proposed_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Text(), comment="token subject of whoever approved or withdrew it"),
        sa.Column("decided_at", INSTANT),
        sa.Column("reason", sa.Text(), comment="why it was withdrawn"),
        comment="ParameterSetProposed, ParameterSetApproved, ParameterSetWithdrawn",
    )
    op.create_index("parameter_sets_of_kind", "parameter_sets", ["kind", "subject"])
