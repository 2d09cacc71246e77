"""Participants are corrected: the table names the event that does it."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table_comment(
        "participants",
        "ParticipantRegistered, ParticipantCorrected, RegistrationExpired, ProtectionStarted, ProtectionExtended, "
        "ProtectionCorrected, GraceEntered, ParticipationLapsed, ParticipationClosed, ParticipantUnreachable, "
        "ParticipantReachable",
    )
