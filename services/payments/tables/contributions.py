"""Payers and their bills."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.payments.tables.base import INSTANT, metadata

payers = sa.Table(
    "payers",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    sa.Column("contribution_code", sa.Text, nullable=False, comment="the customer number of the virtual account"),
    sa.Column("name", sa.LargeBinary, comment="encrypted; null once the person is forgotten"),
    sa.Column("nik_hash", sa.Text, comment="keyed hash; null once the person is forgotten"),
    sa.Column("income", sa.BigInteger, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("programmes", JSONB, nullable=False),
    sa.Column("funding_source", sa.Text, nullable=False),
    sa.Column("registration_expires_at", INSTANT, nullable=False),
    sa.Column("paid", JSONB, nullable=False, comment='paid months as stretches: [["2025-10", "2025-12"]]'),
    sa.Column("paid_through", sa.Text, comment="M, the last month paid without a gap; null when nothing is paid"),
    sa.Column("graces", JSONB, comment='paid months of another grace than the usual one: {"2025-10": 2}; null: none'),
    sa.Column("credit", sa.BigInteger, nullable=False, comment="carry-forward credit, rupiah"),
    sa.Column("from_suspense", sa.BigInteger, nullable=False, comment="how much of the credit came out of suspense"),
    sa.Column("credited", JSONB, nullable=False, comment="paid months whose excess became credit"),
    sa.Column("blocked", sa.Text, comment="why no further money is taken"),
    sa.Column("closed_on", sa.Date, comment="WIB day on which the participation ended for good"),
    sa.Column("kpj", sa.Text, comment="participant number; null until the first payment"),
    sa.Column("new_to_bpu", sa.Boolean, nullable=False, comment="this NIK was never in BPU: may be an acquisition"),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID, comment="of the agent who looks after the participant now"),
    sa.Column("agent_id", UUID, comment="who looks after the participant now; null: the branch"),
    sa.Column("registered_by", UUID, comment="the agent who registered the participant, whoever manages since"),
    sa.Index("payers_contribution_code", "contribution_code", unique=True),
    sa.Index("payers_nik_hash", "nik_hash"),
    sa.Index("payers_of_agent", "agent_id"),
    sa.Index("payers_registered_by", "registered_by"),
    comment="PayerAdded, PayerNumbered, PayerCorrected, PayerClosed, PayerForgotten, ContributionPaid, ContributionReversed, "
    "ContributionRefunded, CreditGranted, CreditWithdrawn, CreditAdded, CreditReleased, ManagerChanged",
)

bills = sa.Table(
    "bills",
    metadata,
    sa.Column("bill_id", UUID, primary_key=True),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("months", JSONB, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("funding_source", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, comment="that of the payer on the day of issue"),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("issued_at", INSTANT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("closed_at", INSTANT),
    sa.Column("reason", sa.Text),
    sa.Column("payment_id", UUID),
    sa.Column("number", sa.Text, comment="at which this bill alone is paid; null where none was asked for"),
    sa.Index("bills_number", "number", unique=True, postgresql_where=sa.text("number IS NOT NULL")),
    sa.Index("bills_of_payer", "participant_id", "issued_at"),
    sa.Index("bills_open", "expires_at", postgresql_where=sa.text("status = 'OPEN'")),
    comment="ContributionBilled, BillNumbered, BillExpired, BillCancelled, ContributionPaid, ContributionReversed",
)

credit_passes = sa.Table(
    "credit_passes",
    metadata,
    sa.Column("day", sa.Date, primary_key=True, comment="WIB"),
    comment="Plumbing: days on which every payer was looked at for credit",
)
