"""What two people decide about money: proposals, accounts that money may go to, orders to send it, months that are given back."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.payments.tables.base import INSTANT, metadata

proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("proposal_id", UUID, primary_key=True),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("payment_id", UUID, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text),
    sa.Column("participant_id", UUID),
    sa.Column("bill_id", UUID),
    sa.Column("account", sa.Text),
    sa.Column("payee_account_id", UUID),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made_at", INSTANT, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", INSTANT),
    sa.Column("decision", sa.Text, comment="why it was refused"),
    sa.Column("branch_id", UUID, comment="whose head decides; null: any"),
    sa.Column("agent_id", UUID, comment="whose balance is to be withdrawn from; null for any other"),
    sa.Index("proposals_pending", "made_at", postgresql_where=sa.text("status = 'PENDING'")),
    sa.Index("proposals_of_payment", "payment_id"),
    comment="ProposalMade, BalanceWithdrawalProposed, ProposalApproved, ProposalRefused, ProposalWithdrawn",
)

payee_accounts = sa.Table(
    "payee_accounts",
    metadata,
    sa.Column("payee_account_id", UUID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("owner_id", UUID, comment="the participant or the Wadah; null for an unknown payer"),
    sa.Column("bank_code", sa.Text, nullable=False),
    sa.Column("details", sa.LargeBinary, comment="number and holder, encrypted; null once the person is forgotten"),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("verified_by", sa.Text),
    sa.Column("evidence", sa.Text),
    sa.Column("retired_for", sa.Text),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Index("payee_accounts_of_owner", "owner_id"),
    comment="PayeeAccountRecorded, OtherPayeeAccountRecorded, PayeeAccountVerified, PayeeAccountRetired, PayeeAccountForgotten",
)

transfer_orders = sa.Table(
    "transfer_orders",
    metadata,
    sa.Column("purpose", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True),
    sa.Column("order_id", UUID, nullable=False, comment="of the last order for this purpose and reference"),
    sa.Column("payee_account_id", UUID, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("account", sa.Text, nullable=False, comment="the account of the ledger that owes it"),
    sa.Column("payment_id", UUID),
    sa.Column("participant_id", UUID),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("ordered_at", INSTANT, nullable=False),
    sa.Column("closed_at", INSTANT),
    sa.Column("partner", sa.Text, comment="the bank it was paid from"),
    sa.Column("paid_on", sa.Date),
    sa.Column("evidence", sa.Text),
    sa.Column("failed_for", sa.Text),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Index("transfer_orders_id", "order_id", unique=True),
    sa.Index("transfer_orders_waiting", "ordered_at", postgresql_where=sa.text("status = 'ORDERED'")),
    comment="TransferOrdered, TransferConfirmed, TransferFailed",
)

refunds = sa.Table(
    "refunds",
    metadata,
    sa.Column("payment_id", UUID, primary_key=True, comment="of the payment; its own where credit was left"),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("months", JSONB, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", INSTANT, nullable=False),
    sa.Column("branch_id", UUID),
    sa.Index("refunds_of_payer", "participant_id"),
    comment="ContributionRefunded, CreditReleased",
)

STATE = (proposals, payee_accounts, transfer_orders, refunds)
