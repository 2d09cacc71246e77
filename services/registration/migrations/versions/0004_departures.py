"""Agents are dropped and dismissed; participants pass from one manager to another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0004"
down_revision = "0003"

_INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _agents()
    _reassignments()
    op.create_table_comment(
        "participants",
        "ParticipantRegistered, ParticipantCorrected, ParticipantReassigned, RegistrationExpired, ProtectionStarted, ProtectionExtended, "
        "ProtectionCorrected, GraceEntered, ParticipationLapsed, ParticipationClosed, ParticipantUnreachable, "
        "ParticipantReachable",
    )


def _agents() -> None:
    op.add_column(
        "agents",
        sa.Column("departure", JSONB, comment="kind, reason and proposer of a departure that nobody has decided"),
    )
    op.add_column(
        "agents", sa.Column("left_on", sa.Date, comment="WIB day on which the agent was dropped or dismissed")
    )
    op.create_index("agents_left", "agents", ["left_on"], postgresql_where=sa.text("left_on IS NOT NULL"))
    op.create_table_comment(
        "agents",
        "AgentProposed, AgentCertified, AgentActivated, AgentSuspended, AgentReinstated, AgentDepartureProposed, "
        "AgentDepartureRefused, AgentDropped, AgentDismissed",
    )


def _reassignments() -> None:
    op.create_table(
        "reassignments",
        sa.Column("reassignment_id", UUID, primary_key=True),
        sa.Column("branch_id", UUID, nullable=False),
        sa.Column("participants", JSONB, nullable=False, comment="participant ids"),
        sa.Column("agent_id", UUID, comment="who is to look after them; null: the branch"),
        sa.Column("wadah_id", UUID),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False, comment="token subject; whoever decides is somebody else"),
        sa.Column("proposed_at", _INSTANT, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decision", sa.Text, comment="why it was refused"),
        sa.Column("from_month", sa.Text, comment="the first contribution month of the new manager"),
        comment="ReassignmentProposed, ReassignmentApproved, ReassignmentRefused",
    )
    op.create_index("reassignments_of_branch", "reassignments", ["branch_id", "reassignment_id"])
