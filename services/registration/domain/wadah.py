"""Wadah: the organisation that holds agents, bound to one branch by agreements (PKS) that follow each other, each with a scheme and a term.

A PKS that is not renewed ends at 24:00 WIB of its last day; ended early, at 24:00 WIB of that day (domain.md section
2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from chassis.problems import Rejected
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.agency import (
    AgreementRenewalFellDue,
    AgreementRenewed,
    IncentiveScheme,
    WadahEnded,
    WadahEngaged,
)
from contracts.values import BranchId, WadahId
from services.registration.domain.calendar import wib_date
from services.registration.domain.fold import ImpossibleHistory
from services.registration.domain.parameters import AgencyRules
from services.registration.problems import (
    AGREEMENT_DATES,
    AGREEMENT_NUMBER_TAKEN,
    AGREEMENT_OVERLAPS,
    AGREEMENT_TOO_LONG,
    WADAH_END_DATE,
    WADAH_ENDED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    number: str
    """As the branch gave it; once per branch."""
    scheme: IncentiveScheme
    term_from: date
    term_to: date
    """Last day of the term, inclusive."""
    ended_on: date | None = None
    """Last day in force when it was ended early, inclusive; before `term_from` of one that never came into force."""
    monthly_target: int | None = None
    """Acquisitions of all its agents in a calendar month, at least; None: none was agreed."""
    told_on: date | None = None
    """WIB day on which it was told that its renewal is due."""

    @property
    def last_day(self) -> date:
        return self.term_to if self.ended_on is None else min(self.ended_on, self.term_to)

    @property
    def comes_into_force(self) -> bool:
        """Unless the one before ended early, and this with it."""
        return self.term_from <= self.last_day

    def in_force_on(self, day: date) -> bool:
        return self.term_from <= day <= self.last_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Wadah:
    wadah_id: WadahId
    branch_id: BranchId
    name: str
    agreements: tuple[Agreement, ...]
    """In the order in which they were concluded, which is that of their terms; at least one."""

    def in_force_on(self, day: date) -> bool:
        """Whether an agreement binds on that day in WIB."""
        return any(one.in_force_on(day) for one in self.agreements)

    def agreement_on(self, day: date) -> Agreement:
        """The one in force; else the last that was; before all of them the first."""
        begun = [one for one in self.agreements if one.comes_into_force and one.term_from <= day]
        return begun[-1] if begun else self.agreements[0]


def engage(
    wadah_id: WadahId, branch_id: BranchId, name: str, wanted: Agreement, *, number_taken: bool, rules: AgencyRules
) -> WadahEngaged | Rejected:
    """A first agreement; its term is limited by the scheme: 3 years OLD, 1 year NEW (Perdir 13/2022)."""
    if refused := _refused(wanted, number_taken, rules):
        return refused
    return WadahEngaged(
        wadah_id=wadah_id,
        branch_id=branch_id,
        name=name,
        agreement_number=wanted.number,
        scheme=wanted.scheme,
        term_from=wanted.term_from,
        term_to=wanted.term_to,
        monthly_target=wanted.monthly_target,
    )


def renew(state: Wadah, wanted: Agreement, *, number_taken: bool, rules: AgencyRules) -> AgreementRenewed | Rejected:
    """The next agreement: begins after the last day of the one before, may be concluded while that runs, and may have another scheme."""
    before = state.agreements[-1]
    if refused := _refused(wanted, number_taken, rules):
        return refused
    if wanted.term_from <= before.last_day:
        facts = {"number": before.number, "last_day": before.last_day.isoformat()}
        return Rejected(AGREEMENT_OVERLAPS, "term_from", facts)
    return AgreementRenewed(
        wadah_id=state.wadah_id,
        branch_id=state.branch_id,
        agreement=len(state.agreements) + 1,
        agreement_number=wanted.number,
        scheme=wanted.scheme,
        term_from=wanted.term_from,
        term_to=wanted.term_to,
        monthly_target=wanted.monthly_target,
        follows_on=before.last_day,
    )


def renewal_due(state: Wadah, today: date, rules: AgencyRules) -> Agreement | None:
    """The last agreement, if it ends within `renewal_told_days` or is over, and nobody said yet that another follows or that none is to."""
    last = state.agreements[-1]
    due = last.ended_on is None and last.term_to - timedelta(days=rules.renewal_told_days) <= today
    return last if due else None


def tell_renewal(state: Wadah, today: date, rules: AgencyRules) -> AgreementRenewalFellDue | None:
    """Once per agreement."""
    last = renewal_due(state, today, rules)
    if last is None or last.told_on is not None:
        return None
    return AgreementRenewalFellDue(
        wadah_id=state.wadah_id,
        agreement=len(state.agreements),
        agreement_number=last.number,
        last_day=last.last_day,
    )


def _refused(wanted: Agreement, number_taken: bool, rules: AgencyRules) -> Rejected | None:
    if wanted.term_to < wanted.term_from:
        return Rejected(AGREEMENT_DATES, "term_to")
    years = rules.pks_max_years(wanted.scheme)
    if wanted.term_to >= _years_later(wanted.term_from, years):
        return Rejected(AGREEMENT_TOO_LONG, "term_to", {"years": str(years)}, rules.version)
    if number_taken:
        return Rejected(AGREEMENT_NUMBER_TAKEN, "agreement_number")
    return None


def end(state: Wadah, *, ended_on: date, today: date, reason: str) -> WadahEnded | Rejected:
    """The agreement in force on `ended_on` ends after it, and none that was concluded ahead follows.

    One that ran out before the present one began cannot be ended any more: it was followed. The last day of one that was ended early may be
    given again while one that was concluded ahead has not begun: that one is called off.
    """
    binding = [one for one in state.agreements if one.comes_into_force]
    begun = [one for one in binding if one.term_from <= today]
    open_to_it = binding[max(len(begun) - 1, 0) :]
    holding = [one for one in open_to_it if one.term_from <= ended_on <= one.term_to]
    if not holding:
        return Rejected(WADAH_END_DATE, "ended_on")
    ending = holding[-1]  # a term that was cut short reaches into that of the one that follows
    calls_off = ended_on == ending.last_day and ending is not binding[-1]
    if ending.ended_on is not None and not calls_off:
        return Rejected(WADAH_ENDED)
    return WadahEnded(wadah_id=state.wadah_id, ended_on=ended_on, reason=reason)


def evolve(state: Wadah | None, envelope: Envelope, event: Event) -> Wadah:
    """Folds one event of stream `wadah`."""
    match event:
        case WadahEngaged() if state is None:
            first = _agreement(event)
            return Wadah(wadah_id=event.wadah_id, branch_id=event.branch_id, name=event.name, agreements=(first,))
        case AgreementRenewed() if state is not None:
            return replace(state, agreements=(*state.agreements, _agreement(event)))
        case AgreementRenewalFellDue() if state is not None:
            told = replace(state.agreements[-1], told_on=wib_date(envelope.occurred_at))
            return replace(state, agreements=(*state.agreements[:-1], told))
        case WadahEnded() if state is not None:
            return replace(state, agreements=tuple(_ended(one, event.ended_on) for one in state.agreements))
    raise ImpossibleHistory(state, event)


def _agreement(event: WadahEngaged | AgreementRenewed) -> Agreement:
    return Agreement(
        number=event.agreement_number,
        scheme=event.scheme,
        term_from=event.term_from,
        term_to=event.term_to,
        monthly_target=event.monthly_target,
    )


def _ended(agreement: Agreement, ended_on: date) -> Agreement:
    """Those that were over by then stay as they are."""
    return replace(agreement, ended_on=ended_on) if ended_on <= agreement.last_day else agreement


def _years_later(day: date, years: int) -> date:
    """The same day `years` later; 29 February becomes 1 March in a common year."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
