"""Transitions T2-T14 of domain.md section 6: month ends, WIB borders, late and losing payments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.contributions import BillKind, ContributionPaid
from contracts.events.participants import (
    CorrectionCause,
    GraceEntered,
    ParticipationClosed,
    ProtectionCorrected,
    ProtectionExtended,
    ProtectionRefused,
    ProtectionStarted,
    RefusalReason,
    Standing,
)
from contracts.values import ContributionMonth
from services.registration.domain import protection
from services.registration.domain.participant import Participant, evolve
from services.registration.domain.protection import (
    Due,
    due,
    lapse_instant,
    lapses_at,
    next_change,
    on_paid,
    on_reversed,
    standing_at,
)
from services.registration.problems import CLOSURE_DATE, CLOSURE_STEP
from tests.unit.registration.samples import AGENT, after, envelope, facts, month, names, paid, participant, voided, wib

FIRST = BillKind.FIRST
OCTOBER = wib("2025-10-06 09:00:00")


def started(at: datetime = OCTOBER, *months: str) -> Participant:
    """Paid for the month of `at`, unless other months are named."""
    state = participant()
    return after(
        state, on_paid(state, paid(state, *(months or (str(ContributionMonth.of(at)),)), at=at, kind=FIRST), facts())
    )


def worked_off(state: Participant, now: datetime) -> Participant:
    return after(state, due(state, now))


def lapsed() -> Participant:
    """Paid for October 2025, lapsed on 1 February 2026."""
    return worked_off(started(), wib("2026-02-01 00:00:00"))


class TestFirstPayment:
    """T3."""

    def test_it_opens_a_spell_at_the_instant_of_the_payment(self) -> None:
        state = participant()
        payment = paid(state, "2025-10", at=OCTOBER, kind=FIRST)
        (change,) = on_paid(state, payment, facts())
        event = change.event
        assert isinstance(event, ProtectionStarted)
        assert (event.starts_at, event.paid_through, event.spell) == (OCTOBER, month("2025-10"), 1)
        assert (event.kpj, event.payment_id, event.amount) == ("10000000001", payment.payment_id, 16_800)
        assert (event.acquisition, event.agent) == (True, AGENT)
        assert after(state, [change]).standing is Standing.ACTIVE

    def test_prepaid_months_reach_to_the_last_of_them(self) -> None:
        state = started(OCTOBER, "2025-10", "2025-11", "2025-12")
        assert state.spell is not None
        assert state.spell.paid_through == month("2025-12")

    @pytest.mark.parametrize("changes", [{"agent_active": False}, {"agent_is_self": True}])
    def test_it_is_nobodys_acquisition(self, changes: dict[str, bool]) -> None:
        """The registering agent must be ACTIVE at the first payment; an agent's own NIK does not count
        (self_acquisition).
        """
        state = participant()
        (change,) = on_paid(state, paid(state, "2025-10", at=OCTOBER), facts(**changes))
        assert isinstance(change.event, ProtectionStarted)
        assert change.event.acquisition is False

    def test_who_was_in_bpu_before_is_no_acquisition(self) -> None:
        state = participant(new_to_bpu=False)
        (change,) = on_paid(state, paid(state, "2025-10", at=OCTOBER), facts())
        assert isinstance(change.event, ProtectionStarted)
        assert change.event.acquisition is False

    @pytest.mark.parametrize(
        ("effective_at", "starts"),
        [("2025-10-20 23:59:59", True), ("2025-10-21 00:00:00", False)],
    )
    def test_age_is_judged_again_on_the_wib_day_of_the_payment(self, effective_at: str, starts: bool) -> None:
        """Born on 21 October 1959: 66 on 21 October 2025."""
        state = participant()
        (change,) = on_paid(state, paid(state, "2025-10", at=wib(effective_at)), facts(birth_date=date(1959, 10, 21)))
        if starts:
            assert isinstance(change.event, ProtectionStarted)
        else:
            assert isinstance(change.event, ProtectionRefused)
            assert change.event.reason is RefusalReason.ENTRY_AGE_EXCEEDED

    def test_a_refused_payment_changes_nothing(self) -> None:
        state = participant()
        refused = on_paid(state, paid(state, "2025-10", at=OCTOBER), facts(birth_date=date(1950, 1, 1)))
        assert after(state, refused) == state


class TestExpiry:
    """T2."""

    def test_unpaid_registrations_expire_at_the_end_of_their_last_day(self) -> None:
        state = participant()
        assert due(state, state.expires_at - timedelta(microseconds=1)) == ()
        (change,) = due(state, state.expires_at)
        assert change.at == wib("2025-11-06 00:00:00")
        expired = after(state, [change])
        assert (expired.standing, expired.holds_nik, next_change(expired)) == (Standing.EXPIRED, False, None)

    def test_a_late_payment_revives_while_the_nik_is_free(self) -> None:
        state = worked_off(participant(), wib("2025-11-06 00:00:00"))
        changes = on_paid(state, paid(state, "2025-11", at=wib("2025-11-07 10:00:00")), facts())
        assert names(changes) == ["ProtectionStarted"]
        assert after(state, changes).holds_nik

    def test_a_late_payment_loses_when_the_nik_was_taken(self) -> None:
        state = worked_off(participant(), wib("2025-11-06 00:00:00"))
        (change,) = on_paid(state, paid(state, "2025-11", at=wib("2025-11-05 10:00:00")), facts(nik_free=False))
        assert isinstance(change.event, ProtectionRefused)
        assert change.event.reason is RefusalReason.NIK_TAKEN

    def test_after_a_payment_nothing_expires(self) -> None:
        assert "RegistrationExpired" not in names(due(started(), wib("2026-10-01 00:00:00")))


class TestFurtherPayments:
    """T4, T6, T7."""

    def test_the_next_month_moves_m_on(self) -> None:
        state = started()
        changes = on_paid(state, paid(state, "2025-11", at=wib("2025-10-20 08:00:00")), facts())
        assert names(changes) == ["ProtectionExtended"]
        moved = after(state, changes)
        assert moved.spell is not None
        assert (moved.standing, moved.spell.paid_through) == (Standing.ACTIVE, month("2025-11"))

    def test_part_of_the_arrears_leaves_grace_standing_and_counts_the_window_anew(self) -> None:
        state = worked_off(started(), wib("2026-01-10 00:00:00"))
        assert state.standing is Standing.GRACE
        moved = after(state, on_paid(state, paid(state, "2025-11", at=wib("2026-01-10 08:00:00")), facts()))
        assert moved.standing is Standing.GRACE
        assert next_change(moved) == wib("2026-03-01 00:00:00")

    def test_arrears_through_the_current_month_end_grace(self) -> None:
        state = worked_off(started(), wib("2025-12-10 00:00:00"))
        moved = after(state, on_paid(state, paid(state, "2025-11", "2025-12", at=wib("2025-12-10 08:00:00")), facts()))
        assert (moved.standing, len(moved.spells)) == (Standing.ACTIVE, 1)

    def test_a_gap_holds_m_back_until_it_is_paid(self) -> None:
        state = started()
        december = on_paid(state, paid(state, "2025-12", at=wib("2025-10-20 08:00:00")), facts())
        state = after(state, december)
        assert isinstance(december[0].event, ProtectionExtended)
        assert december[0].event.paid_through == month("2025-10")
        november = on_paid(state, paid(state, "2025-11", at=wib("2025-10-21 08:00:00")), facts())
        assert isinstance(november[0].event, ProtectionExtended)
        assert november[0].event.paid_through == month("2025-12")


class TestCalendar:
    """T5 and T8, at 00:00 WIB."""

    @pytest.mark.parametrize(
        ("now", "standing"),
        [
            ("2025-10-31 23:59:59", Standing.ACTIVE),
            ("2025-11-01 00:00:00", Standing.GRACE),
            ("2026-01-31 23:59:59", Standing.GRACE),
            ("2026-02-01 00:00:00", Standing.LAPSED),
        ],
    )
    def test_grace_begins_after_m_and_lapse_comes_with_m_plus_4(self, now: str, standing: Standing) -> None:
        state = started()
        assert standing_at(state, wib(now)) is standing
        assert worked_off(state, wib(now)).standing is standing

    def test_the_table_s_instants_count_and_not_those_of_the_run(self) -> None:
        changes = due(started(), wib("2026-05-17 12:34:56"))
        assert [(type(c.event).__name__, c.at) for c in changes] == [
            ("GraceEntered", wib("2025-11-01 00:00:00")),
            ("ParticipationLapsed", wib("2026-02-01 00:00:00")),
        ]

    def test_a_lapsed_spell_waits_for_payments_alone(self) -> None:
        assert next_change(lapsed()) is None

    @given(st.integers(0, 60), st.integers(0, 300 * 24 * 60))
    def test_working_off_often_or_once_comes_to_the_same(self, months: int, minutes: int) -> None:
        paid_through = month("2025-10") + months
        at = wib("2025-10-06 09:00:00")
        state = started(at, *(str(month("2025-10") + n) for n in range(months + 1)))
        now = paid_through.ends_at - timedelta(days=60) + timedelta(minutes=minutes)
        once = worked_off(state, now)
        often = state
        for hours in range(0, 24 * 400, 24 * 9):
            step = min(now, at + timedelta(hours=hours) + (now - at) // 3)
            often = worked_off(often, step)
        assert worked_off(often, now) == once
        assert once.standing is standing_at(state, now)

    @given(st.integers(1659312000, 2051222400).map(lambda s: datetime.fromtimestamp(s, UTC)))
    def test_standing_follows_the_months_after_m(self, now: datetime) -> None:
        state = started()
        behind = ContributionMonth.of(now) - month("2025-10")
        expected = Standing.ACTIVE if behind <= 0 else Standing.GRACE if behind <= 3 else Standing.LAPSED
        assert standing_at(state, now) is expected


class TestReactivation:
    """T11."""

    def test_it_opens_a_new_spell_and_is_never_an_acquisition(self) -> None:
        state = lapsed()
        at = wib("2026-03-05 10:00:00")
        changes = on_paid(state, paid(state, "2026-03", at=at, kind=BillKind.REACTIVATION), facts(kpj=""))
        (change,) = changes
        event = change.event
        assert isinstance(event, ProtectionStarted)
        assert (event.spell, event.acquisition, event.kpj, event.starts_at) == (2, False, state.kpj, at)
        assert [spell.paid_through for spell in after(state, changes).spells] == [month("2025-10"), month("2026-03")]

    def test_the_branch_manages_who_comes_back_when_the_agent_is_not_active(self) -> None:
        state = lapsed()
        (change,) = on_paid(state, paid(state, "2026-03", at=wib("2026-03-05 10:00:00")), facts(agent_active=False))
        assert isinstance(change.event, ProtectionStarted)
        assert change.event.agent is None

    def test_age_is_not_asked_again(self) -> None:
        state = lapsed()
        changes = on_paid(
            state, paid(state, "2026-03", at=wib("2026-03-05 10:00:00")), facts(birth_date=date(1950, 1, 1))
        )
        assert names(changes) == ["ProtectionStarted"]

    def test_a_lapse_that_no_timer_worked_off_yet_is_recorded_before_it(self) -> None:
        state = started()
        changes = on_paid(state, paid(state, "2026-02", at=wib("2026-02-01 00:00:00")), facts())
        assert names(changes) == ["GraceEntered", "ParticipationLapsed", "ProtectionStarted"]
        assert after(state, changes).standing is Standing.ACTIVE


class TestLapseUndone:
    """T14."""

    def test_money_of_the_last_grace_day_that_arrives_later_undoes_the_lapse(self) -> None:
        state = lapsed()
        payment = paid(state, "2025-11", "2025-12", "2026-01", at=wib("2026-01-31 23:59:59"))
        changes = on_paid(state, payment, facts())
        assert names(changes) == ["ProtectionCorrected", "ProtectionExtended"]
        corrected = changes[0].event
        assert isinstance(corrected, ProtectionCorrected)
        assert (corrected.cause, corrected.standing) == (CorrectionCause.LAPSE_UNDONE, Standing.GRACE)
        undone = after(state, changes)
        assert (undone.standing, len(undone.spells), undone.spells[0].ended) == (Standing.ACTIVE, 1, None)

    def test_one_second_later_it_is_a_new_spell(self) -> None:
        state = lapsed()
        changes = on_paid(state, paid(state, "2026-02", at=wib("2026-02-01 00:00:00")), facts())
        assert names(changes) == ["ProtectionStarted"]

    def test_a_part_of_the_arrears_leads_back_into_grace(self) -> None:
        state = lapsed()
        undone = after(state, on_paid(state, paid(state, "2025-11", at=wib("2026-01-31 12:00:00")), facts()))
        assert (undone.standing, next_change(undone)) == (Standing.GRACE, wib("2026-03-01 00:00:00"))

    def test_a_reactivation_in_between_stands(self) -> None:
        state = lapsed()
        back = paid(state, "2026-02", at=wib("2026-02-01 09:00:00"), kind=BillKind.REACTIVATION)
        state = after(state, on_paid(state, back, facts()))
        (change,) = on_paid(state, paid(state, "2025-11", at=wib("2026-01-31 23:00:00")), facts())
        assert isinstance(change.event, ProtectionRefused)
        assert change.event.reason is RefusalReason.REACTIVATED_MEANWHILE


class TestVoided:
    """T13."""

    def test_without_its_only_payment_the_registration_is_unpaid_again(self) -> None:
        state = participant()
        first = paid(state, "2025-10", at=OCTOBER, kind=FIRST)
        state = after(state, on_paid(state, first, facts()))
        (event,) = on_reversed(state, voided(first), now=wib("2025-10-08 09:00:00"))
        assert (event.paid_through, event.standing, event.cause) == (
            None,
            Standing.REGISTERED,
            CorrectionCause.PAYMENT_VOIDED,
        )
        again = after(state, [Due(event)])
        assert (again.spell, next_change(again)) == (None, again.expires_at)
        paid_again = on_paid(again, paid(again, "2025-10", at=wib("2025-10-09 09:00:00")), facts())
        assert isinstance(paid_again[0].event, ProtectionStarted)
        assert (paid_again[0].event.spell, paid_again[0].event.kpj) == (2, state.kpj)

    def test_the_last_months_go_with_their_payment(self) -> None:
        state = started()
        second = paid(state, "2025-11", "2025-12", at=wib("2025-10-20 08:00:00"))
        state = after(state, on_paid(state, second, facts()))
        (event,) = on_reversed(state, voided(second), now=wib("2025-12-02 00:00:00"))
        assert (event.paid_through, event.standing) == (month("2025-10"), Standing.GRACE)

    def test_a_voided_reactivation_leaves_the_lapse(self) -> None:
        state = lapsed()
        back = paid(state, "2026-03", at=wib("2026-03-05 10:00:00"), kind=BillKind.REACTIVATION)
        state = after(state, on_paid(state, back, facts()))
        (event,) = on_reversed(state, voided(back), now=wib("2026-03-09 10:00:00"))
        assert event.standing is Standing.LAPSED
        assert after(state, [Due(event)]).spell == state.spells[0]

    def test_an_old_spell_is_corrected_without_touching_the_present(self) -> None:
        state = participant()
        first = paid(state, "2025-10", at=OCTOBER, kind=FIRST)
        state = worked_off(after(state, on_paid(state, first, facts())), wib("2026-02-01 00:00:00"))
        back = paid(state, "2026-03", at=wib("2026-03-05 10:00:00"))
        state = after(state, on_paid(state, back, facts()))
        (event,) = on_reversed(state, voided(first), now=wib("2026-03-09 10:00:00"))
        assert (event.spell, event.paid_through, event.standing) == (1, None, Standing.ACTIVE)

    def test_money_that_registration_itself_refused_needs_no_correction(self) -> None:
        state = participant()
        assert on_reversed(state, voided(paid(state, "2025-10", at=OCTOBER), "protection_refused"), now=OCTOBER) == ()

    def test_a_payment_that_protects_nothing_changes_nothing(self) -> None:
        state = started()
        assert on_reversed(state, voided(paid(state, "2025-11", at=OCTOBER)), now=OCTOBER) == ()

    @given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.data())
    def test_voiding_is_as_if_the_payment_had_not_been(self, lengths: list[int], data: st.DataObject) -> None:
        """All months are prepaid in October, so only the ledger decides."""
        voided_one = data.draw(st.integers(0, len(lengths) - 1))
        state, payments, next_month = participant(), [], month("2025-10")
        for length in lengths:
            payment = paid(state, *(str(next_month + n) for n in range(length)), at=OCTOBER)
            payments.append(payment)
            state = after(state, on_paid(state, payment, facts()))
            next_month += length
        (event,) = on_reversed(state, voided(payments[voided_one]), now=OCTOBER)
        left = {charge.month for n, p in enumerate(payments) if n != voided_one for charge in p.months}
        reached = min(left, default=None)
        while reached is not None and reached + 1 in left:
            reached += 1
        assert event.paid_through == reached


class TestClosing:
    """T12."""

    def test_a_death_ends_the_running_spell(self) -> None:
        event = protection.close(started(), died_on=date(2025, 10, 20), today=date(2025, 10, 22))
        assert isinstance(event, ParticipationClosed)
        closed = after(started(), [Due(event)])
        assert (closed.standing, closed.spells[0].ended) == (Standing.CLOSED, Standing.CLOSED)
        assert next_change(closed) is None

    def test_no_payment_starts_anything_afterwards(self) -> None:
        event = protection.close(started(), died_on=date(2025, 10, 20), today=date(2025, 10, 22))
        assert isinstance(event, ParticipationClosed)
        closed = after(started(), [Due(event)])
        (change,) = on_paid(closed, paid(closed, "2025-11", at=wib("2025-10-25 08:00:00")), facts())
        assert isinstance(change.event, ProtectionRefused)
        assert change.event.reason is RefusalReason.PARTICIPANT_CLOSED

    @pytest.mark.parametrize("died_on", [date(2025, 10, 5), date(2025, 10, 23)])
    def test_the_day_lies_between_registration_and_today(self, died_on: date) -> None:
        found = protection.close(started(), died_on=died_on, today=date(2025, 10, 22))
        assert getattr(found, "problem", None) is CLOSURE_DATE

    def test_nobody_is_closed_twice(self) -> None:
        event = protection.close(started(), died_on=date(2025, 10, 20), today=date(2025, 10, 22))
        assert isinstance(event, ParticipationClosed)
        found = protection.close(after(started(), [Due(event)]), died_on=date(2025, 10, 20), today=date(2025, 10, 22))
        assert getattr(found, "problem", None) is CLOSURE_STEP


def test_the_lapse_instant_is_the_first_of_the_fourth_month_after_m() -> None:
    assert lapse_instant(month("2025-10")) == wib("2026-02-01 00:00:00")
    assert lapse_instant(month("2023-11")) == wib("2024-03-01 00:00:00")


class TestArrearsAfterDeath:
    """T12: who died in grace on the 5th of December, paid through October."""

    def dead(self, died_on: date = date(2025, 12, 5)) -> Participant:
        state = worked_off(started(), wib("2025-12-10 00:00:00"))
        event = protection.close(state, died_on=died_on, today=date(2025, 12, 10))
        assert isinstance(event, ParticipationClosed)
        return after(state, [Due(event)])

    def test_they_reach_up_to_the_month_of_the_death_and_nothing_starts_again(self) -> None:
        state = self.dead()
        late = paid(state, "2025-11", "2025-12", at=wib("2026-01-31 23:59:00"))
        (change,) = on_paid(state, late, facts())
        assert isinstance(change.event, ProtectionExtended)
        assert (change.event.after_death, change.event.paid_through) == (True, month("2025-12"))
        state = after(state, [change])
        assert (state.standing, next_change(state)) == (Standing.CLOSED, None)

    @pytest.mark.parametrize(
        ("months", "at"),
        [
            (("2025-11", "2025-12", "2026-01"), "2026-01-10 09:00:00"),  # January is after the death
            (("2025-11",), "2026-02-01 00:00:00"),  # the lapse instant
        ],
    )
    def test_months_after_the_death_and_money_after_the_lapse_protect_nothing(
        self, months: tuple[str, ...], at: str
    ) -> None:
        state = self.dead()
        (change,) = on_paid(state, paid(state, *months, at=wib(at)), facts())
        assert isinstance(change.event, ProtectionRefused)
        assert change.event.reason is RefusalReason.PARTICIPANT_CLOSED

    def test_who_had_paid_the_month_of_the_death_owes_nothing(self) -> None:
        state = self.dead(date(2025, 10, 20))
        (change,) = on_paid(state, paid(state, "2025-11", at=wib("2025-11-10 09:00:00")), facts())
        assert isinstance(change.event, ProtectionRefused)

    def test_a_voided_payment_of_before_leaves_the_participation_closed(self) -> None:
        state = self.dead()
        late = paid(state, "2025-11", at=wib("2026-01-10 09:00:00"))
        state = after(state, on_paid(state, late, facts()))
        back = on_reversed(state, voided(late), now=wib("2026-01-20 09:00:00"))
        assert [event.standing for event in back] == [Standing.CLOSED]


class TestGraceOfThePayment:
    """How many months of grace there are is said by the payment of M; a payment of before that says the usual three."""

    def with_grace(self, state: Participant, *graces: int) -> ContributionPaid:
        """Pays so many months from October 2025 on."""
        told = paid(state, *(str(month("2025-10") + n) for n in range(len(graces))), at=OCTOBER, kind=FIRST)
        charges = zip(told.months, graces, strict=True)
        return told.model_copy(update={"months": tuple(c.model_copy(update={"grace_months": g}) for c, g in charges)})

    def test_the_participation_lapses_by_the_grace_of_its_last_month(self) -> None:
        state = participant()
        state = after(state, on_paid(state, self.with_grace(state, 3, 1), facts()))
        assert state.spell is not None
        assert (state.spell.last_month, state.spell.grace_months) == (month("2025-11"), 1)
        state = worked_off(state, wib("2025-12-01 00:00:00"))
        assert (state.standing, next_change(state)) == (Standing.GRACE, wib("2026-01-01 00:00:00"))
        late = paid(state, "2025-12", at=wib("2025-12-31 23:59:00"))
        assert isinstance(on_paid(state, late, facts())[0].event, ProtectionExtended)
        state = worked_off(state, wib("2026-01-01 00:00:00"))
        assert state.standing is Standing.LAPSED

    def test_the_month_before_has_its_own_when_the_last_is_voided(self) -> None:
        state = participant()
        state = after(state, on_paid(state, self.with_grace(state, 2), facts()))
        more = paid(state, "2025-11", at=OCTOBER)
        state = after(state, on_paid(state, more, facts()))
        assert lapses_at(state.spell) == wib("2026-03-01 00:00:00")  # type: ignore[arg-type]
        state = after(state, [Due(event) for event in on_reversed(state, voided(more), now=OCTOBER)])
        assert lapses_at(state.spell) == wib("2026-01-01 00:00:00")  # type: ignore[arg-type]

    def test_who_enters_grace_is_told_how_long_it_is(self) -> None:
        state = participant()
        state = after(state, on_paid(state, self.with_grace(state, 2), facts()))
        (entered,) = names_of_grace(due(state, wib("2025-11-01 00:00:00")))
        assert (entered.paid_through, entered.grace_months) == (month("2025-10"), 2)


def names_of_grace(changes: Sequence[Due]) -> list[GraceEntered]:
    return [change.event for change in changes if isinstance(change.event, GraceEntered)]


@given(
    st.lists(st.tuples(st.sampled_from(["pay", "void", "wait"]), st.integers(1, 120), st.integers(1, 4)), max_size=12)
)
def test_any_history_keeps_its_promises(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is paid, voided or waited for: M is the last month without a gap, and only one spell runs."""
    state, now, payments = participant(), OCTOBER, []
    for step, days, length in steps:
        now += timedelta(days=days)
        if step == "wait":
            state = worked_off(state, now)
        elif step == "pay":
            state = worked_off(state, now)
            spell = state.spell
            current = ContributionMonth.of(now)
            runs = spell is not None and standing_at(state, now) in (Standing.ACTIVE, Standing.GRACE)
            first = spell.last_month + 1 if runs and spell is not None else current
            payment = paid(state, *(str(first + n) for n in range(length)), at=now)
            payments.append(payment)
            state = after(state, on_paid(state, payment, facts()), now)
        elif payments:
            payment = payments.pop(days % len(payments))
            state = after(state, [Due(e) for e in on_reversed(state, voided(payment), now=now)], now)
        _holds(state)


def _holds(state: Participant) -> None:
    assert (
        sum(1 for spell in state.spells if spell.payments and spell.ended is None) <= 1
        or state.standing is Standing.CLOSED
    )
    for spell in state.spells:
        months = {m for payment in spell.payments for m in payment.months}
        if months:
            reached = spell.last_month
            assert reached in months
            assert reached + 1 not in months
        else:
            assert spell.paid_through is None
    if state.standing in (Standing.ACTIVE, Standing.GRACE):
        assert state.spell is not None
        assert state.kpj is not None
        assert next_change(state) is not None


def test_an_event_before_the_registration_is_impossible() -> None:
    event = GraceEntered(participant_id=participant().participant_id, paid_through=month("2025-10"))
    with pytest.raises(ValueError, match="GraceEntered cannot follow NoneType"):
        evolve(None, envelope(event), event)
