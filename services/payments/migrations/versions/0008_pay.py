"""Agreements, agents, managers, and the monthly run of the incentives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _payers()
    _agreements()
    _agents()
    _managements()
    _reviews()
    _runs()
    _lines()
    _entries()
    _statements()
    _wadah_entries()
    _wadah_statements()
    _disputes()


def _payers() -> None:
    op.add_column(
        "payers",
        sa.Column(
            "new_to_bpu",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="this NIK was never in BPU: may be an acquisition",
        ),
    )
    op.alter_column("payers", "new_to_bpu", server_default=None)
    op.create_index("payers_of_agent", "payers", ["agent_id"])


def _agreements() -> None:
    op.create_table(
        "agreements",
        sa.Column("wadah_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("branch_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="of the organisation"),
        sa.Column("agreement_number", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("term_from", sa.Date(), nullable=False),
        sa.Column("term_to", sa.Date(), nullable=False, comment="last day, inclusive"),
        sa.Column("ended_on", sa.Date(), comment="last day when it was ended early"),
        comment="AgreementNoted, AgreementEndNoted",
    )


def _agents() -> None:
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("wadah_id", sa.UUID(), nullable=False),
        sa.Column("branch_id", sa.UUID(), nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False, comment="the agent's own participation"),
        sa.Column("activated_at", INSTANT, comment="the first time"),
        sa.Column("duties", JSONB(), nullable=False, comment="stretches of being ACTIVE: [[since, until or null]]"),
        comment="AgentNoted, AgentStepNoted",
    )
    op.create_index("agents_of_wadah", "agents", ["wadah_id"])


def _managements() -> None:
    op.create_table(
        "managements",
        sa.Column("participant_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger(),
            primary_key=True,
            nullable=False,
            comment="that of its event: of two of one month the later holds",
        ),
        sa.Column("from_month", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.UUID(), comment="null: the branch"),
        comment="ManagerChanged; who registered a participant manages before the first of them",
    )
    op.create_index("managements_of_agent", "managements", ["agent_id"])


def _reviews() -> None:
    op.create_table(
        "incentive_reviews",
        sa.Column("event_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("participant_id", sa.UUID(), comment="whose payments count anew"),
        sa.Column("agent_id", sa.UUID(), comment="whose months count anew, from the month of `from_month` on"),
        sa.Column("from_month", sa.Text()),
        sa.Column("since", INSTANT, nullable=False),
        comment="what may change a closed month: late ContributionPaid and AgentStepNoted, ContributionReversed, ManagerChanged; insert-only",
    )
    op.create_index("incentive_reviews_since", "incentive_reviews", ["since"])


def _runs() -> None:
    op.create_table(
        "incentive_runs",
        sa.Column("month", sa.Text(), primary_key=True, nullable=False),
        sa.Column("closed_at", INSTANT, nullable=False),
        sa.Column("statements_at", INSTANT, nullable=False),
        sa.Column("orders_at", INSTANT, nullable=False),
        sa.Column("pay_by", INSTANT, nullable=False),
        sa.Column("completed_at", INSTANT),
        sa.Column("agents", sa.Integer()),
        sa.Column("wadah", sa.Integer()),
        sa.Column("lines", sa.Integer()),
        sa.Column("payout", sa.BigInteger()),
        comment="IncentiveRunOpened, IncentiveRunCompleted",
    )


def _lines() -> None:
    op.create_table(
        "incentive_lines",
        sa.Column("agent_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column(
            "run", sa.Text(), primary_key=True, nullable=False, comment="the month whose statement holds the line"
        ),
        sa.Column("line", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("month", sa.Text(), nullable=False, comment="the incentive month it counts for"),
        sa.Column("sign", sa.SmallInteger(), nullable=False, comment="1 counts, -1 no longer counts"),
        sa.Column("payment_id", sa.UUID(), nullable=False),
        sa.Column("participant_id", sa.UUID(), nullable=False),
        sa.Column("with_jht", sa.Boolean(), comment="of an acquisition; null for a contribution"),
        sa.Column("contribution_month", sa.Text(), comment="null for an acquisition, as what follows"),
        sa.Column("k", sa.Integer()),
        sa.Column("bps", sa.Integer()),
        sa.Column("received", sa.BigInteger()),
        comment="IncentiveEarned, IncentiveClawedBack; insert-only",
    )


def _entries() -> None:
    op.create_table(
        "incentive_entries",
        sa.Column("agent_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("month", sa.Text(), primary_key=True, nullable=False, comment="the incentive month"),
        sa.Column("run", sa.Text(), primary_key=True, nullable=False, comment="the run that says so; the latest holds"),
        sa.Column("wadah_id", sa.UUID(), nullable=False),
        sa.Column("acquisitions", sa.Integer(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("acquisition_pay", sa.BigInteger(), nullable=False),
        sa.Column("contribution_pay", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("carved", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False, comment="the agent's own as it stood until then"),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), comment="of an adjustment; null for the month's own run"),
        comment="IncentiveStatementIssued; insert-only",
    )
    op.create_index("incentive_entries_of_wadah", "incentive_entries", ["wadah_id", "month"])


def _statements() -> None:
    op.create_table(
        "incentive_statements",
        sa.Column("agent_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("month", sa.Text(), primary_key=True, nullable=False),
        sa.Column("wadah_id", sa.UUID(), nullable=False),
        sa.Column("branch_id", sa.UUID(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("acquisitions", sa.Integer(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("acquisition_pay", sa.BigInteger(), nullable=False),
        sa.Column("contribution_pay", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=False),
        sa.Column("carved", sa.BigInteger(), nullable=False),
        sa.Column("adjusted", sa.BigInteger(), nullable=False, comment="sum of the differences of earlier months"),
        sa.Column("carried_in", sa.BigInteger(), nullable=False),
        sa.Column("payable", sa.BigInteger(), nullable=False),
        sa.Column("carried_out", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("months_without", sa.Integer(), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        comment="IncentiveStatementIssued; insert-only",
    )
    op.create_index("incentive_statements_of_month", "incentive_statements", ["month", "wadah_id"])


def _wadah_entries() -> None:
    op.create_table(
        "wadah_entries",
        sa.Column("wadah_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("month", sa.Text(), primary_key=True, nullable=False),
        sa.Column("run", sa.Text(), primary_key=True, nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.BigInteger(), nullable=False),
        comment="WadahStatementIssued; insert-only, the latest run holds",
    )


def _wadah_statements() -> None:
    op.create_table(
        "wadah_statements",
        sa.Column("wadah_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("month", sa.Text(), primary_key=True, nullable=False),
        sa.Column("branch_id", sa.UUID(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("agents", sa.Integer(), nullable=False),
        sa.Column("acquisitions", sa.Integer(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("agents_payable", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.BigInteger(), nullable=False),
        sa.Column("adjusted", sa.BigInteger(), nullable=False),
        sa.Column("carried_in", sa.BigInteger(), nullable=False),
        sa.Column("share_payable", sa.BigInteger(), nullable=False),
        sa.Column("carried_out", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("tax_bps", sa.Integer(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("payout", sa.BigInteger(), nullable=False),
        sa.Column("order_from", INSTANT, nullable=False),
        sa.Column("pay_by", INSTANT, nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), comment="of the payout; null until it is ordered"),
        sa.Column("paid_at", INSTANT, comment="when the money reached the account"),
        comment="WadahStatementIssued, IncentivePayoutOrdered, IncentivePaidOut",
    )
    op.create_index(
        "wadah_statements_unpaid",
        "wadah_statements",
        ["order_from"],
        postgresql_where=sa.text("paid_at IS NULL AND payout > 0"),
    )


def _disputes() -> None:
    op.create_table(
        "incentive_disputes",
        sa.Column("dispute_id", sa.UUID(), primary_key=True, nullable=False),
        sa.Column("agent_id", sa.UUID(), nullable=False),
        sa.Column("wadah_id", sa.UUID(), nullable=False),
        sa.Column("branch_id", sa.UUID(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False, comment="0: the statement as a whole"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("raised_by", sa.Text(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("upheld", sa.Boolean(), comment="null until it is answered, as what follows"),
        sa.Column("answer", sa.Text()),
        sa.Column("answered_by", sa.Text()),
        sa.Column("answered_at", INSTANT),
        comment="IncentiveLineDisputed, IncentiveDisputeAnswered",
    )
    op.create_index("incentive_disputes_of_statement", "incentive_disputes", ["agent_id", "run"])
