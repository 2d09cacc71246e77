"""Who works for whom, and what every month came to: agreements, agents, managers, runs, statements with their lines, disputes."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.payments.tables.base import INSTANT, metadata

agreements = sa.Table(
    "agreements",
    metadata,
    sa.Column("wadah_id", UUID, primary_key=True),
    sa.Column("agreement", sa.Integer, primary_key=True, comment="the how many-th of the Wadah"),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("name", sa.Text, nullable=False, comment="of the organisation"),
    sa.Column("agreement_number", sa.Text, nullable=False),
    sa.Column("scheme", sa.Text, nullable=False),
    sa.Column("term_from", sa.Date, nullable=False),
    sa.Column("term_to", sa.Date, nullable=False, comment="last day, inclusive"),
    sa.Column("ended_on", sa.Date, comment="last day when it was ended early; before term_from: never in force"),
    sa.Column("monthly_target", sa.Integer, comment="acquisitions of all its agents in a month; null: none was agreed"),
    comment="AgreementNoted, AgreementRenewalNoted, AgreementEndNoted",
)

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("agent_id", UUID, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("wadah_id", UUID, nullable=False),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("participant_id", UUID, nullable=False, comment="the agent's own participation"),
    sa.Column("activated_at", INSTANT, comment="the first time"),
    sa.Column("duties", JSONB, nullable=False, comment="stretches of being ACTIVE: [[since, until or null]]"),
    sa.Column("dismissed_at", INSTANT, comment="from then on nothing unpaid is paid any more"),
    sa.Column("began_at", INSTANT, comment="activated, or back after being dropped; null for who has left"),
    sa.Index("agents_of_wadah", "wadah_id"),
    comment="AgentNoted, AgentStepNoted, AgentLeftNoted",
)

managements = sa.Table(
    "managements",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, comment="that of its event: of two of one month the later holds"),
    sa.Column("from_month", sa.Text, nullable=False),
    sa.Column("agent_id", UUID, comment="null: the branch"),
    sa.Index("managements_of_agent", "agent_id"),
    comment="ManagerChanged; who registered a participant manages before the first of them",
)

incentive_reviews = sa.Table(
    "incentive_reviews",
    metadata,
    sa.Column("event_id", UUID, primary_key=True),
    sa.Column("participant_id", UUID, comment="whose payments count anew"),
    sa.Column("agent_id", UUID, comment="whose months count anew, from the month of `from_month` on"),
    sa.Column(
        "wadah_id", UUID, comment="whose agents' months count anew, from there on and where they were paid for ahead"
    ),
    sa.Column("from_month", sa.Text),
    sa.Column("since", INSTANT, nullable=False),
    sa.Index("incentive_reviews_since", "since"),
    comment="what may change a closed month: late ContributionPaid and AgentStepNoted, ContributionReversed, ManagerChanged, "
    "AgreementNoted, AgreementRenewalNoted, AgreementEndNoted; insert-only",
)

incentive_runs = sa.Table(
    "incentive_runs",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("closed_at", INSTANT, nullable=False),
    sa.Column("statements_at", INSTANT, nullable=False),
    sa.Column("orders_at", INSTANT, nullable=False),
    sa.Column("pay_by", INSTANT, nullable=False),
    sa.Column("completed_at", INSTANT),
    sa.Column("agents", sa.Integer),
    sa.Column("wadah", sa.Integer),
    sa.Column("lines", sa.Integer),
    sa.Column("payout", sa.BigInteger),
    comment="IncentiveRunOpened, IncentiveRunCompleted",
)

incentive_lines = sa.Table(
    "incentive_lines",
    metadata,
    sa.Column("agent_id", UUID, primary_key=True),
    sa.Column("run", sa.Text, primary_key=True, comment="the month whose statement holds the line"),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("month", sa.Text, nullable=False, comment="the incentive month it counts for"),
    sa.Column("sign", sa.SmallInteger, nullable=False, comment="1 counts, -1 no longer counts"),
    sa.Column("payment_id", UUID, nullable=False),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("with_jht", sa.Boolean, comment="of an acquisition; null for a contribution"),
    sa.Column("contribution_month", sa.Text, comment="null for an acquisition, as what follows"),
    sa.Column("k", sa.Integer),
    sa.Column("bps", sa.Integer),
    sa.Column("received", sa.BigInteger),
    comment="IncentiveEarned, IncentiveClawedBack; insert-only",
)

_EARNINGS = (
    ("acquisitions", sa.Integer),
    ("received", sa.BigInteger),
    ("acquisition_pay", sa.BigInteger),
    ("contribution_pay", sa.BigInteger),
    ("agent", sa.BigInteger),
    ("carved", sa.BigInteger),
)


def _under() -> tuple[sa.Column[int], sa.Column[bool]]:
    """Which agreement a statement stands under."""
    return (
        sa.Column("agreement", sa.Integer, nullable=False, comment="the how many-th of the Wadah"),
        sa.Column("without_agreement", sa.Boolean, nullable=False, comment="none was in force in the month"),
    )


incentive_entries = sa.Table(
    "incentive_entries",
    metadata,
    sa.Column("agent_id", UUID, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True, comment="the incentive month"),
    sa.Column("run", sa.Text, primary_key=True, comment="the run that says so; the latest holds"),
    sa.Column("wadah_id", UUID, nullable=False),
    *(sa.Column(name, kind, nullable=False) for name, kind in _EARNINGS),
    sa.Column("before", sa.BigInteger, nullable=False, comment="the agent's own as it stood until then"),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, comment="of an adjustment; null for the month's own run"),
    sa.Index("incentive_entries_of_wadah", "wadah_id", "month"),
    comment="IncentiveStatementIssued; insert-only",
)

incentive_statements = sa.Table(
    "incentive_statements",
    metadata,
    sa.Column("agent_id", UUID, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("wadah_id", UUID, nullable=False),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("scheme", sa.Text, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    *(sa.Column(name, kind, nullable=False) for name, kind in _EARNINGS),
    sa.Column("adjusted", sa.BigInteger, nullable=False, comment="sum of the differences of earlier months"),
    sa.Column("carried_in", sa.BigInteger, nullable=False),
    sa.Column("payable", sa.BigInteger, nullable=False),
    sa.Column("carried_out", sa.BigInteger, nullable=False),
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("months_without", sa.Integer, nullable=False),
    sa.Column("drop_months", sa.Integer, nullable=False, comment="as many of them as an agent is dropped after"),
    sa.Column("drop_due", sa.Boolean, nullable=False, comment="they are as many, and the agent was ACTIVE"),
    *_under(),
    sa.Column("issued_at", INSTANT, nullable=False),
    sa.Column("event_id", UUID, nullable=False),
    sa.Index("incentive_statements_of_month", "month", "wadah_id"),
    comment="IncentiveStatementIssued; insert-only",
)

wadah_entries = sa.Table(
    "wadah_entries",
    metadata,
    sa.Column("wadah_id", UUID, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("before", sa.BigInteger, nullable=False),
    sa.Column("share", sa.BigInteger, nullable=False),
    comment="WadahStatementIssued; insert-only, the latest run holds",
)

wadah_statements = sa.Table(
    "wadah_statements",
    metadata,
    sa.Column("wadah_id", UUID, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("scheme", sa.Text, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("agents", sa.Integer, nullable=False),
    sa.Column("acquisitions", sa.Integer, nullable=False),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("agents_payable", sa.BigInteger, nullable=False),
    sa.Column("share", sa.BigInteger, nullable=False),
    sa.Column("adjusted", sa.BigInteger, nullable=False),
    sa.Column("carried_in", sa.BigInteger, nullable=False),
    sa.Column("share_payable", sa.BigInteger, nullable=False),
    sa.Column("carried_out", sa.BigInteger, nullable=False),
    sa.Column("gross", sa.BigInteger, nullable=False),
    sa.Column("tax_bps", sa.Integer, nullable=False),
    sa.Column("tax", sa.BigInteger, nullable=False),
    sa.Column("payout", sa.BigInteger, nullable=False),
    sa.Column("order_from", INSTANT, nullable=False),
    sa.Column("pay_by", INSTANT, nullable=False),
    sa.Column("issued_at", INSTANT, nullable=False),
    sa.Column("event_id", UUID, nullable=False),
    sa.Column("monthly_target", sa.Integer, comment="acquisitions of all its agents in a month; null: none was agreed"),
    sa.Column("months_below", sa.Integer, nullable=False, comment="full months in a row below the target"),
    sa.Column("drop_months", sa.Integer, nullable=False, comment="as many of them as an agreement is ended after"),
    sa.Column("end_due", sa.Boolean, nullable=False, comment="they are as many, and the agreement was in force"),
    *_under(),
    sa.Column("order_id", UUID, comment="of the payout; null until it is ordered"),
    sa.Column("paid_at", INSTANT, comment="when the money reached the account"),
    sa.Column("overdue_at", INSTANT, comment="when it was told that the last day passed without it; null: it was not"),
    sa.Index("wadah_statements_unpaid", "order_from", postgresql_where=sa.text("paid_at IS NULL AND payout > 0")),
    comment="WadahStatementIssued, IncentivePayoutOrdered, IncentivePayoutOverdue, IncentivePaidOut",
)

incentive_disputes = sa.Table(
    "incentive_disputes",
    metadata,
    sa.Column("dispute_id", UUID, primary_key=True),
    sa.Column("agent_id", UUID, nullable=False),
    sa.Column("wadah_id", UUID, nullable=False),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("line", sa.Integer, nullable=False, comment="0: the statement as a whole"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False, comment="of events that have one; else in dispute_notes"),
    sa.Column("raised_by", sa.Text, nullable=False),
    sa.Column("raised_at", INSTANT, nullable=False),
    sa.Column("upheld", sa.Boolean, comment="null until it is answered, as what follows"),
    sa.Column("answer", sa.Text, comment="as note"),
    sa.Column("answered_by", sa.Text),
    sa.Column("answered_at", INSTANT),
    sa.Index("incentive_disputes_of_statement", "agent_id", "run"),
    comment="IncentiveLineDisputed, IncentiveDisputeAnswered",
)

dispute_notes = sa.Table(
    "dispute_notes",
    metadata,
    sa.Column("dispute_id", UUID, primary_key=True),
    sa.Column("note", sa.LargeBinary, comment="encrypted"),
    sa.Column("answer", sa.LargeBinary, comment="encrypted; null until there is one"),
    sa.Column("written_at", INSTANT, nullable=False, comment="wall time, of the last word"),
    sa.Index("dispute_notes_written", "written_at"),
    comment="Plumbing: what people wrote about a dispute; in no event, and deleted in its time",
)

STATE = (
    agreements,
    agents,
    managements,
    incentive_reviews,
    incentive_runs,
    incentive_lines,
    incentive_entries,
    incentive_statements,
    wadah_entries,
    wadah_statements,
    incentive_disputes,
)
