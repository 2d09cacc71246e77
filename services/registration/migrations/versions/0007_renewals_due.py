"""Of every agreement it is kept whether its renewal was told of; none was before. Those that are due by then are told of with the next look."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

TABLE = "wadah"


def upgrade() -> None:
    op.execute(
        "UPDATE wadah SET agreements = (SELECT jsonb_agg(one || '{\"told\": null}' ORDER BY place)"
        " FROM jsonb_array_elements(agreements) WITH ORDINALITY AS every (one, place))"
    )
    op.create_table_comment(
        TABLE,
        "WadahEngaged, AgreementRenewed, AgreementRenewalFellDue, WadahEnded",
        existing_comment="WadahEngaged, AgreementRenewed, WadahEnded",
    )
