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
from contracts.events.partners import Conditions, PartnerSecretRotated, PartnerTermsChanged
from contracts.values import WIB
from services.payments.domain import partners as deciders
from services.payments.domain.partners import PARTNER_RULES, CannotChange, LiveSecret, Partner, StillLives, evolve
from services.payments.partner_rows import load_secrets
from services.payments.problems import (
    CONDITIONS_IN_USE,
    OLD_STILL_LIVES,
    OVERLAP_OUT_OF_RANGE,
    PARTNER_DISABLED,
    PARTNER_EXISTS,
    SECRET_NOT_NEWEST,
    when,
)
from services.payments.queries import agreed
from services.payments.tables import partner_secrets

STREAM = "partners"
_REFUSALS = {
    CannotChange.EXISTS: Rejected(PARTNER_EXISTS),
    CannotChange.UNKNOWN: Rejected(NOT_FOUND),
    CannotChange.DISABLED: Rejected(PARTNER_DISABLED),
    CannotChange.OVERLAP: Rejected(OVERLAP_OUT_OF_RANGE, field="old_until"),
    CannotChange.PAST: Rejected(CONDITIONS_IN_USE, field="valid_from"),
    CannotChange.NOT_NEWEST: Rejected(SECRET_NOT_NEWEST, field="instead_of"),
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
    instead_of: UUID | None
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


Kept = dict[str, tuple[LiveSecret, ...]]
"""The live secrets of the partners whose secrets this batch changes."""


@dataclass(frozen=True, slots=True)
class ChangePartners:
    """The use case; `changed` is called after each commit that changed a partner."""

    changed: Callable[[], None]
    __name__ = "change_partners"

    async def __call__(self, tx: Tx, items: Sequence[ChangePartner], /) -> list[Accepted | Rejected]:
        await tx.heads(STREAM, {item.partner for item in items})
        known = await agreed.partners(tx.conn)
        kept = await load_secrets(tx.conn, {item.partner for item in items if isinstance(item, RotateSecret)})
        outcomes = [_one(tx, known, kept, item) for item in items]
        tx.after_commit(self.changed)
        return outcomes


def _one(tx: Tx, known: dict[str, Partner], kept: Kept, item: ChangePartner) -> Accepted | Rejected:
    decided = _decide(tx, known, kept, item)
    if isinstance(decided, CannotChange):
        return _REFUSALS[decided]
    if isinstance(decided, StillLives):
        return Rejected(OLD_STILL_LIVES, field="old_until", values={"until": when(decided.until)})
    if decided is not None:
        tx.record(decided, key=item.partner, meta=item.meta, scope=Scope(), rules=PARTNER_RULES)
        known[item.partner] = evolve(known.get(item.partner), decided)
        _keep_secret(tx, kept, item, decided)
    return Accepted(_told(item), 201 if isinstance(item, EnablePartner) else 200)


def _decide(
    tx: Tx, known: dict[str, Partner], kept: Kept, item: ChangePartner
) -> Event | CannotChange | StillLives | None:
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
            before, new = kept.get(item.partner, ()), item.secret.secret_id
            return deciders.rotate_secret(partner, before, new, item.old_until, tx.wall, instead_of=item.instead_of)
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


def _keep_secret(tx: Tx, kept: Kept, item: ChangePartner, decided: Event) -> None:
    """The rows follow the decision: a new secret, the one before it with its end, and none beside."""
    if isinstance(item, EnablePartner):
        left: tuple[LiveSecret, ...] = (LiveSecret(item.secret.secret_id),)
    elif isinstance(item, RotateSecret) and isinstance(decided, PartnerSecretRotated):
        left = deciders.succeeded(kept.get(item.partner, ()), decided, instead_of=item.instead_of)
    else:
        return
    kept[item.partner] = left
    of_partner = partner_secrets.c.partner == item.partner
    *old, new = left
    row = {
        "partner": item.partner,
        "secret_id": new.secret_id,
        "secret": item.secret.sealed,
        "since": tx.wall,
        "until": None,
    }

    async def store(conn: AsyncConnection) -> None:
        await conn.execute(
            sa.delete(partner_secrets).where(
                of_partner, partner_secrets.c.secret_id.not_in([one.secret_id for one in old])
            )
        )
        for one in old:  # one at most
            of_one = sa.and_(of_partner, partner_secrets.c.secret_id == one.secret_id)
            await conn.execute(sa.update(partner_secrets).where(of_one).values(until=one.until))
        await rows.insert(conn, partner_secrets, [row])

    tx.defer(store)
