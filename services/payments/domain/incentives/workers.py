"""Agents and agreements as payments knows them: who worked when, for which Wadah, and which of its agreements a month stands under."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from contracts.events.agency import IncentiveScheme
from contracts.values import WIB, AgentId, BranchId, ContributionMonth, ParticipantId, WadahId
from services.payments.domain.parameters import Dated, Sets
from services.payments.domain.parameters.incentives import IncentiveSet, set_of, spreads

NOTING = "perisai-incentive-notes/2022-04"
"""Rule version of what payments notes of agents, agreements and managers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One of a Wadah; `agreement` is the how many-th."""

    agreement: int
    agreement_number: str
    scheme: IncentiveScheme
    term_from: date
    term_to: date
    ended_on: date | None = None
    monthly_target: int | None = None
    """Acquisitions of all its agents in a calendar month, at least; None: none was agreed."""

    @property
    def last_day(self) -> date:
        """The last WIB day in force: a PKS that is not renewed ends at 24:00 WIB of it."""
        return self.term_to if self.ended_on is None else min(self.ended_on, self.term_to)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it: 24:00 WIB of the last day."""
        return datetime.combine(self.last_day + timedelta(days=1), time(), WIB)

    @property
    def begins_at(self) -> datetime:
        return datetime.combine(self.term_from, time(), WIB)

    @property
    def first_month(self) -> ContributionMonth:
        return ContributionMonth(self.term_from.year, self.term_from.month)

    @property
    def last_month(self) -> ContributionMonth:
        """The month of the end is still its agents': a change of managers holds from the first month after it (domain.md section 2)."""
        return ContributionMonth(self.last_day.year, self.last_day.month)


@dataclass(frozen=True, slots=True)
class Agreements:
    """A Wadah with all its agreements, one after the other; terms never overlap."""

    wadah_id: WadahId
    branch_id: BranchId
    name: str
    every: tuple[Agreement, ...]
    """In the order of their terms; at least one. Whichever ended before it began is not among them, unless there is no other."""

    def in_month(self, month: ContributionMonth) -> Agreement | None:
        """Under which a month stands as a whole: the one in force on its first day, else the first that begins in it. None: under none."""
        return next((one for one in self.every if one.first_month <= month <= one.last_month), None)

    def shown_in(self, month: ContributionMonth) -> Agreement:
        """As `in_month`; where there is none the last before it, else the first."""
        before = [one for one in self.every if one.first_month <= month]
        return self.in_month(month) or (before[-1] if before else self.every[0])

    def rules_in(self, sets: Sets, month: ContributionMonth) -> Dated[IncentiveSet]:
        """By which a month is paid: the set of the scheme of the agreement that it is shown in."""
        return set_of(sets, self.shown_in(month).scheme, self.wadah_id, month)

    def may_spread(self, sets: Sets) -> bool:
        """Whether, under one of them, months of a payment may be earned as they come."""
        return any(spreads(sets, scheme) for scheme in {one.scheme for one in self.every})

    def bind_at(self, instant: datetime) -> bool:
        return any(one.begins_at <= instant < one.ends_at for one in self.every)

    def manage(self, month: ContributionMonth, seen_at: datetime | None) -> bool:
        """Whether the Wadah's agents look after a contribution month, as far as is known at `seen_at`.

        While the last agreement runs (`seen_at` None: it does), the months after it count as theirs: it may be renewed.
        """
        last = self.every[-1]
        if month > last.last_month:
            return seen_at is None or seen_at < last.ends_at
        return self.in_month(month) is not None

    def last_month_at(self, instant: datetime) -> ContributionMonth | None:
        """The last contribution month its agents manage, once the last agreement has ended at `instant`; None while it runs."""
        last = self.every[-1]
        return None if instant < last.ends_at else last.last_month

    @property
    def gaps(self) -> tuple[tuple[ContributionMonth, ContributionMonth], ...]:
        """Stretches of whole months between two agreements, inclusive: the branch's."""
        pairs = zip(self.every, self.every[1:], strict=False)
        between = ((before.last_month + 1, after.first_month + -1) for before, after in pairs)
        return tuple((first, last) for first, last in between if first <= last)


def agreements_of(wadah_id: WadahId, branch_id: BranchId, name: str, told: Iterable[Agreement]) -> Agreements:
    """Of everything that was agreed on. One that was to follow and never came into force binds nobody."""
    every = sorted(told, key=lambda one: one.agreement)
    binding = [one for one in every if one.term_from <= one.last_day]
    return Agreements(wadah_id, branch_id, name, tuple(binding or every[:1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """An agent. `duties`: stretches of business time in which it was ACTIVE, the last one open (None) while it is."""

    agent_id: AgentId
    code: str
    participant_id: ParticipantId
    """The agent's own participation."""
    agreements: Agreements
    """Those of the Wadah."""
    duties: tuple[tuple[datetime, datetime | None], ...]
    dismissed_at: datetime | None = None
    began_at: datetime | None = None
    """When he was activated, or came back after he was dropped; None before the one and after the other."""

    def is_active_at(self, instant: datetime) -> bool:
        return any(since <= instant and (until is None or instant < until) for since, until in self.duties)

    def has_rights_at(self, instant: datetime) -> bool:
        """Whether what he earned is paid: whoever was dismissed before loses all that is unpaid (domain.md section 2)."""
        return self.dismissed_at is None or instant < self.dismissed_at

    @property
    def began_in(self) -> ContributionMonth | None:
        """The month of the activation, or of the return."""
        return None if self.began_at is None else ContributionMonth.of(self.began_at)
