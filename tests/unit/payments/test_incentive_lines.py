"""Formulas and attribution of domain.md section 7, borders included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from contracts.events.agency import IncentiveScheme
from contracts.events.contributions import BillKind
from contracts.events.incentives import Earnings
from contracts.values import AgentId, BranchId, ContributionMonth, ParticipantId, PaymentId, WadahId
from services.payments.domain.incentives.earning import earnings, share
from services.payments.domain.incentives.lines import Charge, Lines, Managed, Paid, differences, earned_in, lines_of
from services.payments.domain.incentives.runs import run_of
from services.payments.domain.incentives.workers import Agreement, Agreements, Worker, agreements_of
from services.payments.domain.parameters import DEFAULTS
from services.payments.domain.parameters.incentives import (
    NEW_SET,
    OLD_SET,
    CounterOnTransfer,
    IncentiveSet,
    Rate,
    Recognition,
    RunDays,
)

AGENT, OTHER = AgentId(UUID(int=0xA)), AgentId(UUID(int=0xB))
M = ContributionMonth(2025, 10)
THAT_DAY = datetime(2025, 10, 6, 2, tzinfo=UTC)


def agreement(**changes: Any) -> Agreement:
    facts: dict[str, Any] = {
        "agreement": 1,
        "agreement_number": "PKS/1",
        "scheme": IncentiveScheme.NEW,
        "term_from": date(2025, 1, 1),
        "term_to": date(2025, 12, 31),
    }
    return Agreement(**facts | changes)


def wadah(*told: Agreement) -> Agreements:
    return agreements_of(WadahId(UUID(int=1)), BranchId(UUID(int=2)), "Wadah Contoh", told or [agreement()])


def next_one(**changes: Any) -> Agreement:
    """From the day after the one above, if nothing else is said."""
    facts = {"agreement": 2, "agreement_number": "PKS/2", "term_from": date(2026, 1, 1), "term_to": date(2026, 12, 31)}
    return agreement(**facts | changes)


def worker(**changes: Any) -> Worker:
    facts: dict[str, Any] = {
        "agent_id": AGENT,
        "code": "PRS00000001",
        "participant_id": ParticipantId(UUID(int=0xFF)),
        "agreements": wadah(),
        "duties": ((datetime(2025, 9, 1, tzinfo=UTC), None),),
    }
    return Worker(**facts | changes)


def managed(paid: str = "2025-10", through: str | None = None, **changes: Any) -> Managed:
    stretch = (ContributionMonth.parse(paid), ContributionMonth.parse(through or paid))
    facts: dict[str, Any] = {
        "registered_by": AGENT,
        "new_to_bpu": True,
        "changes": (),
        "paid": (stretch,),
        "restarts": (),
    }
    return Managed(**facts | changes)


def paid(number: int, months: int = 1, *, received: int = 36_800, jht: bool = True, **changes: Any) -> Paid:
    facts: dict[str, Any] = {
        "payment_id": PaymentId(UUID(int=number)),
        "participant_id": ParticipantId(UUID(int=1_000 + number)),
        "kind": BillKind.FIRST,
        "effective_at": THAT_DAY,
        "charges": tuple(Charge(M + n, received) for n in range(months)),
        "managed": managed("2025-10", str(M + (months - 1))),
        "with_jht": jht,
    }
    return Paid(**facts | changes)


def earned(payments: list[Paid], rules: IncentiveSet = NEW_SET, **changes: Any) -> Earnings:
    return earnings(lines_of(worker(**changes), payments, rules), rules)


@pytest.mark.parametrize(
    ("rules", "people", "agent", "wadah"),
    [
        (NEW_SET, 50, 1_026_000, 102_600),  # domain.md section 13, C1
        (NEW_SET, 30, 615_600, 61_560),  # C2
        (OLD_SET, 50, 574_200, 63_800),  # C4
        (OLD_SET, 30, 74_520, 8_280),
        (OLD_SET, 100, 698_400, 77_600),
    ],
)
def test_the_official_cases_by_the_formulas(rules: IncentiveSet, people: int, agent: int, wadah: int) -> None:
    found = earned([paid(n) for n in range(people)], rules)
    assert (found.agent, share([found], rules)) == (agent, wadah)


def test_at_25_every_head_pays_and_at_24_none_but_contributions_do() -> None:
    at_25, at_24 = earned([paid(n) for n in range(25)]), earned([paid(n) for n in range(24)])
    assert (at_25.acquisition_pay, at_24.acquisition_pay) == (375_000, 0)
    assert at_24.contribution_pay == 24 * 36_800 * 15 // 100


def test_a_head_without_jht_pays_less() -> None:
    people = [paid(n, jht=n < 20, received=36_800 if n < 20 else 16_800) for n in range(30)]
    assert earned(people).acquisition_pay == 20 * 15_000 + 10 * 10_000


def test_a_prepayment_over_the_border_is_split_by_month() -> None:
    year = paid(1, 12, kind=BillKind.STANDARD, managed=managed("2023-12", "2026-09"))
    found = lines_of(worker(), [year], NEW_SET).contributions
    assert [(line.k, line.bps) for line in found[:3]] == [(23, 1_500), (24, 1_500), (25, 500)]
    base = 36_800
    assert earned([year]).contribution_pay == 2 * base * 1_500 // 10_000 + 10 * base * 500 // 10_000


def test_after_the_60th_month_nothing_is_paid_and_the_line_says_so() -> None:
    old = paid(1, 2, kind=BillKind.STANDARD, managed=managed("2020-11", "2025-11"))
    assert [(line.k, line.bps) for line in lines_of(worker(), [old], NEW_SET).contributions] == [(60, 500), (61, 0)]
    assert earned([old]).contribution_pay == 36_800 * 500 // 10_000


def test_each_rate_class_is_rounded_once_and_the_wadah_once() -> None:
    tiny = [paid(n, received=33, kind=BillKind.STANDARD) for n in range(3)]
    found = earned(tiny)
    assert found.contribution_pay == 99 * 1_500 // 10_000 == 14 > 3 * (33 * 1_500 // 10_000)
    assert share([found, found, found], NEW_SET) == 42 * 1_000 // 10_000 == 4


def test_a_credit_brings_no_line_and_its_month_still_counts() -> None:
    charges = (Charge(M, 0), Charge(M + 1, 36_800))
    found = lines_of(worker(), [paid(1, 2, charges=charges, kind=BillKind.STANDARD)], NEW_SET).contributions
    assert [(str(line.month), line.k) for line in found] == [("2025-11", 2)]


class TestAcquisitions:
    def test_count_only_for_the_agent_who_registered_and_is_active_then(self) -> None:
        suspended = ((datetime(2025, 9, 1, tzinfo=UTC), THAT_DAY - timedelta(hours=1)),)
        again = (*suspended, (THAT_DAY, None))
        assert earned([paid(1)]).acquisitions == 1
        assert earned([paid(1)], duties=suspended).acquisitions == 0
        assert earned([paid(1)], duties=again).acquisitions == 1
        assert earned([paid(1, managed=managed(registered_by=OTHER))]).acquisitions == 0

    def test_do_not_count_for_a_nik_that_was_in_bpu_before_nor_for_oneself(self) -> None:
        assert earned([paid(1, managed=managed(new_to_bpu=False))]).acquisitions == 0
        himself = worker().participant_id
        assert earned([paid(1, participant_id=himself)]).acquisitions == 0
        allowed = NEW_SET.model_copy(update={"self_acquisition": True})
        assert earned([paid(1, participant_id=himself)], allowed).acquisitions == 1

    def test_do_not_count_later_payments(self) -> None:
        kinds = (BillKind.STANDARD, BillKind.REACTIVATION)
        assert earned([paid(n, kind=kind) for n, kind in enumerate(kinds)]).acquisitions == 0


class TestManagers:
    BACK = managed(
        "2025-01", "2025-12", changes=((ContributionMonth(2025, 5), OTHER), (ContributionMonth(2025, 9), AGENT))
    )

    def test_each_month_belongs_to_whoever_manages_then(self) -> None:
        year = paid(
            1,
            12,
            charges=tuple(Charge(ContributionMonth(2025, n), 10_000) for n in range(1, 13)),
            managed=self.BACK,
        )
        mine = lines_of(worker(), [year], NEW_SET).contributions
        theirs = lines_of(worker(agent_id=OTHER), [year], NEW_SET).contributions
        assert [line.month.month for line in mine] == [1, 2, 3, 4, 9, 10, 11, 12]
        assert [line.month.month for line in theirs] == [5, 6, 7, 8]

    def test_the_counter_is_the_agents_own_and_goes_on_when_he_comes_back(self) -> None:
        september = ContributionMonth(2025, 9)
        assert self.BACK.counter(OTHER, ContributionMonth(2025, 5), CounterOnTransfer.PER_AGENT) == 1
        assert self.BACK.counter(AGENT, september, CounterOnTransfer.PER_AGENT) == 5
        assert self.BACK.counter(AGENT, september, CounterOnTransfer.CONTINUE) == 9

    def test_the_counter_restarts_with_a_new_spell_and_counts_months_not_time(self) -> None:
        months = (
            (ContributionMonth(2023, 1), ContributionMonth(2024, 6)),
            (ContributionMonth(2025, 8), ContributionMonth(2025, 10)),
        )
        spells = managed(paid="2025-10")._replace(paid=months, restarts=(ContributionMonth(2025, 8),))
        assert spells.counter(AGENT, ContributionMonth(2024, 6), CounterOnTransfer.PER_AGENT) == 18
        assert spells.counter(AGENT, ContributionMonth(2025, 10), CounterOnTransfer.PER_AGENT) == 3

    def test_of_two_decisions_for_one_month_the_later_holds(self) -> None:
        twice = managed(changes=((M, OTHER), (M, None)))
        assert (twice.manager_in(M), twice.manager_in(M + -1)) == (None, AGENT)

    def test_months_after_the_end_of_the_agreement_belong_to_the_branch(self) -> None:
        ended = worker(agreements=wadah(agreement(ended_on=date(2025, 10, 15))))
        months = [
            [line.month for line in lines_of(ended, [paid(1, 3)], NEW_SET, seen_at).contributions]
            for seen_at in (datetime(2025, 10, 15, 16, 59, tzinfo=UTC), datetime(2025, 10, 15, 17, 0, tzinfo=UTC))
        ]
        assert months == [[M, M + 1, M + 2], [M]]


class TestAgreements:
    """October to December 2025 under the first, from January 2026 on under another."""

    AFTER = datetime(2027, 6, 1, tzinfo=UTC)

    def test_one_ends_with_its_last_day_and_its_month_is_still_managed(self) -> None:
        ended = wadah(agreement(ended_on=date(2025, 10, 15)))
        assert agreement().last_day == date(2025, 12, 31)
        assert ended.last_month_at(datetime(2025, 10, 15, 16, 59, tzinfo=UTC)) is None
        assert ended.last_month_at(datetime(2025, 10, 15, 17, 0, tzinfo=UTC)) == M

    def test_a_month_stands_under_the_one_of_its_first_day_else_the_first_that_begins_in_it(self) -> None:
        first, middle = agreement(ended_on=date(2025, 10, 14)), next_one(term_from=date(2025, 10, 15))
        after_a_gap = next_one(term_from=date(2025, 12, 20))
        assert wadah(first, middle).in_month(M) is first
        assert wadah(first, middle).in_month(M + 1) is middle
        assert [wadah(first, after_a_gap).in_month(M + n) for n in range(3)] == [first, None, after_a_gap]
        assert wadah(first, after_a_gap).shown_in(M + 1) is first

    def test_renewed_without_a_gap_every_month_is_managed_and_the_counter_runs_through(self) -> None:
        who = worker(agreements=wadah(agreement(), next_one()))
        half_a_year = paid(1, 6, kind=BillKind.STANDARD, managed=managed("2023-12", "2026-03"))
        found = lines_of(who, [half_a_year], NEW_SET, self.AFTER).contributions
        assert [(str(line.month), line.k) for line in found] == [
            ("2025-10", 23), ("2025-11", 24), ("2025-12", 25), ("2026-01", 26), ("2026-02", 27), ("2026-03", 28),
        ]  # fmt: skip

    def test_months_of_a_gap_belong_to_the_branch_and_do_not_count(self) -> None:
        who = worker(agreements=wadah(agreement(), next_one(term_from=date(2026, 3, 1))))
        assert who.agreements.gaps == ((ContributionMonth(2026, 1), ContributionMonth(2026, 2)),)
        half_a_year = paid(1, 6)
        found = lines_of(who, [half_a_year], NEW_SET, self.AFTER).contributions
        assert [(str(line.month), line.k) for line in found] == [
            ("2025-10", 1), ("2025-11", 2), ("2025-12", 3), ("2026-03", 4),
        ]  # fmt: skip
        on = NEW_SET.model_copy(update={"counter_on_transfer": CounterOnTransfer.CONTINUE})
        assert [line.k for line in lines_of(who, [half_a_year], on, self.AFTER).contributions] == [1, 2, 3, 6]

    def test_who_pays_between_two_agreements_is_acquired_by_nobody(self) -> None:
        first, second = agreement(ended_on=date(2025, 10, 5)), next_one(term_from=date(2025, 10, 7))
        assert earned([paid(1)], agreements=wadah(first, second)).acquisitions == 0
        again = next_one(term_from=date(2025, 10, 6))
        assert earned([paid(1)], agreements=wadah(first, again)).acquisitions == 1

    def test_one_that_never_came_into_force_binds_nobody(self) -> None:
        ended = date(2025, 10, 31)
        told = [agreement(ended_on=ended), next_one(ended_on=ended), next_one(agreement=3, term_from=date(2026, 2, 1))]
        assert [one.agreement for one in wadah(*told).every] == [1, 3]
        assert wadah(*told).in_month(ContributionMonth(2026, 1)) is None
        assert wadah(*told[:2]).last_month_at(self.AFTER) == M


def test_nobody_is_acquired_after_the_last_day_of_the_agreement() -> None:
    """25 who registered before its end and paid after it bring no acquisition pay; what they pay for its month is still managed."""
    ended = agreement(ended_on=date(2025, 10, 5))
    people = [paid(n) for n in range(25)]
    found = earned(people, agreements=wadah(ended))
    assert (found.acquisitions, found.acquisition_pay, found.received) == (0, 0, 25 * 36_800)
    at_the_end = agreement(ended_on=date(2025, 10, 6))
    assert earned(people, agreements=wadah(at_the_end)).acquisition_pay == 375_000


def test_lines_differ_by_what_went_and_what_came() -> None:
    one, two = paid(1), paid(2)
    before, after = (lines_of(worker(), payments, NEW_SET) for payments in ([one, two], [two]))
    assert differences(before, after) == (lines_of(worker(), [one], NEW_SET), Lines())
    assert differences(before, before) == (Lines(), Lines())


def test_a_run_closes_on_the_2nd_at_24_wib_and_the_rest_follows() -> None:
    run = run_of(M, DEFAULTS)
    instants = (run.closed_at, run.statements_at, run.orders_at, run.pay_by)
    assert [f"{instant.astimezone(UTC):%m-%dT%H:%M}" for instant in instants] == [
        "11-02T17:00", "11-02T17:00", "11-03T17:00", "11-05T17:00",
    ]  # fmt: skip


def test_sets_whose_borders_or_days_do_not_rise_are_refused() -> None:
    rates = ((Rate(through=None, bps=1), Rate(through=24, bps=1)), (Rate(through=24, bps=1), Rate(through=24, bps=2)))
    for wrong in rates:
        with pytest.raises(ValidationError):
            IncentiveSet(**NEW_SET.model_dump() | {"rates": wrong})
    for days in ((3, 3, 4, 5), (2, 5, 4, 5), (2, 3, 4, 3)):
        with pytest.raises(ValidationError):
            RunDays(**dict(zip(("close", "statements", "orders", "paid"), days, strict=True)))


class TestRecognition:
    """Which month a payment's months are earned in: `paid` pays from October on, on the 6th of October."""

    def test_on_payment_all_months_are_of_the_month_of_the_payment(self) -> None:
        year = paid(1, 3)
        assert earned_in(M, [year], lambda _: Recognition.ON_PAYMENT) == [year]
        assert earned_in(M + 1, [year], lambda _: Recognition.ON_PAYMENT) == []

    def test_as_they_come_each_month_is_of_its_own_and_nobody_is_acquired_twice(self) -> None:
        found = [earned_in(M + n, [paid(1, 3)], lambda _: Recognition.ON_CONTRIBUTION_MONTH) for n in range(4)]
        assert [[charge.month for one in month for charge in one.charges] for month in found] == [
            [M], [M + 1], [M + 2], [],
        ]  # fmt: skip
        assert [len(lines_of(worker(), month, NEW_SET).acquisitions) for month in found] == [1, 0, 0, 0]

    def test_arrears_are_of_the_month_of_their_payment(self) -> None:
        late = paid(1, charges=tuple(Charge(M + n, 36_800) for n in (-2, -1, 0, 1)))
        (one,) = earned_in(M, [late], lambda _: Recognition.ON_CONTRIBUTION_MONTH)
        assert [charge.month for charge in one.charges] == [M + -2, M + -1, M]

    def test_the_set_of_the_month_in_which_a_payment_came_says_how(self) -> None:
        """A set from November on leaves what October earned as it is."""

        def from_november(month: ContributionMonth) -> Recognition:
            return Recognition.ON_CONTRIBUTION_MONTH if month > M else Recognition.ON_PAYMENT

        year = paid(1, 3)
        assert [len(earned_in(M + n, [year], from_november)) for n in range(3)] == [1, 0, 0]
