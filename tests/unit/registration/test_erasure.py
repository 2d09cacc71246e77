"""What stands against an erasure in registration, and until when (UU 27/2022 Art. 15; domain.md section 10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chassis.ids import new_id
from contracts.events.erasure import (
    ErasureChecked,
    ErasureCleared,
    ErasureGround,
    ErasureObstacle,
    ErasureRefused,
    ErasureRequested,
    ParticipantForgotten,
)
from contracts.events.participants import Standing
from contracts.values import AgentId, BranchId, ContributionMonth, ErasureId, ParticipantId, PaymentId, WadahId
from services.registration.domain import erasure
from services.registration.domain.agent import Agent, AgentStatus
from services.registration.domain.erasure import Erasure, ErasureStatus
from services.registration.domain.participant import Participant, Payment, Spell
from services.registration.problems import ERASURE_OBSTACLES
from tests.unit.registration import samples

ID = ErasureId(new_id())


AN_AGENT = Agent(
    agent_id=AgentId(new_id()),
    code="PRS00000001",
    wadah_id=WadahId(new_id()),
    branch_id=BranchId(new_id()),
    participant_id=ParticipantId(new_id()),
    status=AgentStatus.PROPOSED,
    profile=None,
)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 5, tzinfo=UTC)


def spell(month: str, number: int = 1, **changes: object) -> Spell:
    paid = ContributionMonth.parse(month)
    payment = Payment(payment_id=PaymentId(new_id()), effective_at=paid.starts_at + timedelta(days=3), months=(paid,))
    return replace(Spell(number=number, payments=(payment,), paid_through=paid, ended=Standing.LAPSED), **changes)  # type: ignore[arg-type]


def lapsed(*spells: Spell) -> Participant:
    return replace(samples.participant(), standing=Standing.LAPSED, spells=spells)


def obstacles(person: Participant, on: date, *statuses: AgentStatus) -> list[str]:
    agents = [replace(AN_AGENT, status=status) for status in statuses]
    return [str(one) for one in erasure.check(person, agents, now=noon(on)).obstacles]


@pytest.mark.parametrize(
    ("person", "first_day"),
    [
        pytest.param(lapsed(spell("2025-10")), date(2036, 2, 1), id="payable until the end of January, ten years more"),
        pytest.param(lapsed(spell("2020-01"), spell("2025-10", 2)), date(2036, 2, 1), id="the last spell counts"),
        pytest.param(
            lapsed(spell("2025-10", ended=Standing.CLOSED, died_on=date(2025, 10, 20))), date(2035, 10, 20), id="died"
        ),
    ],
)
def test_retention_ends_on_its_day(person: Participant, first_day: date) -> None:
    assert obstacles(person, first_day - timedelta(days=1)) == ["retention"]
    assert obstacles(person, first_day) == []


def test_a_spell_whose_payments_were_voided_is_kept_for_its_books_too() -> None:
    person = replace(lapsed(spell("2025-10", payments=(), paid_through=None)), standing=Standing.LAPSED)
    assert obstacles(person, person.registered_on + timedelta(days=365)) == ["retention"]


def test_who_never_paid_may_go_once_the_registration_has_expired() -> None:
    person = samples.participant()
    assert person.standing is Standing.REGISTERED
    last_day = (person.expires_at - timedelta(hours=8)).date()
    assert obstacles(person, last_day) == ["registration_open"]
    assert obstacles(person, last_day + timedelta(days=2)) == []


@pytest.mark.parametrize("status", [s for s in AgentStatus if s not in (AgentStatus.DROPPED, AgentStatus.DISMISSED)])
def test_an_office_stands_against_it(status: AgentStatus) -> None:
    assert obstacles(lapsed(spell("2020-01")), date(2036, 1, 1), status) == ["agent_in_office"]


def test_the_years_count_from_the_end_of_an_office_too() -> None:
    person, left = lapsed(spell("2015-01")), date(2026, 5, 31)
    agent = replace(AN_AGENT, status=AgentStatus.DROPPED, left_on=left)
    assert erasure.retained_until(person, [agent], erasure.rules_on(noon(left))) == date(2036, 5, 31)


def test_an_answer_counts_once_and_only_for_its_request() -> None:
    known = Erasure(
        participant_id=samples.participant().participant_id,
        erasure_id=ID,
        ground=ErasureGround.REQUESTED,
        status=ErasureStatus.REQUESTED,
        branch_id=None,
        requested_by="central-1",
        requested_at=noon(date(2036, 1, 1)),
    )
    told = ErasureChecked(participant_id=known.participant_id, erasure_id=ID, obstacles=())
    assert isinstance(erasure.on_checked(known, told), ErasureCleared)
    assert erasure.on_checked(None, told) is None
    assert erasure.on_checked(replace(known, status=ErasureStatus.CLEARED), told) is None
    assert erasure.on_checked(replace(known, erasure_id=ErasureId(new_id())), told) is None
    barred = told.model_copy(update={"obstacles": (ErasureObstacle.OPEN_BILL,)})
    refused = erasure.on_checked(known, barred)
    assert isinstance(refused, ErasureRefused) and refused.obstacles == (ErasureObstacle.OPEN_BILL,)


def test_a_cleared_request_is_looked_at_once_more() -> None:
    person, on = lapsed(spell("2020-01")), noon(date(2036, 1, 1))
    asked = erasure.request(ID, person, [], None, ErasureGround.UNLAWFUL, now=on)
    assert isinstance(asked, ErasureRequested)
    known = Erasure(
        participant_id=person.participant_id,
        erasure_id=ID,
        ground=asked.ground,
        status=ErasureStatus.CLEARED,
        branch_id=None,
        requested_by="central-1",
        requested_at=on,
    )
    gone = erasure.carry_out(known, person, [], None, now=on)
    assert isinstance(gone, ParticipantForgotten) and gone.nik_hash == person.nik_hash
    back = replace(person, standing=Standing.ACTIVE, spells=(spell("2036-01"),))
    refused = erasure.carry_out(known, back, [], None, now=on)
    assert isinstance(refused, ErasureRefused) and refused.obstacles == (ErasureObstacle.PROTECTED,)


@pytest.mark.parametrize("obstacle", [*ErasureObstacle])
def test_every_obstacle_says_what_to_do_in_both_languages(obstacle: ErasureObstacle) -> None:
    told = ErasureRefused(
        participant_id=samples.participant().participant_id,
        erasure_id=ID,
        ground=ErasureGround.REQUESTED,
        obstacles=(obstacle,),
        retained_until=date(2036, 2, 1),
    )
    (error,) = erasure.obstacles_told(told)
    assert error.code == str(obstacle) and error.id != error.en
    assert "{" not in error.id + error.en
    assert ERASURE_OBSTACLES[obstacle].status == 409
