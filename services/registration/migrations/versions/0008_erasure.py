"""A person can be erased: who was, what was asked and answered, and the NIKs that are acquired no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0008"
down_revision = "0007"

_INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _participants()
    op.create_table(
        "forgotten_niks",
        sa.Column(
            "nik_hash", sa.Text, primary_key=True, comment="keyed hash: whoever has this NIK is acquired no more"
        ),
        comment="ParticipantForgotten; insert-only",
    )
    op.create_table(
        "erasures",
        sa.Column("participant_id", UUID, primary_key=True),
        sa.Column("erasure_id", UUID, nullable=False, comment="of the last request"),
        sa.Column("ground", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("branch_id", UUID),
        sa.Column("requested_by", sa.Text, nullable=False, comment="token subject"),
        sa.Column("requested_at", _INSTANT, nullable=False),
        sa.Column("decided_at", _INSTANT),
        sa.Column("obstacles", JSONB, nullable=False, comment="why it was refused"),
        sa.Column("retained_until", sa.Date, comment="WIB day from which on retention is no obstacle"),
        comment="ErasureRequested, ErasureRefused, ErasureCleared, ParticipantForgotten",
    )
    op.create_index("erasures_open", "erasures", ["requested_at"], postgresql_where=sa.text("decided_at IS NULL"))
    op.create_table_comment("people", "ParticipantRegistered, ParticipantForgotten; a forgotten person has no row")
    op.create_table_comment(
        "agents",
        "AgentProposed, AgentCertified, AgentActivated, AgentSuspended, AgentReinstated, AgentDepartureProposed, "
        "AgentDepartureRefused, AgentDropped, AgentDismissed, AgentForgotten",
    )


def _participants() -> None:
    forgotten = sa.Column(
        "forgotten", sa.Boolean, nullable=False, server_default=sa.false(), comment="the person was erased"
    )
    op.add_column("participants", forgotten)
    op.alter_column("participants", "forgotten", server_default=None)
    op.alter_column(
        "participants",
        "holds_nik",
        comment="false after an unpaid registration expired, and of a forgotten person",
    )
    op.create_index("participants_forgotten", "participants", ["participant_id"], postgresql_where=sa.text("forgotten"))
    op.create_table_comment(
        "participants",
        "ParticipantRegistered, ParticipantCorrected, ParticipantReassigned, RegistrationExpired, ProtectionStarted, ProtectionExtended, "
        "ProtectionCorrected, GraceEntered, ParticipationLapsed, ParticipationClosed, ParticipantUnreachable, "
        "ParticipantReachable, ParticipantForgotten",
    )
