"""Branches (Kacab): opened by the central office; a branch works in one of Indonesia's three time zones, its business
dates are WIB.
"""

from __future__ import annotations

from dataclasses import dataclass

from chassis.problems import Rejected
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.agency import BranchOpened
from contracts.values import BranchId
from services.registration.domain.fold import ImpossibleHistory
from services.registration.problems import BRANCH_CODE_TAKEN, TIME_ZONE_UNKNOWN

TIME_ZONES = frozenset({"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    branch_id: BranchId
    code: str
    name: str
    city: str
    time_zone: str


def open_branch(
    branch_id: BranchId, *, code: str, name: str, city: str, time_zone: str, code_taken: bool
) -> BranchOpened | Rejected:
    """A new branch under a code of its own."""
    if time_zone not in TIME_ZONES:
        return Rejected(TIME_ZONE_UNKNOWN, "time_zone")
    if code_taken:
        return Rejected(BRANCH_CODE_TAKEN, "code")
    return BranchOpened(branch_id=branch_id, code=code, name=name, city=city, time_zone=time_zone)


def evolve(state: Branch | None, envelope: Envelope, event: Event) -> Branch:
    """Folds one event of stream `branches`."""
    if not isinstance(event, BranchOpened) or state is not None:
        raise ImpossibleHistory(state, event)
    return Branch(
        branch_id=event.branch_id, code=event.code, name=event.name, city=event.city, time_zone=event.time_zone
    )
