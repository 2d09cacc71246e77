"""An erasure is refused while a copy that the person asked for is owed: which refusals were, for that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column(
        "erasures",
        sa.Column(
            "copy_owed", sa.Boolean, nullable=False, server_default=sa.false(), comment="it was refused for that, too"
        ),
    )
