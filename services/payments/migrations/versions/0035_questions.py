"""Questions to acquirers are looked for by acquirer and time, and by their bill."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.drop_index("qr_questions_due", "qr_questions")
    op.create_index("qr_questions_due", "qr_questions", ["partner", "ask_at"])
    op.create_index("qr_questions_bill", "qr_questions", ["bill_id"])
