"""Branches, agreements and agents (Perban BPJSTK 1/2023; Perdir 13/2022)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.problems import Rejected
from contracts.event import Event
from contracts.events.agency import (
    AgentActivated,
    AgentProfile,
    AgentProposed,
    AgreementRenewed,
    IncentiveScheme,
    WadahEnded,
    WadahEngaged,
)
from contracts.events.participants import Standing
from contracts.values import AgentId, BranchId, ParticipantId, WadahId
from services.registration.domain import agent as agents
from services.registration.domain import branch as branches
from services.registration.domain import wadah as agreements
from services.registration.domain.agent import Agent, AgentStatus, Fitness
from services.registration.domain.parameters import AGENCY
from services.registration.domain.wadah import Agreement, Wadah
from services.registration.problems import (
    AGENT_PARTICIPATION_NOT_ACTIVE,
    AGENT_STEP,
    AGENT_UNDER_AGE,
    AGREEMENT_DATES,
    AGREEMENT_NOT_IN_FORCE,
    AGREEMENT_NUMBER_TAKEN,
    AGREEMENT_OVERLAPS,
    AGREEMENT_TOO_LONG,
    ALREADY_AGENT,
    BRANCH_CODE_TAKEN,
    CERTIFICATE_DATE,
    CHECKER_IS_MAKER,
    TIME_ZONE_UNKNOWN,
    WADAH_END_DATE,
    WADAH_ENDED,
)
from tests.unit.registration.samples import envelope

RULES = AGENCY[0]
TODAY = date(2025, 10, 6)


def agreement(**changes: Any) -> Agreement:
    plain = Agreement(
        number="PKS-1", scheme=IncentiveScheme.NEW, term_from=date(2025, 1, 15), term_to=date(2026, 1, 14)
    )
    return replace(plain, **changes)


def wadah(*renewals: Agreement, **changes: Any) -> Wadah:
    """With the agreement above, changed, and further ones."""
    return Wadah(
        wadah_id=WadahId(new_id()),
        branch_id=BranchId(new_id()),
        name="DPC SPN",
        agreements=(agreement(**changes), *renewals),
    )


def problem(found: object) -> object:
    return found.problem if isinstance(found, Rejected) else None


def test_a_branch_has_a_code_of_its_own_and_one_of_three_time_zones() -> None:
    plain: dict[str, Any] = {
        "code": "J08",
        "name": "Cimone",
        "city": "Tangerang",
        "time_zone": "Asia/Jakarta",
        "code_taken": False,
    }
    branch_id = BranchId(new_id())
    opened = branches.open_branch(branch_id, **plain)
    assert isinstance(opened, Event)
    assert branches.evolve(None, envelope(opened), opened).code == "J08"
    assert problem(branches.open_branch(branch_id, **{**plain, "code_taken": True})) is BRANCH_CODE_TAKEN
    assert problem(branches.open_branch(branch_id, **{**plain, "time_zone": "Asia/Tokyo"})) is TIME_ZONE_UNKNOWN


class TestAgreement:
    def engage(self, number_taken: bool = False, **changes: Any) -> object:
        wanted = wadah(**changes)
        return agreements.engage(
            wanted.wadah_id,
            wanted.branch_id,
            wanted.name,
            wanted.agreements[0],
            number_taken=number_taken,
            rules=RULES,
        )

    @pytest.mark.parametrize(
        ("scheme", "term_to", "expected"),
        [
            (IncentiveScheme.NEW, date(2026, 1, 14), None),
            (IncentiveScheme.NEW, date(2026, 1, 15), AGREEMENT_TOO_LONG),
            (IncentiveScheme.OLD, date(2028, 1, 14), None),
            (IncentiveScheme.OLD, date(2028, 1, 15), AGREEMENT_TOO_LONG),
            (IncentiveScheme.NEW, date(2025, 1, 15), None),
            (IncentiveScheme.NEW, date(2025, 1, 14), AGREEMENT_DATES),
        ],
    )
    def test_its_term_is_limited_by_the_scheme(self, scheme: IncentiveScheme, term_to: date, expected: object) -> None:
        assert problem(self.engage(scheme=scheme, term_to=term_to)) is expected

    def test_a_term_from_29_february_ends_on_28_february(self) -> None:
        assert problem(self.engage(term_from=date(2024, 2, 29), term_to=date(2025, 2, 28))) is None
        assert problem(self.engage(term_from=date(2024, 2, 29), term_to=date(2025, 3, 1))) is AGREEMENT_TOO_LONG

    def test_its_number_is_unique_within_the_branch(self) -> None:
        assert problem(self.engage(number_taken=True)) is AGREEMENT_NUMBER_TAKEN

    @given(st.integers(-400, 400), st.integers(-400, 400))
    def test_it_is_in_force_within_its_term_until_it_is_ended(self, day: int, end: int) -> None:
        state, term = wadah(), agreement()
        on, ended_on = term.term_from + timedelta(days=day), term.term_from + timedelta(days=end)
        ending = agreements.end(state, ended_on=ended_on, today=TODAY, reason="target_missed")
        if isinstance(ending, WadahEnded):
            state = agreements.evolve(state, envelope(ending), ending)
            assert state.in_force_on(on) == (term.term_from <= on <= ended_on)
            assert problem(agreements.end(state, ended_on=ended_on, today=TODAY, reason="again")) is WADAH_ENDED
        else:
            assert problem(ending) is WADAH_END_DATE
            assert state.in_force_on(on) == (term.term_from <= on <= term.term_to)

    def test_engaging_folds_into_what_was_wanted(self) -> None:
        wanted = wadah(monthly_target=3)
        event = agreements.engage(
            wanted.wadah_id,
            wanted.branch_id,
            wanted.name,
            wanted.agreements[0],
            number_taken=False,
            rules=RULES,
        )
        assert isinstance(event, WadahEngaged)
        assert agreements.evolve(None, envelope(event), event) == wanted


def next_one(**changes: Any) -> Agreement:
    facts = {"number": "PKS-2", "term_from": date(2026, 1, 15), "term_to": date(2027, 1, 14)}
    return agreement(**facts | changes)


def after(state: Wadah, event: object) -> Wadah:
    assert isinstance(event, Event)
    return agreements.evolve(state, envelope(event), event)


def renewed(state: Wadah, **changes: Any) -> Wadah:
    return after(state, agreements.renew(state, next_one(**changes), number_taken=False, rules=RULES))


def ended(state: Wadah, on: date, today: date = TODAY) -> Wadah:
    return after(state, agreements.end(state, ended_on=on, today=today, reason="target_missed"))


class TestRenewal:
    def renew(self, state: Wadah, *, number_taken: bool = False, **changes: Any) -> object:
        return agreements.renew(state, next_one(**changes), number_taken=number_taken, rules=RULES)

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, None),
            ({"term_from": date(2026, 3, 1)}, None),
            ({"scheme": IncentiveScheme.OLD, "term_to": date(2029, 1, 14)}, None),
            ({"term_from": date(2026, 1, 14), "term_to": date(2027, 1, 13)}, AGREEMENT_OVERLAPS),
            ({"term_to": date(2026, 1, 14)}, AGREEMENT_DATES),
            ({"term_to": date(2027, 1, 15)}, AGREEMENT_TOO_LONG),
            ({"number_taken": True}, AGREEMENT_NUMBER_TAKEN),
        ],
    )
    def test_the_next_one_begins_after_the_one_before_and_is_limited_as_the_first(
        self, changes: dict[str, Any], expected: object
    ) -> None:
        assert problem(self.renew(wadah(), **changes)) is expected

    def test_an_overlap_names_the_agreement_before_and_its_last_day(self) -> None:
        refused = self.renew(wadah(), term_from=date(2026, 1, 1), term_to=date(2026, 12, 31))
        assert isinstance(refused, Rejected)
        assert (refused.field, dict(refused.values)) == ("term_from", {"number": "PKS-1", "last_day": "2026-01-14"})

    def test_after_an_early_end_the_next_one_may_begin_the_day_after(self) -> None:
        state = ended(wadah(), date(2025, 10, 31))
        assert problem(self.renew(state, term_from=date(2025, 10, 31), term_to=date(2026, 9, 30))) is AGREEMENT_OVERLAPS
        event = self.renew(state, term_from=date(2025, 11, 1), term_to=date(2026, 10, 31))
        assert isinstance(event, AgreementRenewed)
        assert (event.agreement, event.follows_on) == (2, date(2025, 10, 31))

    def test_both_are_in_force_one_after_the_other_and_the_one_of_the_day_is_shown(self) -> None:
        state = renewed(wadah(), term_from=date(2026, 3, 1))
        days = [date(2025, 1, 14), date(2025, 1, 15), date(2026, 1, 14), date(2026, 1, 15), date(2026, 3, 1)]
        assert [state.in_force_on(day) for day in days] == [False, True, True, False, True]
        assert [state.agreement_on(day).number for day in days] == ["PKS-1"] * 4 + ["PKS-2"]

    def test_an_end_takes_the_one_that_was_to_follow_with_it(self) -> None:
        state = ended(renewed(wadah()), date(2025, 10, 31))
        assert not state.in_force_on(date(2026, 2, 1))
        assert state.agreement_on(date(2026, 2, 1)).number == "PKS-1"
        again = renewed(state, number="PKS-3", term_from=date(2025, 11, 15), term_to=date(2026, 11, 14))
        assert [again.in_force_on(date(2025, 11, day)) for day in (14, 15)] == [False, True]
        assert again.agreement_on(date(2026, 2, 1)).number == "PKS-3"
        assert not ended(again, date(2026, 2, 1), date(2026, 2, 1)).in_force_on(date(2026, 2, 2))

    def test_one_that_is_to_follow_can_be_ended_alone_and_one_that_was_followed_not_any_more(self) -> None:
        state = renewed(wadah())
        assert ended(state, date(2026, 6, 30)).in_force_on(date(2026, 1, 14))
        late = agreements.end(state, ended_on=date(2025, 12, 1), today=date(2026, 1, 15), reason="target_missed")
        assert problem(late) is WADAH_END_DATE
        assert not ended(state, date(2025, 12, 1), date(2026, 1, 14)).in_force_on(date(2026, 1, 15))

    @pytest.mark.parametrize("today", [date(2025, 11, 10), date(2026, 1, 10)])
    def test_one_that_begins_within_the_term_of_one_that_was_ended_early_is_ended(self, today: date) -> None:
        state = ended(wadah(), date(2025, 10, 31))
        state = renewed(state, term_from=date(2026, 1, 1), term_to=date(2026, 12, 31))
        state = ended(state, date(2026, 1, 12), today)
        assert [state.in_force_on(date(2026, 1, day)) for day in (12, 13)] == [True, False]

    def test_one_that_was_concluded_ahead_by_mistake_is_called_off_with_the_last_day_of_the_one_before(self) -> None:
        """Till then no other agreement could come before it."""
        state = ended(wadah(), date(2025, 10, 31))
        state = renewed(state, term_from=date(2026, 6, 1), term_to=date(2027, 5, 31))
        state = ended(state, date(2025, 10, 31), date(2025, 11, 10))
        assert not state.in_force_on(date(2026, 6, 1))
        state = renewed(state, number="PKS-3", term_from=date(2025, 11, 15), term_to=date(2026, 11, 14))
        assert state.in_force_on(date(2025, 11, 15))
        again = agreements.end(
            ended(wadah(), date(2025, 10, 31)), ended_on=date(2025, 10, 31), today=TODAY, reason="again"
        )
        assert problem(again) is WADAH_ENDED


class TestAgent:
    def proposed(self) -> Agent:
        event = agents.propose(
            AgentId(new_id()),
            code="PRS00000001",
            wadah=wadah(),
            participant_id=ParticipantId(new_id()),
            profile=AgentProfile(name="Budi Santoso", phone="+6281234567891"),
            taken=False,
        )
        assert isinstance(event, AgentProposed)
        return agents.evolve(None, envelope(event), event)

    def certified(self) -> Agent:
        event = agents.certify(self.proposed(), number="S-1", on=TODAY, today=TODAY)
        assert isinstance(event, Event)
        return agents.evolve(self.proposed(), envelope(event, actor="officer-1"), event)

    def fit(self, **changes: Any) -> Fitness:
        return replace(Fitness(wadah(), Standing.ACTIVE, date(1990, 3, 4)), **changes)

    def activate(
        self, state: Agent | None = None, checker: str = "head-1", **changes: Any
    ) -> AgentActivated | Rejected:
        return agents.activate(
            state or self.certified(), self.fit(**changes), today=TODAY, checker=checker, rules=RULES
        )

    def active(self) -> Agent:
        event = self.activate()
        assert isinstance(event, AgentActivated)
        return agents.evolve(self.certified(), envelope(event), event)

    def test_steps_are_taken_in_order(self) -> None:
        assert problem(self.activate(self.proposed())) is AGENT_STEP
        assert problem(agents.certify(self.certified(), number="S-2", on=TODAY, today=TODAY)) is AGENT_STEP
        assert problem(agents.suspend(self.certified(), reason="under_review")) is AGENT_STEP
        assert self.active().status is AgentStatus.ACTIVE

    def test_nobody_is_an_agent_twice(self) -> None:
        found = agents.propose(
            AgentId(new_id()),
            code="PRS00000002",
            wadah=wadah(),
            participant_id=ParticipantId(new_id()),
            profile=AgentProfile(name="Budi Santoso", phone="+6281234567891"),
            taken=True,
        )
        assert problem(found) is ALREADY_AGENT

    def test_a_certificate_is_not_of_tomorrow(self) -> None:
        found = agents.certify(self.proposed(), number="S-1", on=TODAY + timedelta(days=1), today=TODAY)
        assert problem(found) is CERTIFICATE_DATE

    def test_who_certified_does_not_activate(self) -> None:
        assert problem(self.activate(checker="officer-1")) is CHECKER_IS_MAKER

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"birth_date": date(2007, 10, 7)}, AGENT_UNDER_AGE),
            ({"birth_date": date(2007, 10, 6)}, None),
            ({"birth_date": None}, AGENT_UNDER_AGE),
            ({"own_standing": Standing.GRACE}, AGENT_PARTICIPATION_NOT_ACTIVE),
            ({"own_standing": Standing.REGISTERED}, AGENT_PARTICIPATION_NOT_ACTIVE),
            ({"wadah": wadah(term_to=date(2025, 10, 5))}, AGREEMENT_NOT_IN_FORCE),
            ({"wadah": wadah(term_to=TODAY)}, None),
        ],
    )
    def test_activation_asks_for_age_own_participation_and_agreement(
        self, changes: dict[str, Any], expected: object
    ) -> None:
        """Perban BPJSTK 1/2023 Art. 7."""
        assert problem(self.activate(**changes)) is expected

    def test_a_suspended_agent_comes_back_only_when_fit(self) -> None:
        event = agents.suspend(self.active(), reason="under_review")
        assert isinstance(event, Event)
        suspended = agents.evolve(self.active(), envelope(event), event)
        assert suspended.status is AgentStatus.SUSPENDED
        lapsed = agents.reinstate(suspended, self.fit(own_standing=Standing.LAPSED), today=TODAY, rules=RULES)
        assert problem(lapsed) is AGENT_PARTICIPATION_NOT_ACTIVE
        back = agents.reinstate(suspended, self.fit(), today=TODAY, rules=RULES)
        assert isinstance(back, Event)
        assert agents.evolve(suspended, envelope(back), back).status is AgentStatus.ACTIVE
