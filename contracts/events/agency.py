"""Topic `agency`: branches, Wadah, agents, outreach sessions (Perban BPJSTK 1/2023; Perdir 13/2022)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from contracts.event import Event
from contracts.sealed import Personal, Sealed
from contracts.values import (
    AgentId,
    BranchId,
    Code,
    ContributionMonth,
    Count,
    Instant,
    LongText,
    OutreachId,
    ParticipantId,
    Phone,
    ReassignmentId,
    ShortText,
    WadahId,
)


class IncentiveScheme(StrEnum):
    OLD = "OLD"
    NEW = "NEW"


class OutreachKind(StrEnum):
    AGENT = "AGENT"
    JOINT = "JOINT"
    WORKING_VISIT = "WORKING_VISIT"


class Audience(StrEnum):
    MEMBERS = "MEMBERS"
    FAMILIES = "FAMILIES"
    PUBLIC = "PUBLIC"


class DepartureKind(StrEnum):
    """DROP: too long without result, may come back later (Perdir 13/2022). DISMISSAL: fraud, crime or gratification, all rights revoked."""

    DROP = "DROP"
    DISMISSAL = "DISMISSAL"


class AgentProfile(Personal):
    name: ShortText
    phone: Phone


class BranchOpened(Event, stream="branches"):
    branch_id: BranchId
    code: ShortText
    name: ShortText
    city: ShortText
    time_zone: ShortText


class WadahEngaged(Event, stream="wadah"):
    """The agreement (PKS) between a branch and a Wadah is in force from `term_from` through `term_to`, both
    inclusive, WIB."""

    wadah_id: WadahId
    branch_id: BranchId
    name: ShortText
    agreement_number: ShortText
    scheme: IncentiveScheme
    term_from: date
    term_to: date
    monthly_target: Count | None = None
    """The least number of acquisitions of all its agents in a calendar month; None: none was agreed."""


class AgreementRenewed(Event, stream="wadah"):
    """The Wadah's next agreement, in force from `term_from` through `term_to`; that of `WadahEngaged` was its first.

    Terms never overlap. Days between `follows_on` and `term_from` are under no agreement.
    """

    wadah_id: WadahId
    branch_id: BranchId
    agreement: Count
    """The how many-th of this Wadah: 2, 3, …"""
    agreement_number: ShortText
    scheme: IncentiveScheme
    term_from: date
    term_to: date
    monthly_target: Count | None = None
    follows_on: date
    """The last day in force of the agreement before, as it stood when this one was concluded."""


class AgreementRenewalFellDue(Event, stream="wadah"):
    """The Wadah's last agreement ends soon, or is over, and none follows: told once per agreement, some days before `last_day`.

    `AgreementRenewed` answers it, or `WadahEnded`, which says that none is to follow.
    """

    wadah_id: WadahId
    agreement: Count
    agreement_number: ShortText
    last_day: date


class WadahEnded(Event, stream="wadah"):
    """The agreement in force on `ended_on` ends at 24:00 WIB of it; one that was to follow never comes into force."""

    wadah_id: WadahId
    ended_on: date
    reason: Code


class AgentProposed(Event, stream="agents"):
    """The Wadah proposes one of its members; `participant_id` is the agent's own BPU participation (Perban 1/2023
    Art. 7)."""

    agent_id: AgentId
    code: ShortText
    wadah_id: WadahId
    branch_id: BranchId
    participant_id: ParticipantId
    profile: Sealed[AgentProfile]


class AgentCertified(Event, stream="agents"):
    agent_id: AgentId
    certificate_number: ShortText
    certified_on: date


class AgentActivated(Event, stream="agents"):
    agent_id: AgentId
    activated_on: date


class AgentSuspended(Event, stream="agents"):
    agent_id: AgentId
    reason: Code


class AgentReinstated(Event, stream="agents"):
    agent_id: AgentId


class AgentDepartureProposed(Event, stream="agents"):
    """Somebody asks that the agent be dropped or dismissed; another person decides. A later proposal takes the place of the one before."""

    agent_id: AgentId
    kind: DepartureKind
    reason: Code
    proposed_by: ShortText


class AgentDepartureRefused(Event, stream="agents"):
    agent_id: AgentId
    refused_by: ShortText
    reason: Code


class AgentDropped(Event, stream="agents"):
    """The agent works no longer from `dropped_on` on (WIB). The participants pass to the branch from the next contribution month on."""

    agent_id: AgentId
    dropped_on: date
    reason: Code


class AgentDismissed(Event, stream="agents"):
    """As dropped, and nothing that is unpaid is paid to him any more."""

    agent_id: AgentId
    dismissed_on: date
    reason: Code


class ReassignmentProposed(Event, stream="reassignments"):
    """Alih binaan is asked for: `agent` of `wadah` is to look after these participants of a branch; both None: the branch is."""

    reassignment_id: ReassignmentId
    branch_id: BranchId
    participants: tuple[ParticipantId, ...]
    agent: AgentId | None
    wadah: WadahId | None
    reason: Code
    proposed_by: ShortText


class ReassignmentApproved(Event, stream="reassignments"):
    """Another person agreed; a `ParticipantReassigned` of everyone whom this changes is recorded in the same transaction."""

    reassignment_id: ReassignmentId
    approved_by: ShortText
    from_month: ContributionMonth


class ReassignmentRefused(Event, stream="reassignments"):
    reassignment_id: ReassignmentId
    refused_by: ShortText
    reason: Code


class OutreachPlanned(Event, stream="outreach"):
    """`joint` sessions wait for `OutreachJoined`; `officers` are the token subjects of the branch officers."""

    outreach_id: OutreachId
    branch_id: BranchId
    wadah_id: WadahId
    kind: OutreachKind
    place: ShortText
    starts_at: Instant
    ends_at: Instant
    audience: tuple[Audience, ...]
    agents: tuple[AgentId, ...]
    officers: tuple[ShortText, ...]


class OutreachJoined(Event, stream="outreach"):
    """The branch confirms that it takes part."""

    outreach_id: OutreachId
    officers: tuple[ShortText, ...]


class OutreachHeld(Event, stream="outreach"):
    outreach_id: OutreachId
    head_count: Count
    questions: LongText


class OutreachCancelled(Event, stream="outreach"):
    outreach_id: OutreachId
    reason: LongText


EVENTS: tuple[type[Event], ...] = (
    BranchOpened,
    WadahEngaged,
    AgreementRenewed,
    AgreementRenewalFellDue,
    WadahEnded,
    AgentProposed,
    AgentCertified,
    AgentActivated,
    AgentSuspended,
    AgentReinstated,
    AgentDepartureProposed,
    AgentDepartureRefused,
    AgentDropped,
    AgentDismissed,
    ReassignmentProposed,
    ReassignmentApproved,
    ReassignmentRefused,
    OutreachPlanned,
    OutreachJoined,
    OutreachHeld,
    OutreachCancelled,
)
