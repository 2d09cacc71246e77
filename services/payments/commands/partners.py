"""What is changed about partners. A client secret goes into the vault with the event that brings it, and is never read back but to check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.partners import Conditions, PartnerTermsChanged
from contracts.values import WIB
from services.payments.domain import partners as deciders
from services.payments.domain.partners import PARTNER_RULES, CannotChange, Partner, evolve
from services.payments.problems import CONDITIONS_IN_USE, OVERLAP_OUT_OF_RANGE, PARTNER_DISABLED, PARTNER_EXISTS
from services.payments.queries import agreed
from services.payments.tables import partner_secrets

STREAM = "partners"
_REFUSALS = {
    CannotChange.EXISTS: Rejected(PARTNER_EXISTS),
    CannotChange.UNKNOWN: Rejected(NOT_FOUND),
    CannotChange.DISABLED: Rejected(PARTNER_DISABLED),
    CannotChange.OVERLAP: Rejected(OVERLAP_OUT_OF_RANGE, field="old_until"),
    CannotChange.PAST: Rejected(CONDITIONS_IN_USE, field="valid_from"),
}


@dataclass(frozen=True, slots=True)
class Secret:
    """`sealed` is encrypted for its row already; `secret_id` tells the caller whether it was this one that was stored."""

    secret_id: UUID
    sealed: bytes


@dataclass(frozen=True, slots=True)
class EnablePartner:
    wanted: Partner
    secret: Secret
    meta: Meta

    @property
    def partner(self) -> str:
        return self.wanted.partner


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    wanted: PartnerTermsChanged
    meta: Meta

    @property
    def partner(self) -> str:
        return self.wanted.partner


@dataclass(frozen=True, slots=True)
class AgreeConditions:
    partner: str
    valid_from: date
    conditions: Conditions
    meta: Meta


@dataclass(frozen=True, slots=True)
class RotateKeys:
    partner: str
    public_keys: tuple[str, ...]
    old_until: datetime | None
    meta: Meta


@dataclass(frozen=True, slots=True)
class RotateSecret:
    partner: str
    secret: Secret
    old_until: datetime | None
    meta: Meta


@dataclass(frozen=True, slots=True)
class DisablePartner:
    partner: str
    reason: str
    meta: Meta


@dataclass(frozen=True, slots=True)
class ReenablePartner:
    partner: str
    meta: Meta


ChangePartner = (
    EnablePartner | ChangeTerms | AgreeConditions | RotateKeys | RotateSecret | DisablePartner | ReenablePartner
)


@dataclass(frozen=True, slots=True)
class ChangePartners:
    """The use case; `changed` is called after each commit that changed a partner."""

    changed: Callable[[], None]
    __name__ = "change_partners"

    async def __call__(self, tx: Tx, items: Sequence[ChangePartner], /) -> list[Accepted | Rejected]:
        await tx.heads(STREAM, {item.partner for item in items})
        known = await agreed.partners(tx.conn)
        outcomes = [_one(tx, known, item) for item in items]
        tx.after_commit(self.changed)
        return outcomes


def _one(tx: Tx, known: dict[str, Partner], item: ChangePartner) -> Accepted | Rejected:
    decided = _decide(tx, known, item)
    if isinstance(decided, CannotChange):
        return _REFUSALS[decided]
    if decided is not None:
        tx.record(decided, key=item.partner, meta=item.meta, scope=Scope(), rules=PARTNER_RULES)
        known[item.partner] = evolve(known.get(item.partner), decided)
        _keep_secret(tx, item)
    return Accepted(_told(item), 201 if isinstance(item, EnablePartner) else 200)


def _decide(tx: Tx, known: dict[str, Partner], item: ChangePartner) -> Event | CannotChange | None:
    partner = known.get(item.partner)
    match item:
        case EnablePartner():
            return deciders.enable(known.values(), item.wanted)
        case ChangeTerms():
            return deciders.change_terms(partner, item.wanted)
        case AgreeConditions():
            return deciders.agree(partner, item.valid_from, item.conditions, tx.now.astimezone(WIB).date())
        case RotateKeys():
            return deciders.rotate(partner, item.public_keys, item.old_until, tx.wall)
        case RotateSecret():
            return deciders.rotate_secret(partner, item.secret.secret_id, item.old_until, tx.wall)
        case DisablePartner():
            return deciders.disable(partner, item.reason)
        case ReenablePartner():
            return deciders.reenable(partner)


def _told(item: ChangePartner) -> dict[str, Any]:
    body = {"partner": item.partner}
    if isinstance(item, EnablePartner):
        body["client_key"] = item.wanted.client_key
    if isinstance(item, EnablePartner | RotateSecret):
        body["secret_id"] = str(item.secret.secret_id)
    return body


def _keep_secret(tx: Tx, item: ChangePartner) -> None:
    """Beside a new secret the newest of before lives on until its time; every older one is deleted."""
    if not isinstance(item, EnablePartner | RotateSecret):
        return
    until = item.old_until if isinstance(item, RotateSecret) else None
    of_partner = partner_secrets.c.partner == item.partner
    row = {
        "partner": item.partner,
        "secret_id": item.secret.secret_id,
        "secret": item.secret.sealed,
        "since": tx.wall,
        "until": None,
    }

    async def store(conn: AsyncConnection) -> None:
        dead = of_partner if until is None else sa.and_(of_partner, partner_secrets.c.until.is_not(None))
        await conn.execute(sa.delete(partner_secrets).where(dead))
        if until is not None:
            await conn.execute(sa.update(partner_secrets).where(of_partner).values(until=until))
        await rows.insert(conn, partner_secrets, [row])

    tx.defer(store)
