"""The only writer of state tables: own events in, rows out, set-based, the same live and in replay.

Payers and bills are loaded, folded with `domain.payer.evolve`, and written back whole; what a batch only adds is written without loading it.
Payments, suspense and the ledger are written straight from their events. Every table but `transfers` and `balances` is fed by one stream,
and those two only grow, so the order of keys is free.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, get_args
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.privacy.vault import Vault
from chassis.transaction import Projection, Recorded, Scope
from contracts.event import Event
from contracts.events.contributions import (
    BillCancelled,
    BillExpired,
    ContributionBilled,
    ContributionPaid,
    ContributionReversed,
    PartnerDisabled,
    PartnerEnabled,
    PartnerKeyRotated,
    PayerAdded,
    PaymentUnmatched,
)
from contracts.values import BillId, ParticipantId, PaymentId
from services.payments import tables
from services.payments.domain.ledger import transfers
from services.payments.domain.payer import added, evolve, issued
from services.payments.store import Kept, bill_row, charges_json, is_one_of, load_payers, payer_row

OfPayer = PayerAdded | ContributionBilled | BillExpired | BillCancelled | ContributionPaid | ContributionReversed
_OF_PAYER = frozenset(get_args(OfPayer))
_ADDS = frozenset({PayerAdded, ContributionBilled})
_CHANGES_PAYER = (PayerAdded, ContributionPaid, ContributionReversed)
_MOVES_MONEY = frozenset({ContributionPaid, ContributionReversed, PaymentUnmatched})
_OF_PARTNER = frozenset({PartnerEnabled, PartnerKeyRotated, PartnerDisabled})

NO_BRANCH = UUID(int=0)
"""Money whose payer is not known stands in no branch's books."""


def projection(vault: Vault) -> Projection:
    """The projection of payments; `vault` encrypts the names it stores."""

    async def project(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
        # by exact class: asking a pydantic class whether something is its instance costs 0.12 µs, and there are many
        await _payers_and_bills(conn, vault, [r for r in events if type(r.event) in _OF_PAYER])
        money = [r for r in events if type(r.event) in _MOVES_MONEY]
        if money:
            await _payments(conn, money)
            await _suspense(conn, money)
            await _ledger(conn, money)
        await _partners(conn, [r for r in events if type(r.event) in _OF_PARTNER])

    return project


async def _payers_and_bills(conn: AsyncConnection, vault: Vault, events: Sequence[Recorded]) -> None:
    changed = {r.event.participant_id for r in events if not _adds(r.event) and isinstance(r.event, OfPayer)}
    fresh = [r for r in events if _adds(r.event) and r.event.participant_id not in changed]
    folded = await _fold(
        conn,
        vault,
        [r for r in events if changed and isinstance(r.event, OfPayer) and r.event.participant_id in changed],
    )
    await rows.insert(conn, tables.payers, _added_payers(vault, fresh))
    await rows.insert(conn, tables.bills, _issued_bills(fresh))
    await rows.upsert(conn, tables.payers, folded.payers)
    await rows.upsert(conn, tables.bills, folded.bills)


def _adds(event: Event) -> TypeGuard[PayerAdded | ContributionBilled]:
    """A row that was not there; none that was changes."""
    return type(event) in _ADDS


def _added_payers(vault: Vault, events: Sequence[Recorded]) -> list[dict[str, Any]]:
    return [payer_row(_added(vault, r, r.event)) for r in events if isinstance(r.event, PayerAdded)]


def _issued_bills(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    return [
        bill_row(r.event.participant_id, issued(r.event, r.envelope.occurred_at), r.envelope.rules)
        for r in events
        if isinstance(r.event, ContributionBilled)
    ]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Whole rows of `payers` and `bills`."""

    payers: list[dict[str, Any]]
    bills: list[dict[str, Any]]


async def _fold(conn: AsyncConnection, vault: Vault, events: Sequence[Recorded]) -> _Rows:
    """All events of payers of whom something changes that may lie in the tables."""
    kept = await _load(conn, events)
    changed_payers: set[ParticipantId] = set()
    changed_bills: dict[BillId, ParticipantId] = {}
    for recorded in events:
        event = recorded.event
        assert isinstance(event, OfPayer)
        kept[event.participant_id] = _folded(vault, kept.get(event.participant_id), recorded, event)
        if not isinstance(event, PayerAdded):
            changed_bills[event.bill_id] = event.participant_id
        if isinstance(event, _CHANGES_PAYER):
            changed_payers.add(event.participant_id)
    return _Rows(
        [payer_row(kept[payer]) for payer in changed_payers],
        [
            bill_row(payer, kept[payer].payer.bills[bill], kept[payer].rules[bill])
            for bill, payer in changed_bills.items()
        ],
    )


async def _load(conn: AsyncConnection, events: Sequence[Recorded]) -> dict[ParticipantId, Kept]:
    """What the events change and did not make themselves: payers, each with the bills that are named."""
    made = {r.event.participant_id for r in events if isinstance(r.event, PayerAdded)}
    payers = {r.event.participant_id for r in events if isinstance(r.event, OfPayer)} - made
    if not payers:
        return {}
    named = {r.event.bill_id for r in events if isinstance(r.event, OfPayer) and not isinstance(r.event, PayerAdded)}
    return await load_payers(conn, is_one_of(payers), rows.matching(tables.bills.c.bill_id, named))


def _folded(vault: Vault, kept: Kept | None, recorded: Recorded, event: OfPayer) -> Kept:
    if isinstance(event, PayerAdded):
        return _added(vault, recorded, event)
    assert kept is not None
    payer = evolve(kept.payer, event, recorded.envelope.occurred_at)
    assert payer is not None
    if isinstance(event, ContributionBilled):
        return kept._replace(payer=payer, rules={**kept.rules, event.bill_id: recorded.envelope.rules})
    return kept._replace(payer=payer)


def _added(vault: Vault, recorded: Recorded, event: PayerAdded) -> Kept:
    payer = added(event)
    copy = event.payer.value
    name = vault.seal("payers", "name", event.participant_id, copy.name if copy else None)
    envelope = recorded.envelope
    scope = Scope(envelope.branch_id, envelope.wadah_id, envelope.agent_id)
    return Kept(payer, name, copy.nik_hash if copy else None, scope)


async def _payments(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    posted = {r.event.payment_id: _payment(r.event) for r in events if isinstance(r.event, ContributionPaid)}
    taken_back = {r.event.payment_id: r.event.reason for r in events if isinstance(r.event, ContributionReversed)}
    earlier: dict[PaymentId, dict[str, Any]] = {}
    if known := taken_back.keys() - posted.keys():
        query = sa.select(tables.payments).where(rows.matching(tables.payments.c.payment_id, known))
        earlier = {row["payment_id"]: dict(row) for row in (await conn.execute(query)).mappings()}
    order = ("partner", "channel_reference")
    await rows.insert(conn, tables.payments, _with_reasons(posted, taken_back), order=order)
    await rows.upsert(conn, tables.payments, _with_reasons(earlier, taken_back), order=order)


def _with_reasons(
    found: Mapping[PaymentId, dict[str, Any]], taken_back: Mapping[PaymentId, str]
) -> list[dict[str, Any]]:
    return [row | {"reversed_for": taken_back.get(payment_id)} for payment_id, row in found.items()]


def _payment(event: ContributionPaid) -> dict[str, Any]:
    return {
        "payment_id": event.payment_id,
        "partner": event.partner,
        "channel_reference": event.channel_reference,
        "channel": event.channel,
        "participant_id": event.participant_id,
        "bill_id": event.bill_id,
        "kind": str(event.kind),
        "amount": event.amount,
        "months": charges_json(event.months),
        "effective_at": event.effective_at,
        "posted_at": event.posted_at,
        "reversed_for": None,
    }


async def _suspense(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    found = [
        {
            "partner": event.partner,
            "channel_reference": event.channel_reference,
            "payment_id": event.payment_id,
            "bill_id": event.bill_id,
            "channel": event.channel,
            "participant_id": event.participant_id,
            "amount": event.amount,
            "reason": event.reason,
            "effective_at": event.effective_at,
            "since": recorded.envelope.occurred_at,
            "branch_id": recorded.envelope.branch_id,
        }
        for recorded in events
        if isinstance(event := recorded.event, PaymentUnmatched)
    ]
    await rows.upsert(conn, tables.suspense, found)


async def _ledger(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    lines: list[dict[str, Any]] = [
        {
            "event_id": recorded.envelope.event_id,
            "line": line,
            "debit": transfer.debit,
            "credit": transfer.credit,
            "amount": transfer.amount,
            "payment_id": transfer.payment_id,
            "participant_id": transfer.participant_id,
            "month": None if transfer.month is None else str(transfer.month),
            "branch_id": recorded.envelope.branch_id or NO_BRANCH,
            "occurred_at": recorded.envelope.occurred_at,
        }
        for recorded in events
        for line, transfer in enumerate(transfers(recorded.event), start=1)
    ]
    await rows.insert(conn, tables.transfers, lines)
    moved: defaultdict[tuple[str, UUID], list[int]] = defaultdict(lambda: [0, 0])
    for row in lines:
        moved[row["debit"], row["branch_id"]][0] += row["amount"]
        moved[row["credit"], row["branch_id"]][1] += row["amount"]
    sums = [
        {"account": account, "branch_id": branch, "debit": debit, "credit": credit}
        for (account, branch), (debit, credit) in moved.items()
    ]
    await rows.add(conn, tables.balances, sums, columns=("debit", "credit"))


async def _partners(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    changed = {r.envelope.key for r in events if not isinstance(r.event, PartnerEnabled)}
    found: dict[str, dict[str, Any]] = {}
    if changed:
        query = sa.select(tables.partners).where(rows.matching(tables.partners.c.partner, changed))
        found = {row["partner"]: dict(row) for row in (await conn.execute(query)).mappings()}
    for recorded in events:
        match recorded.event:
            case PartnerEnabled() as event:
                found[event.partner] = _partner(event)
            case PartnerKeyRotated() as event:
                found[event.partner] |= {"public_keys": list(event.public_keys)}
            case PartnerDisabled() as event:
                found[event.partner] |= {"disabled_for": event.reason}
    await rows.upsert(conn, tables.partners, list(found.values()), order=("client_key",))


def _partner(event: PartnerEnabled) -> dict[str, Any]:
    return {
        "partner": event.partner,
        "name": event.name,
        "client_key": event.client_key,
        "partner_ids": list(event.partner_ids),
        "va_prefixes": list(event.va_prefixes),
        "public_keys": list(event.public_keys),
        "signature_mode": str(event.signature_mode),
        "repeat_profile": str(event.repeat_profile),
        "strictness": event.strictness.model_dump(mode="json"),
        "disabled_for": None,
    }
