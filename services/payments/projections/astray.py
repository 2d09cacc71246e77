"""Suspense, proposals, payee accounts, transfer orders and refunds: rows loaded by key, folded with the domain's `evolve`, written back whole."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.privacy.vault import Vault
from chassis.transaction import Recorded
from contracts.events.astray import (
    BalanceWithdrawalProposed,
    CaseTaken,
    ContributionRefunded,
    OtherPayeeAccountRecorded,
    PayeeAccountRecorded,
    PayeeAccountRetired,
    PayeeAccountVerified,
    PaymentAssigned,
    PaymentCredited,
    PaymentMatched,
    PaymentReturned,
    PaymentReturnFailed,
    PaymentVoided,
    ProposalApproved,
    ProposalMade,
    ProposalRefused,
    ProposalWithdrawn,
    TransferConfirmed,
    TransferFailed,
    TransferOrdered,
)
from contracts.events.contributions import CreditReleased, PaymentUnmatched
from contracts.events.erasure import PayeeAccountForgotten
from services.payments import tables
from services.payments.domain import payees
from services.payments.domain import proposals as proposing
from services.payments.domain import suspense as waiting
from services.payments.shelves import case_of, case_row, proposal_of, proposal_row
from services.payments.store import charges_json

_OF_SUSPENSE = frozenset(
    {
        PaymentUnmatched,
        CaseTaken,
        PaymentMatched,
        PaymentCredited,
        PaymentReturned,
        PaymentReturnFailed,
        PaymentAssigned,
        PaymentVoided,
    }
)
_OF_PROPOSALS = frozenset(
    {ProposalMade, BalanceWithdrawalProposed, ProposalApproved, ProposalRefused, ProposalWithdrawn}
)
_OF_PAYEES = frozenset(
    {PayeeAccountRecorded, OtherPayeeAccountRecorded, PayeeAccountVerified, PayeeAccountRetired, PayeeAccountForgotten}
)
_OWED = frozenset({ContributionRefunded, CreditReleased})
_OF_ORDERS = frozenset({TransferOrdered, TransferConfirmed, TransferFailed})


async def suspense(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    """One row per receipt. Money that comes to suspense a second time, after it was voided, waits anew."""
    events = [r for r in recorded if type(r.event) in _OF_SUSPENSE]
    opened = {r.event.payment_id for r in events if isinstance(r.event, PaymentUnmatched)}
    changed: set[Any] = {getattr(r.event, "payment_id") for r in events} - opened  # noqa: B009 — each of them has one
    found = await _rows(conn, tables.suspense, tables.suspense.c.payment_id, changed)
    kept = {row["payment_id"]: (case_of(row), row["branch_id"]) for row in found}
    for r in events:
        payment_id = getattr(r.event, "payment_id")  # noqa: B009
        before, branch = kept.get(payment_id, (None, r.envelope.branch_id))
        case = waiting.evolve(before, r.event, r.envelope.occurred_at)
        assert case is not None, "money leaves suspense that never was in it"
        kept[payment_id] = (case, branch)
    await rows.upsert(conn, tables.suspense, [case_row(case, branch) for case, branch in kept.values()])


async def proposals(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OF_PROPOSALS]
    made = {UUID(r.envelope.key) for r in events if isinstance(r.event, ProposalMade | BalanceWithdrawalProposed)}
    changed = {UUID(r.envelope.key) for r in events} - made
    found = await _rows(conn, tables.proposals, tables.proposals.c.proposal_id, changed)
    kept = {row["proposal_id"]: (proposal_of(row), row["branch_id"]) for row in found}
    for r in events:
        before, branch = kept.get(UUID(r.envelope.key), (None, r.envelope.branch_id))
        proposal = proposing.evolve(before, r.event, r.envelope.occurred_at)
        assert proposal is not None
        kept[proposal.proposal_id] = (proposal, branch)
    await rows.upsert(conn, tables.proposals, [proposal_row(found, branch) for found, branch in kept.values()])


async def payee_accounts(conn: AsyncConnection, vault: Vault, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OF_PAYEES]
    new = (PayeeAccountRecorded, OtherPayeeAccountRecorded)
    known = {UUID(r.envelope.key) for r in events} - {UUID(r.envelope.key) for r in events if isinstance(r.event, new)}
    found = await _rows(conn, tables.payee_accounts, tables.payee_accounts.c.payee_account_id, known)
    kept: dict[UUID, dict[str, Any]] = {row["payee_account_id"]: dict(row) for row in found}
    for r in events:
        key = UUID(r.envelope.key)
        match r.event:
            case PayeeAccountRecorded() | OtherPayeeAccountRecorded() as event:
                kept[key] = _payee(vault, r, event)
            case PayeeAccountVerified() as event:
                kept[key] |= {"verified_by": event.verified_by, "evidence": event.evidence}
            case PayeeAccountRetired() as event:
                kept[key] |= {"retired_for": event.reason}
            case PayeeAccountForgotten():
                kept[key] |= {"retired_for": kept[key]["retired_for"] or payees.FORGOTTEN, "details": None}
    await rows.upsert(conn, tables.payee_accounts, list(kept.values()))


def _payee(vault: Vault, recorded: Recorded, event: PayeeAccountRecorded | OtherPayeeAccountRecorded) -> dict[str, Any]:
    row = payees.recorded(event)._asdict()
    return row | {
        "kind": str(row["kind"]),
        "details": _details(vault, event),
        "branch_id": recorded.envelope.branch_id,
        "wadah_id": recorded.envelope.wadah_id,
    }


def _details(vault: Vault, event: PayeeAccountRecorded | OtherPayeeAccountRecorded) -> bytes | None:
    if isinstance(event, OtherPayeeAccountRecorded):
        return base64.b64decode(event.box)
    account = event.account.value
    text = None if account is None else account.model_dump_json()
    return seal_details(vault, event.payee_account_id, text)


def seal_details(vault: Vault, payee_account_id: UUID, text: str | None) -> bytes | None:
    """Number and holder as they lie in `payee_accounts.details`."""
    return vault.seal("payee_accounts", "details", payee_account_id, text)


def open_details(vault: Vault, payee_account_id: UUID, box: bytes | None, *, of: UUID | None) -> dict[str, str]:
    """`number` and `holder`; empty once the person is forgotten. `of`: the participant whose account it is, where it is one's."""
    text = vault.open("payee_accounts", "details", payee_account_id, box, of=of)
    found: dict[str, str] = {} if text is None else json.loads(text)
    return found


async def transfer_orders(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OF_ORDERS]
    ordered = {r.event.order_id for r in events if isinstance(r.event, TransferOrdered)}
    known: set[Any] = {getattr(r.event, "order_id") for r in events} - ordered  # noqa: B009
    found = await _rows(conn, tables.transfer_orders, tables.transfer_orders.c.order_id, known)
    kept = {(row["purpose"], row["reference"]): dict(row) for row in found}
    for r in events:
        at = r.envelope.occurred_at
        match r.event:
            case TransferOrdered() as event:
                kept[str(event.purpose), event.reference] = _order(r, event)
            case TransferConfirmed() as event:
                kept[str(event.purpose), event.reference] |= {
                    "status": "CONFIRMED",
                    "closed_at": at,
                    "partner": event.partner,
                    "paid_on": event.paid_on,
                    "evidence": event.evidence,
                }
            case TransferFailed() as event:
                kept[str(event.purpose), event.reference] |= {
                    "status": "FAILED",
                    "closed_at": at,
                    "failed_for": event.reason,
                }
    await rows.upsert(conn, tables.transfer_orders, list(kept.values()))


def _order(recorded: Recorded, event: TransferOrdered) -> dict[str, Any]:
    """A new order takes the row of one that failed."""
    return {
        "purpose": str(event.purpose),
        "reference": event.reference,
        "order_id": event.order_id,
        "payee_account_id": event.payee_account_id,
        "amount": event.amount,
        "account": event.account,
        "payment_id": event.payment_id,
        "participant_id": event.participant_id,
        "status": "ORDERED",
        "ordered_at": recorded.envelope.occurred_at,
        "closed_at": None,
        "partner": None,
        "paid_on": None,
        "evidence": None,
        "failed_for": None,
        "branch_id": recorded.envelope.branch_id,
        "wadah_id": recorded.envelope.wadah_id,
    }


async def refunds(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    """What is owed to participants: months of a payment, or credit that was left."""
    events = [r for r in recorded if type(r.event) in _OWED]
    new = [
        {
            "payment_id": event.payment_id,
            "participant_id": event.participant_id,
            "amount": event.amount,
            "months": charges_json(event.months if isinstance(event, ContributionRefunded) else ()),
            "reason": event.reason,
            "since": r.envelope.occurred_at,
            "branch_id": r.envelope.branch_id,
        }
        for r in events
        if isinstance(event := r.event, ContributionRefunded | CreditReleased)
    ]
    await rows.insert(conn, tables.refunds, new)


async def _rows(
    conn: AsyncConnection, table: sa.Table, column: sa.Column[Any], keys: set[Any]
) -> Sequence[sa.RowMapping]:
    """The rows of these keys; no statement when there are none."""
    if not keys:
        return ()
    return (await conn.execute(sa.select(table).where(rows.matching(column, keys)))).mappings().all()
