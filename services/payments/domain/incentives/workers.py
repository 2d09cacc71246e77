"""Agents and agreements as payments knows them: who worked when, for which Wadah, under which scheme, until which month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from contracts.events.agency import IncentiveScheme
from contracts.values import WIB, AgentId, BranchId, ContributionMonth, ParticipantId, WadahId

NOTING = "perisai-incentive-notes/2022-04"
"""Rule version of what payments notes of agents, agreements and managers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    wadah_id: WadahId
    branch_id: BranchId
    name: str
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

    def last_month_at(self, instant: datetime) -> ContributionMonth | None:
        """The last contribution month its agents manage, once it has ended at `instant`; None while it runs.

        The month of the end is still theirs: a change of managers holds from the first month after it (domain.md section 2).
        """
        last = self.last_day
        return None if instant < self.ends_at else ContributionMonth(last.year, last.month)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """An agent. `duties`: stretches of business time in which it was ACTIVE, the last one open (None) while it is."""

    agent_id: AgentId
    code: str
    participant_id: ParticipantId
    """The agent's own participation."""
    agreement: Agreement
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
