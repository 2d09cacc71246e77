"""Dated figures of the rules (domain.md section 14). The set is chosen by the business date it applies to, never by
today's date.

Every event names the version of the set it was decided under, so a replay uses the figures of its day. A changed
figure is a new set with a
later `valid_from`; nothing here is ever edited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from contracts.events.agency import IncentiveScheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    version: str
    valid_from: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRules(Dated):
    """Who may enter, and how long an unpaid registration stands."""

    entry_age_min: int
    """Completed years on the day of registration."""
    entry_age_max: int
    """Completed years on the days of registration and of the first payment; from the next birthday on not."""
    registration_ttl_days: int
    session_link_days: int
    """A registration may name the outreach session it came from, up to so many days after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionRules(Dated):
    """How a participation enters grace, lapses and goes on. How many months of grace there are is said by the payment of the last month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyRules(Dated):
    agent_age_min: int
    old_pks_max_years: int
    new_pks_max_years: int
    session_max_hours: int
    return_months: int
    """After which a dropped agent may be reinstated."""
    renewal_told_days: int
    """Before the last day of an agreement that none follows: from then on its renewal is due."""
    renewal_urgent_days: int
    """Before that day: from then on it is a matter for operators too."""

    def pks_max_years(self, scheme: IncentiveScheme) -> int:
        return self.old_pks_max_years if scheme is IncentiveScheme.OLD else self.new_pks_max_years


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRules(Dated):
    """When a person may be erased."""

    retention_years: int
    """So long after its end the books of a participation, and who was in it, are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRules(Dated):
    """What a person who asks is given: a copy of everything that is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRules(Dated):
    """How long a person may wait for what was asked."""

    hours: int


REGISTRATION = (
    RegistrationRules(
        version="bpu-registration/2022-07",
        valid_from=date(2022, 7, 1),
        source="Perdir 22/PERDIR.02/072022; entry_age_min, registration_ttl_days, session_link_days: our choice",
        entry_age_min=18,
        entry_age_max=65,
        registration_ttl_days=30,
        session_link_days=30,
    ),
)
PROTECTION = (
    ProtectionRules(
        version="bpu-protection/2022-07",
        valid_from=date(2022, 7, 1),
        source="Perdir 22/PERDIR.02/072022",
    ),
)
AGENCY = (
    AgencyRules(
        version="perisai-agency/2022-04",
        valid_from=date(2022, 4, 1),
        source="Perdir 13/PERDIR.02/042022 (terms of a PKS); Perban 1/2023 Art. 7 (age); session_max_hours, return_months under NEW, "
        "days of a renewal: our choice",
        agent_age_min=18,
        old_pks_max_years=3,
        new_pks_max_years=1,
        session_max_hours=72,
        return_months=6,
        renewal_told_days=30,
        renewal_urgent_days=7,
    ),
)
ERASURE = (
    ErasureRules(
        version="perisai-erasure/2022-10",
        valid_from=date(2022, 10, 17),
        source="UU 27/2022 Art. 15, 40–45, in force 17 October 2022; retention_years: our choice (domain.md section 10)",
        retention_years=10,
    ),
)
EXPORT = (
    ExportRules(
        version="perisai-export/2022-10",
        valid_from=date(2022, 10, 17),
        source="UU 27/2022 Art. 7, 32, in force 17 October 2022",
    ),
)
DUTY = (
    DutyRules(
        version="perisai-duty/2022-10",
        valid_from=date(2022, 10, 17),
        source="UU 27/2022 Art. 32, 40: 3 × 24 hours, in force 17 October 2022",
        hours=72,
    ),
)

R = TypeVar("R", bound=Dated)


def in_force(sets: Sequence[R], on: date) -> R:
    """The set whose `valid_from` is the latest not after `on`. Raises LookupError before the first set."""
    valid = [rules for rules in sets if rules.valid_from <= on]
    if not valid:
        raise LookupError(
            f"no {sets[0].version.partition('/')[0]} rules are known for {on}; the first begin {sets[0].valid_from}"
        )
    return max(valid, key=lambda rules: rules.valid_from)
