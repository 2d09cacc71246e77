"""Settlement: layouts, files, lines, days and cases, and the uploaded bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _layouts()
    _files()
    _lines()
    _days()
    _cases()
    _parts()


def _layouts() -> None:
    op.create_table(
        "settlement_layouts",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column("valid_from", sa.Date(), primary_key=True, nullable=False),
        sa.Column("layout", JSONB(), nullable=False),
        sa.Column("agreed_at", INSTANT, nullable=False),
        comment="SettlementLayoutAgreed; of two for one day the later holds",
    )


def _files() -> None:
    op.create_table(
        "settlement_files",
        sa.Column("file_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="the partner's business day"),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="as the file has it, whole rupiah"),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("parts_done", sa.Integer(), nullable=False, comment="every line of these parts has its outcome"),
        sa.Column(
            "totals",
            JSONB(),
            nullable=False,
            comment='outcome → [lines, amount, fees], so far: {"matched": [2, 53600, 0]}',
        ),
        sa.Column("reconciled_at", INSTANT, comment="null while it is worked off"),
        comment="SettlementFileReceived, SettlementLinesReconciled, SettlementFileReconciled",
    )
    op.create_index("settlement_files_once", "settlement_files", ["partner", "day", "sha256"], unique=True)
    op.create_index(
        "settlement_files_open", "settlement_files", ["file_id"], postgresql_where=sa.text("reconciled_at IS NULL")
    )


def _lines() -> None:
    op.create_table(
        "settlement_lines",
        sa.Column("file_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("line", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), comment="channel reference; null where it cannot be read"),
        sa.Column("payment_id", sa.UUID()),
        sa.Column("amount", sa.BigInteger(), comment="the partner's"),
        sa.Column("fee", sa.BigInteger()),
        sa.Column("paid_at", INSTANT),
        sa.Column("amount_here", sa.BigInteger(), comment="ours, where it differs"),
        sa.Column("reason", sa.Text()),
        sa.Column("first_file", sa.UUID(), comment="where a duplicate stands first"),
        sa.Column("first_line", sa.Integer()),
        comment="SettlementLinesReconciled",
    )
    op.create_index("settlement_lines_reference", "settlement_lines", ["partner", "reference"])
    op.create_index("payments_effective", "payments", ["effective_at"], postgresql_using="brin")


def _days() -> None:
    op.create_table(
        "settlement_days",
        sa.Column("partner", sa.Text(), primary_key=True, nullable=False),
        sa.Column("day", sa.Date(), primary_key=True, nullable=False),
        sa.Column("file_id", sa.UUID(), comment="the file that was reconciled last; null before the first"),
        sa.Column(
            "expected", sa.BigInteger(), nullable=False, comment="what the partner owes us for the day after its fees"
        ),
        sa.Column("fees", sa.BigInteger(), nullable=False, comment="what it may keep"),
        sa.Column("received", sa.BigInteger(), nullable=False, comment="what stands in our bank account"),
        sa.Column("fees_booked", sa.BigInteger(), nullable=False),
        comment="SettlementFileReconciled, SettlementReceived",
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False, comment="a role until a person took it"),
        sa.Column("file_id", sa.UUID()),
        sa.Column("line", sa.Integer()),
        sa.Column("reference", sa.Text()),
        sa.Column("payment_id", sa.UUID()),
        sa.Column("amount_here", sa.BigInteger()),
        sa.Column("amount_there", sa.BigInteger()),
        sa.Column("reason", sa.Text()),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("status_told", sa.Text(), comment="what the partner says of the payment"),
        sa.Column("outcome", sa.Text(), comment="null while it is open"),
        sa.Column("evidence", sa.Text(), comment="number of a letter or ticket"),
        sa.Column("closed_at", INSTANT),
        comment="CaseOpened, CaseAssigned, CaseStatusTold, CaseClosed",
    )
    op.create_index("cases_open", "cases", ["partner", "reference"], postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index("cases_of_payment", "cases", ["payment_id"])


def _parts() -> None:
    op.create_table(
        "settlement_parts",
        sa.Column("file_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column(
            "number",
            sa.Integer(),
            primary_key=True,
            nullable=False,
            comment="0: header; then the payments; the last: trailer",
        ),
        sa.Column("first_line", sa.Integer(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False, comment="AES-256-GCM"),
        comment="Plumbing: the file as it was uploaded, encrypted, in parts that end with a line",
    )
