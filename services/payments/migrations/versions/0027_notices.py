"""Notices that tell another amount of money in the books: one case for each amount."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_index(
        "cases_of_notice",
        "cases",
        ["partner", "reference", "amount_there"],
        unique=True,
        postgresql_where=sa.text("kind = 'notice_amount_differs'"),
    )
