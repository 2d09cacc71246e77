"""State: a fold of this service's own events, each table fed by the events its comment names; one file per part.

What is not in STATE is plumbing, which is not replayed.
"""

from services.payments.tables import astray, incentives
from services.payments.tables.astray import payee_accounts, proposals, refunds, transfer_orders
from services.payments.tables.base import metadata
from services.payments.tables.contributions import bills, credit_passes, payers
from services.payments.tables.groups import (
    agent_balance_lines,
    agent_balances,
    cash_lines,
    cash_received,
    collective_bills,
    collective_lines,
)
from services.payments.tables.money import balances, payments, receipt_names, suspense, transfers
from services.payments.tables.parameters import parameter_sets
from services.payments.tables.partners import (
    acquirer_credentials,
    acquirers,
    external_ids,
    inquiries,
    partner_secrets,
    partners,
    snap_tokens,
)
from services.payments.tables.qr import qr_codes, qr_questions
from services.payments.tables.settlement import (
    cases,
    settlement_days,
    settlement_differences,
    settlement_files,
    settlement_layouts,
    settlement_lines,
    settlement_parts,
)

STATE = (
    payers,
    bills,
    payments,
    receipt_names,
    suspense,
    transfers,
    balances,
    partners,
    acquirers,
    parameter_sets,
    collective_bills,
    collective_lines,
    agent_balances,
    agent_balance_lines,
    cash_lines,
    cash_received,
    settlement_layouts,
    settlement_files,
    settlement_lines,
    settlement_days,
    settlement_differences,
    cases,
    qr_codes,
    *incentives.STATE,
    *astray.STATE,
)

__all__ = [
    "STATE",
    "acquirer_credentials",
    "acquirers",
    "agent_balance_lines",
    "agent_balances",
    "balances",
    "bills",
    "cases",
    "cash_lines",
    "cash_received",
    "collective_bills",
    "collective_lines",
    "credit_passes",
    "external_ids",
    "inquiries",
    "metadata",
    "parameter_sets",
    "partner_secrets",
    "partners",
    "payee_accounts",
    "payers",
    "payments",
    "proposals",
    "qr_codes",
    "qr_questions",
    "receipt_names",
    "refunds",
    "settlement_days",
    "settlement_differences",
    "settlement_files",
    "settlement_layouts",
    "settlement_lines",
    "settlement_parts",
    "snap_tokens",
    "suspense",
    "transfer_orders",
    "transfers",
]
