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
    Count,
    Instant,
    LongText,
    OutreachId,
    ParticipantId,
    Phone,
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


class WadahEnded(Event, stream="wadah"):
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
    WadahEnded,
    AgentProposed,
    AgentCertified,
    AgentActivated,
    AgentSuspended,
    AgentReinstated,
    OutreachPlanned,
    OutreachJoined,
    OutreachHeld,
    OutreachCancelled,
)
