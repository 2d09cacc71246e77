"""Who manages a payer, beside who registered him. Changes noted until now name no Wadah, so the payer stands under none, as in a replay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column(
        "payers",
        sa.Column(
            "registered_by", sa.UUID(), comment="the agent who registered the participant, whoever manages since"
        ),
    )
    op.execute("UPDATE payers SET registered_by = agent_id WHERE agent_id IS NOT NULL")
    op.execute(
        "UPDATE payers SET wadah_id = NULL, agent_id ="
        "  (SELECT m.agent_id FROM managements m WHERE m.participant_id = payers.participant_id ORDER BY m.seq DESC LIMIT 1)"
        " WHERE EXISTS (SELECT 1 FROM managements m WHERE m.participant_id = payers.participant_id"
        "  AND m.agent_id IS DISTINCT FROM payers.registered_by)"
    )
    op.create_index("payers_registered_by", "payers", ["registered_by"])
    op.alter_column("payers", "agent_id", comment="who looks after the participant now; null: the branch")
    op.alter_column("payers", "wadah_id", comment="of the agent who looks after the participant now")
    op.create_table_comment(
        "payers",
        "PayerAdded, PayerNumbered, PayerCorrected, PayerClosed, ContributionPaid, ContributionReversed, ContributionRefunded, "
        "CreditGranted, CreditWithdrawn, CreditAdded, CreditReleased, ManagerChanged",
    )
