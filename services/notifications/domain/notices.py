"""Which event is told to the person, in which template, and until when it is worth telling (domain.md section 9).

Values are facts as text (whole rupiah, YYYY-MM, ISO dates); the template puts them into words. They never hold personal
data, a NIK least of all. How long a notice is worth sending is ours: the sources fix no periods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.event import Event
from contracts.events.contributions import BillKind, ContributionBilled
from contracts.events.notifications import Channel
from contracts.events.participants import GraceEntered, ParticipationLapsed, ProtectionExtended, ProtectionStarted
from contracts.values import ContributionMonth, ParticipantId
from services.notifications.domain.wording import last_day_before

RULES = "notices/2025-10"

WORTH_TELLING = timedelta(days=7)
"""A payment or a lapse is news for a week; whoever reads a topic from its beginning years later tells nobody."""

TIMED = frozenset({"grace_entered", "participation_lapsed"})
"""Templates of what the calendar brings: they wait for the end of the quiet hours. All others are sent at once."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one event tells one participant, in which words; not sent after `not_after` (business time)."""

    participant_id: ParticipantId
    template: str
    version: int
    values: Mapping[str, str]
    not_after: datetime
    channel: Channel = Channel.SMS
    """One notice goes through one channel (domain.md section 9: at most once per event and person); every mobile phone
    takes an SMS."""


def notice_of(event: Event, occurred_at: datetime) -> Notice | None:
    """The notice an event calls for; None when the person is not told about it."""
    match event:
        case ContributionBilled(kind=BillKind.FIRST, share_of=None):
            return _welcome(event)
        case ProtectionStarted():
            values = {"kpj": event.kpj, **_paid(event)}
            return Notice(event.participant_id, "protection_started", 1, values, occurred_at + WORTH_TELLING)
        case ProtectionExtended(after_death=False):
            return Notice(event.participant_id, "protection_extended", 1, _paid(event), occurred_at + WORTH_TELLING)
        case GraceEntered():
            return _grace(event)
        case ParticipationLapsed():
            values = {"protected_until": _last_day(event.paid_through)}
            return Notice(event.participant_id, "participation_lapsed", 1, values, occurred_at + WORTH_TELLING)
        case _:
            return None


def _welcome(bill: ContributionBilled) -> Notice:
    values = {
        "contribution_code": bill.contribution_code,
        "amount": str(bill.amount),
        "first_month": str(min(charge.month for charge in bill.months)),
        "last_month": str(max(charge.month for charge in bill.months)),
        "payable_until": last_day_before(bill.expires_at).isoformat(),
    }
    return Notice(bill.participant_id, "welcome", 1, values, not_after=bill.expires_at)


def _paid(event: ProtectionStarted | ProtectionExtended) -> dict[str, str]:
    return {
        "amount": str(event.amount),
        "first_month": str(min(event.months)),
        "last_month": str(max(event.months)),
        "protected_until": _last_day(event.paid_through),
    }


def _grace(event: GraceEntered) -> Notice:
    values = {
        "protected_until": _last_day(event.paid_through),
        "grace_until": _last_day(event.paid_through + event.grace_months),
    }
    return Notice(event.participant_id, "grace_entered", 1, values, not_after=(event.paid_through + 1).ends_at)


def _last_day(month: ContributionMonth) -> str:
    """Protection and arrears run to 24:00 WIB of the last day of a month (domain.md section 6)."""
    return last_day_before(month.ends_at).isoformat()
