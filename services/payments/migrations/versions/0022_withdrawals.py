"""Withdrawals of agents' balances: a proposal names the agent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

COMMENTS = {
    "proposals": "ProposalMade, BalanceWithdrawalProposed, ProposalApproved, ProposalRefused, ProposalWithdrawn",
    "agent_balances": "AgentBalanceOpened, AgentBalanceDeposited, AgentBalanceCharged, AgentBalanceWithdrawn, AgentBalanceRestored",
    "agent_balance_lines": "AgentBalanceDeposited, AgentBalanceCharged, AgentBalanceWithdrawn, AgentBalanceRestored; insert-only",
}


def upgrade() -> None:
    op.add_column(
        "proposals",
        sa.Column("agent_id", sa.UUID(), comment="whose balance is to be withdrawn from; null for any other"),
    )
    op.alter_column(
        "agent_balance_lines", "participant_id", comment="whose first payment was taken; null for any other"
    )
    for table, comment in COMMENTS.items():
        op.create_table_comment(table, comment)
