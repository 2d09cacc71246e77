"""Acquirers: whom we call for QR codes, as what, and which key and secret of ours sign the calls. Pure deciders.

A credential is proposed, activated, and then gone when its successor was activated and its overlap is over. What it holds is no part of the
state: that lies sealed beside it. Overlaps end by the wall clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from contracts.event import Event
from contracts.events.acquirers import (
    AcquirerAgreed,
    AcquirerCredentialActivated,
    AcquirerCredentialProposed,
    AcquirerCredentialRetired,
    CredentialKind,
)
from services.payments.domain.partners import Partner, StillLives, is_overlap


class Use(StrEnum):
    """PROPOSED: signs nothing yet. ACTIVE: signs. OLD: is tried where its successor is refused, until its time is over."""

    PROPOSED = "PROPOSED"
    ACTIVE = "ACTIVE"
    OLD = "OLD"


@dataclass(frozen=True, slots=True)
class Credential:
    """`until`: when an OLD one dies (wall time). `public_key`: PEM, of a KEY."""

    credential_id: UUID
    kind: CredentialKind
    use: Use
    public_key: str | None = None
    until: datetime | None = None

    def lives(self, wall: datetime) -> bool:
        return self.until is None or wall < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquirer:
    """One acquirer as agreed. `credentials`: at most one of each kind in each use, the oldest first."""

    partner: str
    url: str
    client_key: str
    partner_id: str
    channel_id: str
    merchant_id: str
    rank: int
    credentials: tuple[Credential, ...] = ()

    def signing(self, kind: CredentialKind, wall: datetime) -> tuple[UUID, ...]:
        """What may sign at this moment: the active one, then the one before it."""
        mine = [one for one in self.credentials if one.kind is kind and one.use is not Use.PROPOSED and one.lives(wall)]
        return tuple(one.credential_id for one in sorted(mine, key=lambda one: one.use is Use.OLD))

    def find(self, credential_id: UUID) -> Credential | None:
        return next((one for one in self.credentials if one.credential_id == credential_id), None)


class CannotSign(StrEnum):
    UNKNOWN = "unknown_acquirer"
    DISABLED = "partner_disabled"
    WAITS = "credential_waits"
    NOT_PROPOSED = "credential_not_proposed"
    IN_USE = "credential_in_use"
    OVERLAP = "overlap_out_of_range"


def agree(partner: Partner | None, wanted: AcquirerAgreed) -> AcquirerAgreed | CannotSign:
    """From now on these terms hold."""
    return _cannot(partner) or wanted


def propose(
    partner: Partner | None, acquirer: Acquirer | None, wanted: AcquirerCredentialProposed
) -> AcquirerCredentialProposed | CannotSign:
    """One of a kind waits at a time: whoever proposes another must know of the first."""
    if (refusal := _cannot(partner)) is not None:
        return refusal
    if acquirer is None:
        return CannotSign.UNKNOWN
    waits = any(one.kind is wanted.kind and one.use is Use.PROPOSED for one in acquirer.credentials)
    return CannotSign.WAITS if waits else wanted


def activate(
    acquirer: Acquirer | None, credential_id: UUID, old_until: datetime | None, wall: datetime
) -> AcquirerCredentialActivated | CannotSign | StillLives | None:
    """It signs from now on; None when it does already. No overlap while the one before the last is still tried: it was promised its time."""
    if acquirer is None or (found := acquirer.find(credential_id)) is None:
        return CannotSign.UNKNOWN
    if found.use is Use.ACTIVE:
        return None
    if found.use is Use.OLD:
        return CannotSign.NOT_PROPOSED
    if not is_overlap(old_until, wall):
        return CannotSign.OVERLAP
    old = (
        one.until for one in acquirer.credentials if one.kind is found.kind and one.use is Use.OLD and one.lives(wall)
    )
    if old_until is not None and (until := next(old, None)) is not None:
        return StillLives(until)
    return AcquirerCredentialActivated(partner=acquirer.partner, credential_id=credential_id, old_until=old_until)


def retire(acquirer: Acquirer | None, credential_id: UUID) -> AcquirerCredentialRetired | CannotSign:
    """Gone at once. The active one only goes by its successor: without it every call would fail."""
    if acquirer is None or (found := acquirer.find(credential_id)) is None:
        return CannotSign.UNKNOWN
    if found.use is Use.ACTIVE:
        return CannotSign.IN_USE
    return AcquirerCredentialRetired(partner=acquirer.partner, credential_id=credential_id)


def evolve(acquirer: Acquirer | None, event: Event) -> Acquirer:
    """The acquirer after one of its events. Raises LookupError for a change of one that was never agreed."""
    if isinstance(event, AcquirerAgreed):
        terms = {name: getattr(event, name) for name in AcquirerAgreed.model_fields}
        return Acquirer(**terms, credentials=() if acquirer is None else acquirer.credentials)
    if acquirer is None:
        raise LookupError(f"{event.type} of an acquirer that was never agreed")
    match event:
        case AcquirerCredentialProposed():
            new = Credential(event.credential_id, event.kind, Use.PROPOSED, event.public_key)
            return replace(acquirer, credentials=(*acquirer.credentials, new))
        case AcquirerCredentialActivated():
            return replace(acquirer, credentials=tuple(_activated(acquirer, event)))
        case AcquirerCredentialRetired():
            left = (one for one in acquirer.credentials if one.credential_id != event.credential_id)
            return replace(acquirer, credentials=tuple(left))
    return acquirer


def _activated(acquirer: Acquirer, event: AcquirerCredentialActivated) -> Iterable[Credential]:
    """Of its kind the one before lives on, if it may; every older one is gone."""
    kind = next(one.kind for one in acquirer.credentials if one.credential_id == event.credential_id)
    for one in acquirer.credentials:
        if one.credential_id == event.credential_id:
            yield replace(one, use=Use.ACTIVE)
        elif one.kind is not kind or one.use is Use.PROPOSED:
            yield one
        elif one.use is Use.ACTIVE and event.old_until is not None:
            yield replace(one, use=Use.OLD, until=event.old_until)


def _cannot(partner: Partner | None) -> CannotSign | None:
    if partner is None:
        return CannotSign.UNKNOWN
    return None if partner.enabled else CannotSign.DISABLED
