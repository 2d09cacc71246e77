"""A person can ask for a copy of everything held: who asked when, and when it was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0009"
down_revision = "0008"

_INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("participant_id", UUID, primary_key=True),
        sa.Column("export_id", UUID, nullable=False, comment="of the last request"),
        sa.Column("requested_by", sa.Text, nullable=False, comment="token subject"),
        sa.Column("requested_at", _INSTANT, nullable=False),
        sa.Column("given_by", sa.Text, comment="token subject"),
        sa.Column("given_at", _INSTANT, comment="null while the copy is owed"),
        comment="ExportRequested, ExportGiven",
    )
    op.create_index("exports_open", "exports", ["requested_at"], postgresql_where=sa.text("given_at IS NULL"))
