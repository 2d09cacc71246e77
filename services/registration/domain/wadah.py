"""Wadah: the organisation that holds agents, bound to one branch by an agreement (PKS) with a scheme and a term.

A PKS that is not renewed ends at 24:00 WIB of its last day; ended early, at 24:00 WIB of that day (domain.md section
2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from chassis.problems import Rejected
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.agency import IncentiveScheme, WadahEnded, WadahEngaged
from contracts.values import BranchId, WadahId
from services.registration.domain.fold import ImpossibleHistory
from services.registration.domain.parameters import AgencyRules
from services.registration.problems import (
    AGREEMENT_DATES,
    AGREEMENT_NUMBER_TAKEN,
    AGREEMENT_TOO_LONG,
    WADAH_END_DATE,
    WADAH_ENDED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wadah:
    wadah_id: WadahId
    branch_id: BranchId
    name: str
    agreement_number: str
    scheme: IncentiveScheme
    term_from: date
    term_to: date
    """Last day in force, inclusive."""
    ended_on: date | None = None
    """Last day in force when it was ended early, inclusive."""
    monthly_target: int | None = None
    """Acquisitions of all its agents in a calendar month, at least; None: none was agreed."""

    def in_force_on(self, day: date) -> bool:
        """Whether the agreement binds on that day in WIB."""
        return self.term_from <= day <= min(self.term_to, self.ended_on or self.term_to)


def engage(wanted: Wadah, *, number_taken: bool, rules: AgencyRules) -> WadahEngaged | Rejected:
    """A new agreement; its term is limited by the scheme: 3 years OLD, 1 year NEW (Perdir 13/2022)."""
    if wanted.term_to < wanted.term_from:
        return Rejected(AGREEMENT_DATES, "term_to")
    years = rules.pks_max_years(wanted.scheme)
    if wanted.term_to >= _years_later(wanted.term_from, years):
        return Rejected(AGREEMENT_TOO_LONG, "term_to", {"years": str(years)}, rules.version)
    if number_taken:
        return Rejected(AGREEMENT_NUMBER_TAKEN, "agreement_number")
    return WadahEngaged(
        wadah_id=wanted.wadah_id,
        branch_id=wanted.branch_id,
        name=wanted.name,
        agreement_number=wanted.agreement_number,
        scheme=wanted.scheme,
        term_from=wanted.term_from,
        term_to=wanted.term_to,
        monthly_target=wanted.monthly_target,
    )


def end(state: Wadah, *, ended_on: date, reason: str) -> WadahEnded | Rejected:
    """The agreement ends after `ended_on`, within its term."""
    if state.ended_on is not None:
        return Rejected(WADAH_ENDED)
    if not state.term_from <= ended_on <= state.term_to:
        return Rejected(WADAH_END_DATE, "ended_on")
    return WadahEnded(wadah_id=state.wadah_id, ended_on=ended_on, reason=reason)


def evolve(state: Wadah | None, envelope: Envelope, event: Event) -> Wadah:
    """Folds one event of stream `wadah`."""
    if isinstance(event, WadahEngaged) and state is None:
        return Wadah(
            wadah_id=event.wadah_id,
            branch_id=event.branch_id,
            name=event.name,
            agreement_number=event.agreement_number,
            scheme=event.scheme,
            term_from=event.term_from,
            term_to=event.term_to,
            monthly_target=event.monthly_target,
        )
    if isinstance(event, WadahEnded) and state is not None:
        return replace(state, ended_on=event.ended_on)
    raise ImpossibleHistory(state, event)


def _years_later(day: date, years: int) -> date:
    """The same day `years` later; 29 February becomes 1 March in a common year."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
