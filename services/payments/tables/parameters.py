"""Dated parameter sets, as proposed and decided."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.payments.tables.base import INSTANT, metadata

parameter_sets = sa.Table(
    "parameter_sets",
    metadata,
    sa.Column("set_id", UUID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, comment="for whom alone it holds; null: for everybody"),
    sa.Column("number", sa.Integer, nullable=False, comment="counts the proposals of its kind and subject"),
    sa.Column("version", sa.Text, nullable=False, comment="what events name as their rules"),
    sa.Column("valid_from", sa.Date, nullable=False, comment="WIB"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("value", JSONB, nullable=False),
    sa.Column("status", sa.Text, nullable=False, comment="PROPOSED, APPROVED or WITHDRAWN"),
    sa.Column("proposed_by", sa.Text, nullable=False, comment="token subject"),
    sa.Column("proposed_at", INSTANT, nullable=False),
    sa.Column("decided_by", sa.Text, comment="token subject of whoever approved or withdrew it"),
    sa.Column("decided_at", INSTANT),
    sa.Column("reason", sa.Text, comment="why it was withdrawn"),
    sa.Index("parameter_sets_of_kind", "kind", "subject"),
    comment="ParameterSetProposed, ParameterSetApproved, ParameterSetWithdrawn",
)
