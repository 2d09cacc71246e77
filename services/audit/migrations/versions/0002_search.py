"""The archive is searched in the order of recording: every way to ask has its page in one index."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

WAYS = {
    "participant": "participant_id",
    "agent": "agent_id",
    "wadah": "wadah_id",
    "branch": "branch_id",
    "type": "type",
    "actor": "actor",
    "correlation": "correlation_id",
}


def upgrade() -> None:
    for name, column in WAYS.items():
        op.drop_index(f"archive_{name}", "archive")
        op.create_index(f"archive_{name}", "archive", [column, "recorded_at", "place"])
    # not of the bare column: what is asked of one thing would be looked for from the end of time on (queries/search.py)
    op.create_index("archive_recorded", "archive", [sa.text("timezone('UTC', recorded_at)"), "place"])
