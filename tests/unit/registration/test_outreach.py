"""Outreach sessions (domain.md section 3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.ids import new_id
from chassis.problems import Rejected
from contracts.event import Event
from contracts.events.agency import Audience, OutreachKind, OutreachPlanned
from contracts.values import AgentId, OutreachId, ParticipantId
from services.registration.domain import outreach as sessions
from services.registration.domain.agent import Agent, AgentStatus
from services.registration.domain.outreach import Outreach, OutreachStatus
from services.registration.domain.parameters import AGENCY
from services.registration.problems import (
    OUTREACH_AGENTS,
    OUTREACH_EARLY,
    OUTREACH_OFFICERS,
    OUTREACH_STEP,
    OUTREACH_TIMES,
)
from tests.unit.registration.samples import AGENT, BRANCH, WADAH, envelope, wib

RULES = AGENCY[0]
STARTS = wib("2025-10-06 08:00:00")


def agent(**changes: Any) -> Agent:
    plain = Agent(
        agent_id=AGENT,
        code="PRS00000001",
        wadah_id=WADAH,
        branch_id=BRANCH,
        participant_id=ParticipantId(new_id()),
        status=AgentStatus.ACTIVE,
        profile=None,
    )
    return replace(plain, **changes)


def wanted(**changes: Any) -> Outreach:
    plain = Outreach(
        outreach_id=OutreachId(new_id()),
        branch_id=BRANCH,
        wadah_id=WADAH,
        kind=OutreachKind.AGENT,
        status=OutreachStatus.PLANNED,
        place="Kota Tangerang",
        starts_at=STARTS,
        ends_at=STARTS + timedelta(hours=4),
        audience=(Audience.PUBLIC,),
        agents=(AGENT,),
        officers=(),
    )
    return replace(plain, **changes)


def planned(**changes: Any) -> Outreach:
    event = sessions.plan(wanted(**changes), [agent()], rules=RULES)
    assert isinstance(event, OutreachPlanned)
    return sessions.evolve(None, envelope(event), event)


def stepped(state: Outreach, event: Event | Rejected) -> Outreach:
    assert isinstance(event, Event)
    return sessions.evolve(state, envelope(event), event)


def problem(found: object) -> object:
    return found.problem if isinstance(found, Rejected) else None


def test_planning_folds_into_what_was_wanted() -> None:
    session = wanted()
    event = sessions.plan(session, [agent()], rules=RULES)
    assert isinstance(event, OutreachPlanned)
    assert sessions.evolve(None, envelope(event), event) == session


@pytest.mark.parametrize("hours", [0, -1, 73])
def test_a_session_ends_after_it_begins_and_within_three_days(hours: int) -> None:
    found = sessions.plan(wanted(ends_at=STARTS + timedelta(hours=hours)), [agent()], rules=RULES)
    assert problem(found) is OUTREACH_TIMES


@pytest.mark.parametrize(
    "named",
    [[], [agent(status=AgentStatus.SUSPENDED)], [agent(wadah_id=new_id())]],
    ids=["unknown", "inactive", "foreign"],
)
def test_its_agents_are_of_the_wadah_and_one_is_active(named: list[Agent]) -> None:
    assert problem(sessions.plan(wanted(), named, rules=RULES)) is OUTREACH_AGENTS


def test_one_foreign_agent_among_own_ones_is_refused() -> None:
    other = agent(agent_id=AgentId(new_id()), wadah_id=new_id())
    found = sessions.plan(wanted(agents=(AGENT, other.agent_id)), [agent(), other], rules=RULES)
    assert problem(found) is OUTREACH_AGENTS


def test_a_joint_session_waits_for_a_named_officer() -> None:
    state = planned(kind=OutreachKind.JOINT)
    assert state.status is OutreachStatus.JOINT_REQUESTED
    assert problem(sessions.hold(state, head_count=20, questions="", now=STARTS)) is OUTREACH_STEP
    assert problem(sessions.join(state, officers=())) is OUTREACH_OFFICERS
    joined = stepped(state, sessions.join(state, officers=("officer-1",)))
    assert (joined.status, joined.officers) == (OutreachStatus.JOINT_CONFIRMED, ("officer-1",))
    held = stepped(joined, sessions.hold(joined, head_count=20, questions="JHT?", now=STARTS))
    assert (held.status, held.head_count) == (OutreachStatus.HELD, 20)


def test_a_session_without_the_branch_is_not_joined() -> None:
    assert problem(sessions.join(planned(), officers=("officer-1",))) is OUTREACH_STEP


def test_a_session_is_not_held_before_it_begins() -> None:
    early = sessions.hold(planned(), head_count=1, questions="", now=STARTS - timedelta(seconds=1))
    assert problem(early) is OUTREACH_EARLY


def test_what_was_held_or_cancelled_stays_so() -> None:
    state = planned()
    cancelled = stepped(state, sessions.cancel(state, reason="hujan"))
    held = stepped(state, sessions.hold(state, head_count=3, questions="", now=STARTS))
    for final in (cancelled, held):
        assert problem(sessions.cancel(final, reason="lagi")) is OUTREACH_STEP
        assert problem(sessions.hold(final, head_count=3, questions="", now=STARTS)) is OUTREACH_STEP
