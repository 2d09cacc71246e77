"""Who may register, and what a NIK already stands for (domain.md sections 2 and 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from chassis.ids import new_id
from chassis.problems import Rejected
from contracts.events.agency import AgentProfile, IncentiveScheme, OutreachKind
from contracts.events.participants import Entry, Standing
from contracts.values import OutreachId, ParticipantId, WadahId
from services.registration.domain.agent import Agent, AgentStatus
from services.registration.domain.outreach import Outreach, OutreachStatus
from services.registration.domain.participant import evolve
from services.registration.domain.protection import due, on_paid
from services.registration.domain.registration import (
    AtWork,
    Holder,
    NewNumbers,
    Registered,
    Registrar,
    Repeated,
    register,
)
from services.registration.domain.wadah import Agreement, Wadah
from services.registration.problems import (
    AGENT_NOT_ACTIVE,
    AGENT_OF_OTHER_WADAH,
    AGENT_PARTICIPATION_ENDED,
    AGREEMENT_NOT_IN_FORCE,
    NIK_REGISTERED,
    OUTREACH_CANCELLED,
    OUTREACH_NOT_STARTED,
    OUTREACH_TOO_OLD,
    OUTREACH_UNKNOWN,
    REACTIVATION_OFFERED,
    REGISTRATION_NOT_POSSIBLE,
)
from tests.unit.registration.samples import (
    AGENT,
    BRANCH,
    NOW,
    WADAH,
    after,
    envelope,
    facts,
    form,
    paid,
    participant,
    wib,
)


def at_work(**changes: Any) -> AtWork:
    own = participant()
    own = after(own, on_paid(own, paid(own, "2025-10", at=NOW), facts()))
    agent = Agent(
        agent_id=AGENT,
        code="PRS00000001",
        wadah_id=WADAH,
        branch_id=BRANCH,
        participant_id=own.participant_id,
        status=AgentStatus.ACTIVE,
        profile=AgentProfile(name="Budi Santoso", phone="+6281234567891"),
    )
    wadah = Wadah(
        wadah_id=WADAH,
        branch_id=BRANCH,
        name="DPC SPN",
        agreements=(
            Agreement(
                number="PKS-1",
                scheme=IncentiveScheme.NEW,
                term_from=date(2025, 1, 1),
                term_to=date(2025, 12, 31),
            ),
        ),
    )
    return replace(AtWork(agent=agent, wadah=wadah, own=own), **changes)


def registrar(work: AtWork | None = None, **changes: Any) -> Registrar:
    plain = Registrar(
        actor="agent-1",
        branch_id=BRANCH,
        channel="agent",
        entry=Entry.ONLINE,
        work=work or at_work(),
        wadah_claimed=WADAH,
    )
    return replace(plain, **changes)


def new() -> NewNumbers:
    return NewNumbers(ParticipantId(new_id()), "1000000000009", "b" * 64)


def decide(by: Registrar | None = None, **how: Any) -> Registered | Repeated | Rejected:
    plain: dict[str, Any] = {"holder": None, "outreach": None, "new": new(), "now": NOW, "form": form()}
    whole = {**plain, **how}
    return register(whole.pop("form"), by or registrar(), **whole)


def problem(found: object) -> object:
    return found.problem if isinstance(found, Rejected) else None


class TestWhoMayRegister:
    def test_an_active_agent_registers_for_branch_and_wadah(self) -> None:
        found = decide()
        assert isinstance(found, Registered)
        assert (found.event.registered_on, found.event.expires_at) == (date(2025, 10, 6), wib("2025-11-06 00:00:00"))
        assert found.event.consent.taken_by == "agent-1"

    @pytest.mark.parametrize("status", [s for s in AgentStatus if s is not AgentStatus.ACTIVE])
    def test_no_other_agent_does(self, status: AgentStatus) -> None:
        work = at_work()
        found = decide(registrar(replace(work, agent=replace(work.agent, status=status))))
        assert problem(found) is AGENT_NOT_ACTIVE
        assert isinstance(found, Rejected)
        assert found.rules == "bpu-registration/2022-07"

    def test_nor_one_of_another_wadah_than_the_token_says(self) -> None:
        assert problem(decide(registrar(wadah_claimed=WadahId(new_id())))) is AGENT_OF_OTHER_WADAH

    @pytest.mark.parametrize(
        ("now", "refused"),
        [("2025-12-31 23:59:59", False), ("2026-01-01 00:00:00", True), ("2024-12-31 23:59:59", True)],
    )
    def test_the_agreement_is_in_force_through_its_last_day(self, now: str, refused: bool) -> None:
        work = at_work()
        assert work.own is not None
        paid_up = on_paid(work.own, paid(work.own, "2025-11", "2025-12", "2026-01", at=NOW), facts())
        found = decide(registrar(replace(work, own=after(work.own, paid_up))), now=wib(now))
        assert (problem(found) is AGREEMENT_NOT_IN_FORCE) is refused

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2025-10-31 23:59:59", ()),
            ("2025-11-01 00:00:00", ("agent_in_grace",)),
            ("2025-12-31 23:59:59", ("agent_in_grace",)),
        ],
    )
    def test_an_agent_in_grace_is_warned(self, now: str, expected: tuple[str, ...]) -> None:
        """By the calendar's instants, whether or not a timer has run."""
        found = decide(now=wib(now))
        assert isinstance(found, Registered)
        assert found.warnings == expected

    def test_an_agent_whose_own_participation_lapsed_registers_nobody(self) -> None:
        work = at_work()
        (agreement,) = work.wadah.agreements
        longer = replace(agreement, term_to=date(2026, 12, 31))
        work = replace(work, wadah=replace(work.wadah, agreements=(longer,)))
        assert problem(decide(registrar(work), now=wib("2026-01-31 23:59:59"))) is None
        assert problem(decide(registrar(work), now=wib("2026-02-01 00:00:00"))) is AGENT_PARTICIPATION_ENDED

    def test_nor_does_one_who_never_paid(self) -> None:
        assert problem(decide(registrar(at_work(own=participant())))) is AGENT_PARTICIPATION_ENDED

    def test_officers_and_the_person_need_no_agent(self) -> None:
        assert isinstance(decide(replace(registrar(), work=None)), Registered)


class TestDuplicates:
    """The table of domain.md section 4."""

    def held(self, by: Registrar | None = None) -> Holder:
        """The same form, registered by `by` and unpaid."""
        found = decide(by)
        assert isinstance(found, Registered)
        agent = AGENT if (by or registrar()).work else None
        state = evolve(None, envelope(found.event, agent=agent, actor=(by or registrar()).actor), found.event)
        return Holder(state, found.event.person.value)

    def test_the_same_agent_with_the_same_form_gets_the_first_result(self) -> None:
        holder = self.held()
        found = decide(holder=holder)
        assert isinstance(found, Repeated)
        assert found.participant == holder.participant

    @pytest.mark.parametrize(
        "changes",
        [{"name": "Siti Rahayu S"}, {"income": 1_000_001}, {"phone": "081234567899"}, {"consent_text_version": "2"}],
    )
    def test_other_data_is_refused(self, changes: dict[str, Any]) -> None:
        assert problem(decide(holder=self.held(), form=form(**changes))) is NIK_REGISTERED

    def test_another_registrar_is_refused(self) -> None:
        assert problem(decide(replace(registrar(), work=None), holder=self.held())) is NIK_REGISTERED

    def test_the_person_again_gets_the_first_result_and_somebody_else_does_not(self) -> None:
        person = replace(registrar(), work=None, actor="person-1")
        holder = self.held(person)
        assert isinstance(decide(person, holder=holder), Repeated)
        assert problem(decide(replace(person, actor="person-2"), holder=holder)) is NIK_REGISTERED

    def test_a_refusal_says_nothing_of_the_other_registration(self) -> None:
        found = decide(holder=self.held(), form=form(income=2_000_000))
        assert isinstance(found, Rejected)
        assert (found.field, dict(found.values)) == ("nik", {})

    def standing(self, months_later: int) -> Holder:
        holder = self.held()
        state = after(
            holder.participant, on_paid(holder.participant, paid(holder.participant, "2025-10", at=NOW), facts())
        )
        now = NOW + timedelta(days=31 * months_later)
        return Holder(after(state, due(state, now)), holder.person)

    @pytest.mark.parametrize("months_later", [0, 2])
    def test_protected_and_in_grace_is_registered(self, months_later: int) -> None:
        assert problem(decide(holder=self.standing(months_later))) is NIK_REGISTERED

    def test_lapsed_is_offered_reactivation(self) -> None:
        assert problem(decide(holder=self.standing(5))) is REACTIVATION_OFFERED

    def test_closed_is_refused(self) -> None:
        holder = self.standing(0)
        closed = Holder(replace(holder.participant, standing=Standing.CLOSED), holder.person)
        assert problem(decide(holder=closed)) is REGISTRATION_NOT_POSSIBLE


class TestOutreach:
    def session(self, **changes: Any) -> Outreach:
        plain = Outreach(
            outreach_id=OutreachId(new_id()),
            branch_id=BRANCH,
            wadah_id=WADAH,
            kind=OutreachKind.AGENT,
            status=OutreachStatus.HELD,
            place="Kota Tangerang",
            starts_at=wib("2025-10-06 08:00:00"),
            ends_at=wib("2025-10-06 12:00:00"),
            audience=(),
            agents=(AGENT,),
            officers=(),
        )
        return replace(plain, **changes)

    def named(self, session: Outreach | None, now: str = "2025-10-06 09:00:00") -> object:
        work = at_work()
        assert work.own is not None
        paid_up = on_paid(work.own, paid(work.own, "2025-11", at=NOW), facts())
        by = registrar(replace(work, own=after(work.own, paid_up)))
        wanted = form(outreach_id=session.outreach_id if session else OutreachId(new_id()))
        return problem(decide(by, form=wanted, outreach=session, now=wib(now)))

    def test_a_registration_may_name_a_session_of_its_branch_and_wadah(self) -> None:
        assert self.named(self.session()) is None

    def test_up_to_thirty_days_after_it(self) -> None:
        assert self.named(self.session(), "2025-11-05 23:59:59") is None
        assert self.named(self.session(), "2025-11-06 00:00:00") is OUTREACH_TOO_OLD

    def test_not_before_its_day(self) -> None:
        assert self.named(self.session(starts_at=wib("2025-10-07 00:00:00"))) is OUTREACH_NOT_STARTED

    def test_nor_one_that_was_cancelled(self) -> None:
        assert self.named(self.session(status=OutreachStatus.CANCELLED)) is OUTREACH_CANCELLED

    @pytest.mark.parametrize("changes", [{"branch_id": new_id()}, {"wadah_id": new_id()}])
    def test_a_foreign_session_is_as_unknown(self, changes: dict[str, Any]) -> None:
        assert self.named(self.session(**changes)) is OUTREACH_UNKNOWN
        assert self.named(None) is OUTREACH_UNKNOWN
