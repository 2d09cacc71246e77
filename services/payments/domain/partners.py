"""Partners: the banks that may call us, and what was agreed with each. Pure deciders.

Secrets are no part of the state: they lie encrypted beside it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from contracts.events.contributions import (
    PartnerDisabled,
    PartnerEnabled,
    PartnerKeyRotated,
    RepeatProfile,
    SignatureMode,
    Strictness,
)

PARTNER_RULES = "snap-partner/2025-01"
"""What may be agreed with a partner (SNAP, 2025 text; snap.md section 1)."""

MOST_LIVE_KEYS = 2
"""The old and the new one while a key is rotated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """One partner as agreed; `disabled_for` is None while it may call."""

    partner: str
    name: str
    client_key: str
    partner_ids: tuple[str, ...]
    va_prefixes: tuple[str, ...]
    public_keys: tuple[str, ...]
    signature_mode: SignatureMode
    repeat_profile: RepeatProfile
    strictness: Strictness
    disabled_for: str | None = None

    @property
    def enabled(self) -> bool:
        return self.disabled_for is None


class CannotChange(StrEnum):
    EXISTS = "partner_exists"
    UNKNOWN = "unknown_partner"
    DISABLED = "partner_disabled"


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


def rotate(partner: Partner | None, public_keys: tuple[str, ...]) -> PartnerKeyRotated | CannotChange:
    """From now on these keys are live, and no other."""
    if partner is None:
        return CannotChange.UNKNOWN
    if not partner.enabled:
        return CannotChange.DISABLED
    return PartnerKeyRotated(partner=partner.partner, public_keys=public_keys)


def disable(partner: Partner | None, reason: str) -> PartnerDisabled | CannotChange | None:
    """From now on it may not call; None when that holds already."""
    if partner is None:
        return CannotChange.UNKNOWN
    return PartnerDisabled(partner=partner.partner, reason=reason) if partner.enabled else None
