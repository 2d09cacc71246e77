"""Topic `contributions`, stream `partners`: what changes at a bank or acquirer after it was enabled (snap.md section 1)."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from contracts.event import Event, Part
from contracts.events.contributions import RepeatProfile, SignatureMode, Strictness
from contracts.values import Amount, Count, Instant, ShortText

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
"""HH:MM in WIB; 24:00 is the end of the day."""


class TimesAndLimits(Part):
    """What is agreed with a partner about times and limits; the defaults limit nothing. When its day ends says the layout of its files."""

    opens: TimeOfDay = "00:00"
    closes: TimeOfDay = "24:00"
    """New money is taken from `opens` up to, not including, `closes`; over midnight when `closes` is not later."""
    most_per_deposit: Amount | None = None
    """Whole rupiah of one payment to an open-amount number."""
    most_payments_a_day: Count | None = None
    """Payments of one customer number in one WIB day of their transaction time."""
    retail: bool = False
    """A chain of shops: a payment is taken within the amounts that parameter `retail_limits` says."""


class Conditions(TimesAndLimits):
    """As they were agreed."""

    day_ends: TimeOfDay = "24:00"
    """Of events of before, and decides nothing; no longer agreed on."""


class PartnerTermsChanged(Event, stream="partners"):
    """Whole terms, as they are from now on; keys and secrets stay."""

    partner: ShortText
    name: ShortText
    partner_ids: tuple[ShortText, ...]
    va_prefixes: tuple[ShortText, ...]
    signature_mode: SignatureMode
    repeat_profile: RepeatProfile
    strictness: Strictness


class PartnerConditionsAgreed(Event, stream="partners"):
    """From this WIB day on, up to the next one that was agreed. The later of two for one day counts."""

    partner: ShortText
    valid_from: date
    conditions: Conditions


class PartnerSecretRotated(Event, stream="partners"):
    """Another client secret is live. `old_until`: when the one before dies (wall time); None: it is dead."""

    partner: ShortText
    secret_id: UUID
    old_until: Instant | None


class PartnerReenabled(Event, stream="partners"):
    """A disabled partner may call again, under the terms, keys and secrets that it had."""

    partner: ShortText


EVENTS: tuple[type[Event], ...] = (
    PartnerTermsChanged,
    PartnerConditionsAgreed,
    PartnerSecretRotated,
    PartnerReenabled,
)
