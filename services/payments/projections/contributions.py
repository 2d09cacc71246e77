"""Payers and bills: loaded, folded with `domain.payer.evolve`, written back whole; what a batch only adds is written without loading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, get_args

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.privacy.vault import Vault
from chassis.transaction import Recorded, Scope
from contracts.event import Event
from contracts.events.astray import ContributionRefunded, PayerClosed
from contracts.events.contributions import (
    BillCancelled,
    BillExpired,
    BillNumbered,
    ContributionBilled,
    ContributionPaid,
    ContributionReversed,
    CreditAdded,
    CreditGranted,
    CreditReleased,
    CreditWithdrawn,
    PayerAdded,
    PayerCorrected,
)
from contracts.events.erasure import PayerForgotten
from contracts.events.incentives import ManagerChanged
from contracts.values import BillId, ParticipantId
from services.payments import tables
from services.payments.domain.payer import added, evolve, issued
from services.payments.store import Kept, added_row, bill_row, is_one_of, load_payers, payer_row

OfBill = ContributionBilled | BillNumbered | BillExpired | BillCancelled | ContributionPaid | ContributionReversed
"""Name a bill, which they change."""
OfCredit = CreditGranted | CreditWithdrawn | CreditAdded | CreditReleased
OfPayer = OfBill | OfCredit | PayerAdded | PayerCorrected | PayerClosed | PayerForgotten | ContributionRefunded
_OF_PAYER = frozenset(get_args(OfPayer))
_ADDS = frozenset({PayerAdded, ContributionBilled})
_OF_BILL = frozenset(get_args(OfBill))
_CHANGES_PAYER = frozenset(
    {
        PayerCorrected,
        PayerClosed,
        PayerForgotten,
        ContributionPaid,
        ContributionReversed,
        ContributionRefunded,
        *get_args(OfCredit),
    }
)
_MANAGED = sa.text(
    "UPDATE payers SET agent_id = noted.agent_id, wadah_id = noted.wadah_id"
    " FROM unnest(CAST(:participants AS uuid[]), CAST(:agents AS uuid[]), CAST(:wadah AS uuid[]))"
    " AS noted(participant_id, agent_id, wadah_id)"
    " WHERE payers.participant_id = noted.participant_id AND payers.agent_id IS DISTINCT FROM noted.agent_id"
)
"""An agent is of one Wadah, so a reactivation under the same agent changes nothing."""


async def payers_and_bills(conn: AsyncConnection, vault: Vault, recorded: Sequence[Recorded]) -> None:
    # by exact class: asking a pydantic class whether something is its instance costs 0.12 µs, and there are many
    events = [(r, event) for r in recorded if _is_of_payer(event := r.event)]
    changed = {event.participant_id for _, event in events if type(event) not in _ADDS}
    fresh = [r for r, event in events if event.participant_id not in changed]
    folded = await _fold(conn, vault, [(r, event) for r, event in events if event.participant_id in changed])
    await rows.insert(conn, tables.payers, [*_added_payers(vault, fresh), *folded.new_payers])
    await rows.insert(conn, tables.bills, _issued_bills(fresh))
    await rows.upsert(conn, tables.payers, folded.payers)
    await rows.upsert(conn, tables.bills, folded.bills)
    await _managers(conn, recorded)


async def _managers(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    """Who manages a payer sees and bills him from the decision on; nothing else of the row is touched, so no fold of it races with this."""
    latest = {event.participant_id: event for r in recorded if type(event := r.event) is ManagerChanged}
    if latest:
        noted = [latest[participant_id] for participant_id in sorted(latest)]
        bound = {
            "participants": [event.participant_id for event in noted],
            "agents": [event.agent_id for event in noted],
            "wadah": [event.wadah_id for event in noted],
        }
        await conn.execute(_MANAGED, bound)


def _is_of_payer(event: Event) -> TypeGuard[OfPayer]:
    return type(event) in _OF_PAYER


def _is_of_bill(event: Event) -> TypeGuard[OfBill]:
    return type(event) in _OF_BILL


def _added_payers(vault: Vault, events: Sequence[Recorded]) -> list[dict[str, Any]]:
    return [added_row(_added(vault, r, r.event)) for r in events if isinstance(r.event, PayerAdded)]


def _issued_bills(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    return [
        bill_row(r.event.participant_id, issued(r.event, r.envelope.occurred_at), r.envelope.rules)
        for r in events
        if isinstance(r.event, ContributionBilled)
    ]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Whole rows of `payers` and `bills`; new payers are not in the tables yet."""

    new_payers: list[dict[str, Any]]
    payers: list[dict[str, Any]]
    bills: list[dict[str, Any]]


async def _fold(conn: AsyncConnection, vault: Vault, events: Sequence[tuple[Recorded, OfPayer]]) -> _Rows:
    """All events of payers of whom something changes. Whom this batch adds is written once, as he is in the end."""
    kept = await _load(conn, events)
    changed_payers: set[ParticipantId] = set()
    changed_bills: dict[BillId, ParticipantId] = {}
    for recorded, event in events:
        kept[event.participant_id] = _folded(vault, kept.get(event.participant_id), recorded, event)
        if _is_of_bill(event):
            changed_bills[event.bill_id] = event.participant_id
        if type(event) in _CHANGES_PAYER:
            changed_payers.add(event.participant_id)
    new_payers = {event.participant_id for _, event in events if type(event) is PayerAdded}
    return _Rows(
        [added_row(kept[payer]) for payer in new_payers],
        [payer_row(kept[payer]) for payer in changed_payers - new_payers],
        [
            bill_row(payer, kept[payer].payer.bills[bill], kept[payer].rules[bill])
            for bill, payer in changed_bills.items()
        ],
    )


async def _load(conn: AsyncConnection, events: Sequence[tuple[Recorded, OfPayer]]) -> dict[ParticipantId, Kept]:
    """What the events change and did not make themselves: payers, each with the bills that are named."""
    made = {event.participant_id for _, event in events if type(event) is PayerAdded}
    payers = {event.participant_id for _, event in events} - made
    if not payers:
        return {}
    named = {event.bill_id for _, event in events if _is_of_bill(event)}
    return await load_payers(conn, is_one_of(payers), rows.matching(tables.bills.c.bill_id, named))


def _folded(vault: Vault, kept: Kept | None, recorded: Recorded, event: OfPayer) -> Kept:
    if isinstance(event, PayerAdded):
        return _added(vault, recorded, event)
    assert kept is not None
    payer = evolve(kept.payer, event, recorded.envelope.occurred_at)
    assert payer is not None
    if isinstance(event, ContributionBilled):
        return kept._replace(payer=payer, rules={**kept.rules, event.bill_id: recorded.envelope.rules})
    if isinstance(event, PayerForgotten):
        return kept._replace(payer=payer, name=None, nik_hash=None)
    return kept._replace(payer=payer)


def _added(vault: Vault, recorded: Recorded, event: PayerAdded) -> Kept:
    payer = added(event)
    copy = event.payer.value
    name = vault.seal("payers", "name", event.participant_id, copy.name if copy else None)
    envelope = recorded.envelope
    scope = Scope(envelope.branch_id, envelope.wadah_id, envelope.agent_id)
    return Kept(payer, name, copy.nik_hash if copy else None, scope)
