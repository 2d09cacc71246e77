"""How money that went astray lies in its tables: the one place that turns those rows into the domain's state and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from contracts.events.astray import Action, PayeeKind, TransferPurpose
from contracts.values import PayeeAccountId
from services.payments.domain.orders import Order, OrderStatus
from services.payments.domain.payees import Payee
from services.payments.domain.proposals import WITHDRAW, Proposal, ProposalStatus
from services.payments.domain.refunds import Refund
from services.payments.domain.suspense import Case

Row = Mapping[Any, Any]


def case_of(row: Row) -> Case:
    """The case of a row of `suspense`."""
    return Case(**{name: row[name] for name in Case._fields})


def case_row(case: Case, branch_id: UUID | None) -> dict[str, Any]:
    """The whole row of `suspense`."""
    return case._asdict() | {"branch_id": branch_id}


def proposal_of(row: Row) -> Proposal:
    """The proposal of a row of `proposals`."""
    found = {name: row[name] for name in Proposal._fields}
    action = WITHDRAW if row["action"] == WITHDRAW else Action(row["action"])
    return Proposal(**found | {"action": action, "status": ProposalStatus(row["status"])})


def proposal_row(proposal: Proposal, branch_id: UUID | None) -> dict[str, Any]:
    """The whole row of `proposals`."""
    told = {"action": str(proposal.action), "status": str(proposal.status)}
    return proposal._asdict() | told | {"branch_id": branch_id}


def payee_of(row: Row) -> Payee:
    """The account of a row of `payee_accounts`, without number and holder."""
    found = {name: row[name] for name in Payee._fields}
    return Payee(
        **found | {"kind": PayeeKind(row["kind"]), "payee_account_id": PayeeAccountId(row["payee_account_id"])}
    )


def order_of(row: Row) -> Order:
    """The order of a row of `transfer_orders`."""
    found = {name: row[name] for name in Order._fields}
    return Order(**found | {"purpose": TransferPurpose(row["purpose"]), "status": OrderStatus(row["status"])})


def refund_of(row: Row) -> Refund:
    """The refund of a row of `refunds`."""
    return Refund(row["payment_id"], row["participant_id"], row["amount"])
