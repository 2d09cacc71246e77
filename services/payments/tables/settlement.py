"""Settlement: layouts, files, lines, days and cases. Plumbing: the uploaded bytes."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.payments.tables.base import INSTANT, metadata

settlement_layouts = sa.Table(
    "settlement_layouts",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("valid_from", sa.Date, primary_key=True),
    sa.Column("layout", JSONB, nullable=False),
    sa.Column("agreed_at", INSTANT, nullable=False),
    comment="SettlementLayoutAgreed; of two for one day the later holds",
)

settlement_files = sa.Table(
    "settlement_files",
    metadata,
    sa.Column("file_id", UUID, primary_key=True),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False, comment="the partner's business day"),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("received_at", INSTANT, nullable=False),
    sa.Column("parts", sa.Integer, nullable=False),
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False, comment="as the file has it, whole rupiah"),
    sa.Column("fees", sa.BigInteger, nullable=False),
    sa.Column("layout", JSONB(none_as_null=True), comment="what it is read by; null in files of before it was noted"),
    sa.Column("parts_done", sa.Integer, nullable=False, comment="every line of these parts has its outcome"),
    sa.Column(
        "totals", JSONB, nullable=False, comment='outcome → [lines, amount, fees], so far: {"matched": [2, 53600, 0]}'
    ),
    sa.Column("reconciled_at", INSTANT, comment="null while it is worked off"),
    sa.Index("settlement_files_of_day", "partner", "day", "file_id"),
    sa.Index("settlement_files_open", "file_id", postgresql_where=sa.text("reconciled_at IS NULL")),
    comment="SettlementFileReceived, SettlementLinesReconciled, SettlementFileReconciled",
)

settlement_lines = sa.Table(
    "settlement_lines",
    metadata,
    sa.Column("file_id", UUID, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, comment="channel reference; null where it cannot be read"),
    sa.Column("payment_id", UUID),
    sa.Column("amount", sa.BigInteger, comment="the partner's"),
    sa.Column("fee", sa.BigInteger),
    sa.Column("paid_at", INSTANT),
    sa.Column("amount_here", sa.BigInteger, comment="ours, where it differs"),
    sa.Column("reason", sa.Text),
    sa.Column("first_file", UUID, comment="where a duplicate stands first"),
    sa.Column("first_line", sa.Integer),
    sa.Column(
        "unnamed", sa.Boolean, comment="the partner gave no paymentRequestId; null in lines of before it was noted"
    ),
    sa.Index("settlement_lines_reference", "partner", "reference"),
    comment="SettlementLinesReconciled",
)

settlement_days = sa.Table(
    "settlement_days",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("file_id", UUID, comment="the file that was reconciled last; null before the first"),
    sa.Column("expected", sa.BigInteger, nullable=False, comment="what the partner owes us for the day after its fees"),
    sa.Column("fees", sa.BigInteger, nullable=False, comment="what it may keep"),
    sa.Column("received", sa.BigInteger, nullable=False, comment="what stands in our bank account"),
    sa.Column("fees_booked", sa.BigInteger, nullable=False),
    sa.Column("credits", JSONB, nullable=False, comment='account lines that were noted: {"MT940/1": 35800}'),
    sa.Column(
        "corrections", JSONB, nullable=False, comment="proposals that wait, by their id, as their event has them"
    ),
    comment="SettlementFileReconciled, SettlementReceived, SettlementFeesCorrected, CreditCorrectionProposed, CreditCorrected, "
    "CreditCorrectionDropped, DifferenceBooked",
)

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("case_id", UUID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("owner", sa.Text, nullable=False, comment="a role until a person took it"),
    sa.Column("file_id", UUID),
    sa.Column("line", sa.Integer),
    sa.Column("reference", sa.Text),
    sa.Column("payment_id", UUID),
    sa.Column("amount_here", sa.BigInteger),
    sa.Column("amount_there", sa.BigInteger),
    sa.Column("reason", sa.Text),
    sa.Column("opened_at", INSTANT, nullable=False),
    sa.Column("status_told", sa.Text, comment="what the partner says of the payment"),
    sa.Column("outcome", sa.Text, comment="null while it is open"),
    sa.Column("evidence", sa.Text, comment="number of a letter or ticket"),
    sa.Column("closed_at", INSTANT),
    sa.Column(
        "booking",
        JSONB(none_as_null=True),
        comment="the proposal to book its money that waits, as its event has it; null where none does",
    ),
    sa.Index("cases_open", "partner", "reference", postgresql_where=sa.text("closed_at IS NULL")),
    # Of two notices at the same moment that tell another amount than the books, the second collides here.
    sa.Index(
        "cases_of_notice",
        "partner",
        "reference",
        "amount_there",
        unique=True,
        postgresql_where=sa.text("kind = 'notice_amount_differs'"),
    ),
    sa.Index("cases_of_payment", "payment_id"),
    sa.Index("cases_of_day", "partner", "day"),
    comment="CaseOpened, CaseAssigned, CaseStatusTold, CaseClosed, DifferenceProposed, DifferenceDropped",
)

settlement_differences = sa.Table(
    "settlement_differences",
    metadata,
    sa.Column("payment_id", UUID, primary_key=True, comment="of the money in suspense"),
    sa.Column("case_id", UUID, nullable=False),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("file_id", UUID, nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, comment="that of the line; null where it could not be read"),
    sa.Column("channel_reference", sa.Text, nullable=False, comment="that of the money in suspense"),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("amount_here", sa.BigInteger, comment="what stood in the books of a line whose amount differs"),
    sa.Column("fees", sa.BigInteger, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False, comment="number of the account line"),
    # Of two approvals for one case the second collides here, whatever they read.
    sa.Index("settlement_differences_case", "case_id", unique=True),
    sa.Index("settlement_differences_day", "partner", "day"),
    sa.Index("settlement_differences_reference", "partner", "reference"),
    comment="DifferenceBooked; insert-only",
)

settlement_parts = sa.Table(
    "settlement_parts",
    metadata,
    sa.Column("file_id", UUID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, comment="0: header; then the payments; the last: trailer"),
    sa.Column("first_line", sa.Integer, nullable=False),
    sa.Column("box", sa.LargeBinary, nullable=False, comment="AES-256-GCM"),
    comment="Plumbing: the file as it was uploaded, encrypted, in parts that end with a line",
)
