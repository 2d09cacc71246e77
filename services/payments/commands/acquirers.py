"""What is changed about acquirers. A private key or secret of ours is sealed beside the event that brings it, and deleted with its use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.acquirers import AcquirerAgreed, AcquirerCredentialProposed
from services.payments.acquirer_rows import load_acquirers
from services.payments.domain import acquirers as deciders
from services.payments.domain.acquirers import Acquirer, CannotSign, Use, evolve
from services.payments.domain.partners import PARTNER_RULES, Partner, StillLives
from services.payments.partner_rows import load_partners
from services.payments.problems import (
    CREDENTIAL_IN_USE,
    CREDENTIAL_NOT_PROPOSED,
    CREDENTIAL_WAITS,
    OLD_STILL_TRIED,
    OVERLAP_OUT_OF_RANGE,
    PARTNER_DISABLED,
    when,
)
from services.payments.tables import acquirer_credentials

STREAM = "acquirers"
_REFUSALS = {
    CannotSign.UNKNOWN: Rejected(NOT_FOUND),
    CannotSign.DISABLED: Rejected(PARTNER_DISABLED),
    CannotSign.WAITS: Rejected(CREDENTIAL_WAITS),
    CannotSign.NOT_PROPOSED: Rejected(CREDENTIAL_NOT_PROPOSED),
    CannotSign.IN_USE: Rejected(CREDENTIAL_IN_USE),
    CannotSign.OVERLAP: Rejected(OVERLAP_OUT_OF_RANGE, field="old_until"),
}


@dataclass(frozen=True, slots=True)
class AgreeAcquirer:
    wanted: AcquirerAgreed
    meta: Meta

    @property
    def partner(self) -> str:
        return self.wanted.partner


@dataclass(frozen=True, slots=True)
class ProposeCredential:
    """`sealed` is encrypted for its row already."""

    wanted: AcquirerCredentialProposed
    sealed: bytes
    meta: Meta

    @property
    def partner(self) -> str:
        return self.wanted.partner


@dataclass(frozen=True, slots=True)
class ActivateCredential:
    partner: str
    credential_id: UUID
    old_until: datetime | None
    meta: Meta


@dataclass(frozen=True, slots=True)
class RetireCredential:
    partner: str
    credential_id: UUID
    meta: Meta


ChangeAcquirer = AgreeAcquirer | ProposeCredential | ActivateCredential | RetireCredential


@dataclass(frozen=True, slots=True)
class ChangeAcquirers:
    """The use case; `changed` is called after each commit that changed an acquirer."""

    changed: Callable[[], None]
    __name__ = "change_acquirers"

    async def __call__(self, tx: Tx, items: Sequence[ChangeAcquirer], /) -> list[Accepted | Rejected]:
        names = {item.partner for item in items}
        await tx.heads(STREAM, names)
        partners, known = await load_partners(tx.conn, names), await load_acquirers(tx.conn, names)
        outcomes = [_one(tx, partners.get(item.partner), known, item) for item in items]
        tx.after_commit(self.changed)
        return outcomes


def _one(tx: Tx, partner: Partner | None, known: dict[str, Acquirer], item: ChangeAcquirer) -> Accepted | Rejected:
    before = known.get(item.partner)
    decided = _decide(tx, partner, before, item)
    if isinstance(decided, CannotSign):
        return _REFUSALS[decided]
    if isinstance(decided, StillLives):
        return Rejected(OLD_STILL_TRIED, field="old_until", values={"until": when(decided.until)})
    if decided is not None:
        tx.record(decided, key=item.partner, meta=item.meta, scope=Scope(), rules=PARTNER_RULES)
        known[item.partner] = evolve(before, decided)
        _keep(tx, item, before, known[item.partner])
    return Accepted(_told(item), 201 if isinstance(item, ProposeCredential) else 200)


def _decide(
    tx: Tx, partner: Partner | None, acquirer: Acquirer | None, item: ChangeAcquirer
) -> Event | CannotSign | StillLives | None:
    match item:
        case AgreeAcquirer():
            return deciders.agree(partner, item.wanted)
        case ProposeCredential():
            return deciders.propose(partner, acquirer, item.wanted)
        case ActivateCredential():
            return deciders.activate(acquirer, item.credential_id, item.old_until, tx.wall)
        case RetireCredential():
            return deciders.retire(acquirer, item.credential_id)


def _told(item: ChangeAcquirer) -> dict[str, Any]:
    match item:
        case ProposeCredential():
            told = {"partner": item.partner, "credential_id": str(item.wanted.credential_id)}
            key = item.wanted.public_key
            return told if key is None else told | {"public_key": key}
        case ActivateCredential() | RetireCredential():
            return {"partner": item.partner, "credential_id": str(item.credential_id)}
    return {"partner": item.partner}


def _keep(tx: Tx, item: ChangeAcquirer, before: Acquirer | None, after: Acquirer) -> None:
    """The sealed rows follow the state: what it names no more is deleted, what is old gets its end."""
    left = {one.credential_id for one in after.credentials}
    gone = [one.credential_id for one in (before.credentials if before else ()) if one.credential_id not in left]
    ending = {one.credential_id: one.until for one in after.credentials if one.use is Use.OLD}
    table = acquirer_credentials

    async def store(conn: AsyncConnection) -> None:
        if gone:
            await conn.execute(sa.delete(table).where(rows.matching(table.c.credential_id, gone)))
        for credential_id, until in ending.items():  # at most one of each kind
            await conn.execute(sa.update(table).where(table.c.credential_id == credential_id).values(until=until))
        if isinstance(item, ProposeCredential):
            row = {"credential_id": item.wanted.credential_id, "sealed": item.sealed, "since": tx.wall, "until": None}
            await rows.insert(conn, table, [row])

    tx.defer(store)
