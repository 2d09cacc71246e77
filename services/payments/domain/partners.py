"""Partners: the banks that may call us, and what was agreed with each. Pure deciders.

Secrets are no part of the state: they lie encrypted beside it. Conditions are dated by WIB day of business time; keys die by the wall clock.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from contracts.event import Event
from contracts.events.contributions import (
    PartnerDisabled,
    PartnerEnabled,
    PartnerKeyRotated,
    RepeatProfile,
    SignatureMode,
    Strictness,
)
from contracts.events.partners import (
    Conditions,
    PartnerConditionsAgreed,
    PartnerReenabled,
    PartnerSecretRotated,
    PartnerTermsChanged,
)

PARTNER_RULES = "snap-partner/2025-01"
"""What may be agreed with a partner (SNAP, 2025 text; snap.md section 1)."""

MOST_LIVE_KEYS = 2
"""The old and the new one while a key or a secret is rotated."""

LONGEST_OVERLAP = timedelta(days=90)
"""How long an old key or secret may live beside its successor [O]."""

UNCONDITIONAL = Conditions()


@dataclass(frozen=True, slots=True)
class Agreed:
    """Conditions from a WIB day on."""

    valid_from: date
    conditions: Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """One partner as agreed; `disabled_for` is None while it may call. `first_key_until`: when the first of two keys dies; None: it does not.

    `agreed`: oldest first.
    """

    partner: str
    name: str
    client_key: str
    partner_ids: tuple[str, ...]
    va_prefixes: tuple[str, ...]
    public_keys: tuple[str, ...]
    signature_mode: SignatureMode
    repeat_profile: RepeatProfile
    strictness: Strictness
    first_key_until: datetime | None = None
    agreed: tuple[Agreed, ...] = ()
    disabled_for: str | None = None

    @property
    def enabled(self) -> bool:
        return self.disabled_for is None

    def conditions_on(self, day: date) -> Conditions:
        """What holds on this WIB day."""
        return next((one.conditions for one in reversed(self.agreed) if one.valid_from <= day), UNCONDITIONAL)

    def keys_at(self, wall: datetime) -> tuple[str, ...]:
        """The public keys that are live at this moment, the oldest first."""
        dead = len(self.public_keys) > 1 and self.first_key_until is not None and wall >= self.first_key_until
        return self.public_keys[1:] if dead else self.public_keys


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A client secret of a partner, by its id alone. `until`: when it dies (wall time); None: it is the newest."""

    secret_id: UUID
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class StillLives:
    """No rotation with an overlap, for an older one was promised to live until then (wall time): three are never live at once."""

    until: datetime


class CannotChange(StrEnum):
    EXISTS = "partner_exists"
    UNKNOWN = "unknown_partner"
    DISABLED = "partner_disabled"
    OVERLAP = "overlap_out_of_range"
    PAST = "conditions_in_use"
    NOT_NEWEST = "secret_not_newest"


def enable(known: Collection[Partner], wanted: Partner) -> PartnerEnabled | CannotChange:
    """A new partner, or a disabled one under new terms. The client key is nobody else's."""
    for partner in known:
        same = partner.partner == wanted.partner
        if (same and partner.enabled) or (not same and partner.client_key == wanted.client_key):
            return CannotChange.EXISTS
    return PartnerEnabled(
        partner=wanted.partner,
        name=wanted.name,
        client_key=wanted.client_key,
        partner_ids=wanted.partner_ids,
        va_prefixes=wanted.va_prefixes,
        public_keys=wanted.public_keys,
        signature_mode=wanted.signature_mode,
        repeat_profile=wanted.repeat_profile,
        strictness=wanted.strictness,
    )


def reenable(partner: Partner | None) -> PartnerReenabled | CannotChange | None:
    """A disabled partner comes back as it was; None when it was never away."""
    if partner is None:
        return CannotChange.UNKNOWN
    return None if partner.enabled else PartnerReenabled(partner=partner.partner)


def change_terms(partner: Partner | None, wanted: PartnerTermsChanged) -> PartnerTermsChanged | CannotChange:
    """From now on these terms hold."""
    return _cannot(partner) or wanted


def agree(
    partner: Partner | None, valid_from: date, conditions: Conditions, today: date
) -> PartnerConditionsAgreed | CannotChange:
    """Conditions from a day on. What is in use is never edited: nothing before today, and nothing of today twice."""
    if partner is None or not partner.enabled:
        return _cannot(partner) or CannotChange.UNKNOWN
    in_use = valid_from == today and any(one.valid_from == today for one in partner.agreed)
    if valid_from < today or in_use:
        return CannotChange.PAST
    return PartnerConditionsAgreed(partner=partner.partner, valid_from=valid_from, conditions=conditions)


def rotate(
    partner: Partner | None, public_keys: tuple[str, ...], old_until: datetime | None, wall: datetime
) -> PartnerKeyRotated | CannotChange | StillLives:
    """From now on these keys are live, and no other. With `old_until` there is one new key, and the newest of before lives on beside it
    until then; not while an older one still does, which was promised its time.
    """
    if partner is None or not partner.enabled:
        return _cannot(partner) or CannotChange.UNKNOWN
    if not is_overlap(old_until, wall):
        return CannotChange.OVERLAP
    if old_until is None:
        return PartnerKeyRotated(partner=partner.partner, public_keys=public_keys)
    if partner.first_key_until is not None and len(partner.keys_at(wall)) > 1:
        return StillLives(partner.first_key_until)
    both = tuple(dict.fromkeys((partner.public_keys[-1], *public_keys)))
    return PartnerKeyRotated(partner=partner.partner, public_keys=both, old_until=old_until if len(both) > 1 else None)


def rotate_secret(
    partner: Partner | None,
    kept: Collection[LiveSecret],
    secret_id: UUID,
    old_until: datetime | None,
    wall: datetime,
    *,
    instead_of: UUID | None = None,
) -> PartnerSecretRotated | CannotChange | StillLives:
    """Another secret is live; the newest of before lives on until `old_until`, and not at all without it. While an older one still does,
    which was promised its time, only `instead_of` the newest: the newest is gone, and the older one keeps its end.
    """
    if partner is None or not partner.enabled:
        return _cannot(partner) or CannotChange.UNKNOWN
    older = max((one.until for one in kept if one.until is not None and wall < one.until), default=None)
    if instead_of is not None:
        if LiveSecret(instead_of) not in kept:
            return CannotChange.NOT_NEWEST
        return PartnerSecretRotated(partner=partner.partner, secret_id=secret_id, old_until=older)
    if not is_overlap(old_until, wall):
        return CannotChange.OVERLAP
    if old_until is not None and older is not None:
        return StillLives(older)
    return PartnerSecretRotated(partner=partner.partner, secret_id=secret_id, old_until=old_until)


def succeeded(
    kept: Collection[LiveSecret], rotated: PartnerSecretRotated, *, instead_of: UUID | None = None
) -> tuple[LiveSecret, ...]:
    """The secrets after a rotation: the new one, and the one before it until its end, if it has one."""
    new = LiveSecret(rotated.secret_id)
    if rotated.old_until is None:
        return (new,)
    if instead_of is not None:
        return (*(one for one in kept if one.until == rotated.old_until), new)
    return (*(replace(one, until=rotated.old_until) for one in kept if one.until is None), new)


def disable(partner: Partner | None, reason: str) -> PartnerDisabled | CannotChange | None:
    """From now on it may not call; None when that holds already."""
    if partner is None:
        return CannotChange.UNKNOWN
    return PartnerDisabled(partner=partner.partner, reason=reason) if partner.enabled else None


def is_overlap(old_until: datetime | None, wall: datetime) -> bool:
    """Whether an old key may live until then: not the past, and not for ever."""
    return old_until is None or wall < old_until <= wall + LONGEST_OVERLAP


def evolve(partner: Partner | None, event: Event) -> Partner:
    """The partner after one of its events. Raises LookupError for a change of one that never was enabled."""
    if isinstance(event, PartnerEnabled):
        agreed = () if partner is None else partner.agreed  # dated conditions outlive an absence
        return Partner(**{name: getattr(event, name) for name in PartnerEnabled.model_fields}, agreed=agreed)
    if partner is None:
        raise LookupError(f"{event.type} of a partner that was never enabled")
    match event:
        case PartnerTermsChanged():
            return replace(partner, **{name: getattr(event, name) for name in PartnerTermsChanged.model_fields})
        case PartnerConditionsAgreed():
            others = (one for one in partner.agreed if one.valid_from != event.valid_from)
            new = Agreed(event.valid_from, event.conditions)
            return replace(partner, agreed=tuple(sorted((*others, new), key=lambda one: one.valid_from)))
        case PartnerKeyRotated():
            return replace(partner, public_keys=event.public_keys, first_key_until=event.old_until)
        case PartnerDisabled():
            return replace(partner, disabled_for=event.reason)
        case PartnerReenabled():
            return replace(partner, disabled_for=None)
    return partner


def _cannot(partner: Partner | None) -> CannotChange | None:
    if partner is None:
        return CannotChange.UNKNOWN
    return None if partner.enabled else CannotChange.DISABLED
