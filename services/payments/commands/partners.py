"""Enabling, rotating and disabling partners. A client secret goes into the vault with the event that enables its partner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from services.payments.domain.partners import PARTNER_RULES, CannotChange, Partner, disable, enable, rotate
from services.payments.problems import PARTNER_DISABLED, PARTNER_EXISTS
from services.payments.queries import agreed
from services.payments.tables import partner_secrets

STREAM = "partners"
_PROBLEMS = {
    CannotChange.EXISTS: PARTNER_EXISTS,
    CannotChange.UNKNOWN: NOT_FOUND,
    CannotChange.DISABLED: PARTNER_DISABLED,
}


@dataclass(frozen=True, slots=True)
class EnablePartner:
    """`sealed_secret` is encrypted for its row already; `secret_id` tells the caller whether it was this one that was stored."""

    wanted: Partner
    secret_id: UUID
    sealed_secret: bytes
    meta: Meta


@dataclass(frozen=True, slots=True)
class RotateKeys:
    partner: str
    public_keys: tuple[str, ...]
    meta: Meta


@dataclass(frozen=True, slots=True)
class DisablePartner:
    partner: str
    reason: str
    meta: Meta


ChangePartner = EnablePartner | RotateKeys | DisablePartner


@dataclass(frozen=True, slots=True)
class ChangePartners:
    """The use case; `changed` is called after each commit that changed a partner."""

    changed: Callable[[], None]
    __name__ = "change_partners"

    async def __call__(self, tx: Tx, items: Sequence[ChangePartner], /) -> list[Accepted | Rejected]:
        await tx.heads(STREAM, {_name(item) for item in items})
        known = await agreed.partners(tx.conn)
        outcomes = [self._one(tx, known, item) for item in items]
        tx.after_commit(self.changed)
        return outcomes

    def _one(self, tx: Tx, known: dict[str, Partner], item: ChangePartner) -> Accepted | Rejected:
        name = _name(item)
        match item:
            case EnablePartner():
                return self._enable(tx, known, item)
            case RotateKeys():
                rotated = rotate(known.get(name), item.public_keys)
                if isinstance(rotated, CannotChange):
                    return Rejected(_PROBLEMS[rotated])
                _record(tx, rotated, name, item.meta)
                known[name] = replace(known[name], public_keys=item.public_keys)
            case DisablePartner():
                disabled = disable(known.get(name), item.reason)
                if isinstance(disabled, CannotChange):
                    return Rejected(_PROBLEMS[disabled])
                if disabled is not None:
                    _record(tx, disabled, name, item.meta)
                    known[name] = replace(known[name], disabled_for=item.reason)
        return Accepted({"partner": name}, 200)

    def _enable(self, tx: Tx, known: dict[str, Partner], item: EnablePartner) -> Accepted | Rejected:
        enabled = enable(known.values(), item.wanted)
        if isinstance(enabled, CannotChange):
            return Rejected(_PROBLEMS[enabled])
        _record(tx, enabled, item.wanted.partner, item.meta)
        known[item.wanted.partner] = item.wanted
        row = {
            "partner": item.wanted.partner,
            "secret_id": item.secret_id,
            "secret": item.sealed_secret,
            "since": tx.wall,
        }

        async def store(conn: AsyncConnection) -> None:
            await rows.delete(conn, partner_secrets, [{"partner": item.wanted.partner}])
            await rows.insert(conn, partner_secrets, [row])

        tx.defer(store)
        body: dict[str, Any] = {
            "partner": item.wanted.partner,
            "client_key": item.wanted.client_key,
            "secret_id": str(item.secret_id),
        }
        return Accepted(body)


def _record(tx: Tx, event: Event, partner: str, meta: Meta) -> None:
    tx.record(event, key=partner, meta=meta, scope=Scope(), rules=PARTNER_RULES)


def _name(item: ChangePartner) -> str:
    return item.wanted.partner if isinstance(item, EnablePartner) else item.partner
