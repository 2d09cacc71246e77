"""A leaf may leave for a cold month; what finds the event stays."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    comment = "topic, key, value and headers byte for byte; null: it left for a cold month"
    op.alter_column("archive", "leaf", existing_type=sa.LargeBinary, nullable=True, comment=comment)
