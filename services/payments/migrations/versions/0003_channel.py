"""Partners: conditions by day, keys and secrets that die."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column(
        "partners",
        sa.Column("first_key_until", INSTANT, comment="wall time; null while the first of two keys does not die"),
    )
    op.add_column(
        "partners",
        sa.Column(
            "agreed",
            JSONB(),
            nullable=False,
            server_default="[]",
            comment="conditions by the WIB day from which they hold, oldest first",
        ),
    )
    op.alter_column("partners", "agreed", server_default=None)
    op.create_table_comment(
        "partners",
        "PartnerEnabled, PartnerTermsChanged, PartnerConditionsAgreed, PartnerKeyRotated, PartnerSecretRotated (nothing"
        " of it), PartnerDisabled, PartnerReenabled",
        existing_comment="PartnerEnabled, PartnerKeyRotated, PartnerDisabled",
    )
    op.add_column(
        "partner_secrets",
        sa.Column("until", INSTANT, comment="wall time; null for the newest one, which does not die by itself"),
    )
