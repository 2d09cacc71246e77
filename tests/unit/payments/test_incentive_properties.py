"""Over any history of payments, reversals, late postings, changes of managers, renewals and ends of agreements: what was credited in all runs
together is what a second, straightforward computation of the whole history gives (tests/support/incentives.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events.agency import IncentiveScheme
from contracts.events.contributions import BillKind
from contracts.events.incentives import (
    AcquiredLine,
    ContributionLine,
    Earnings,
    IncentiveClawedBack,
    IncentiveEarned,
    IncentiveStatementIssued,
)
from contracts.values import AgentId, BranchId, ContributionMonth, ParticipantId, PaymentId, WadahId
from services.payments.domain.incentives.dropping import NEVER, Without
from services.payments.domain.incentives.lines import Charge, Lines, Managed, Paid
from services.payments.domain.incentives.statements import Before, Carried, Month, statement
from services.payments.domain.incentives.wadah import AgentsTotals, PayDays, SharedMonth, wadah_statement
from services.payments.domain.incentives.workers import Agreement, Agreements, Worker, agreements_of
from services.payments.domain.parameters.incentives import IncentiveSet, Rate, WadahShare
from services.payments.domain.parameters.kinds import Dated
from tests.support import incentives as clerk

FIRST = ContributionMonth(2025, 1)
AGENTS = tuple(AgentId(UUID(int=n)) for n in (0xA, 0xB))
HIMSELF = {AGENTS[0]: ParticipantId(UUID(int=1_001)), AGENTS[1]: ParticipantId(UUID(int=0xFF))}
PEOPLE = tuple(ParticipantId(UUID(int=1_000 + n)) for n in range(5))
WADAH = WadahId(UUID(int=1))

NEW = IncentiveSet(
    threshold=2,
    flat=0,
    head_with_jht=15_001,
    head_without_jht=10_003,
    rates=(Rate(through=3, bps=1_500), Rate(through=6, bps=505)),
    wadah_bps=1_000,
    wadah_share=WadahShare.ON_TOP,
)
OLD = NEW.model_copy(
    update={
        "flat": 50_001,
        "head_with_jht": 0,
        "head_without_jht": 0,
        "rates": (Rate(through=None, bps=755),),
        "wadah_share": WadahShare.CARVED_OUT,
    }
)
HANDBOOK = {
    IncentiveScheme.NEW: (NEW, clerk.Scheme(2, 0, 15_001, 10_003, [(1, 3, 1_500), (4, 6, 505)], 1_000, on_top=True)),
    IncentiveScheme.OLD: (OLD, clerk.Scheme(2, 50_001, 0, 0, [(1, 10**9, 755)], 1_000, on_top=False)),
}


@dataclass
class World:
    """What happened, and every statement that was issued of it."""

    agreements: list[Agreement]
    people: dict[UUID, clerk.Person]
    payments: dict[int, clerk.Payment] = field(default_factory=dict)
    month: ContributionMonth = FIRST
    runs: list[ContributionMonth] = field(default_factory=list)
    lines: defaultdict[tuple[AgentId, ContributionMonth], list[AcquiredLine | ContributionLine]] = field(
        default_factory=lambda: defaultdict(list)
    )
    earned: dict[tuple[AgentId, ContributionMonth], Earnings] = field(default_factory=dict)
    shares: dict[ContributionMonth, int] = field(default_factory=dict)
    carried: dict[AgentId, Carried] = field(default_factory=dict)
    wadah_carried: int = 0
    agents_credited: int = 0
    paid_out: int = 0
    count: int = 0

    @property
    def wadah(self) -> Agreements:
        return agreements_of(WADAH, BranchId(UUID(int=2)), "Wadah Contoh", self.agreements)

    def rules(self, month: ContributionMonth) -> Dated[IncentiveSet]:
        return Dated("tests/1", date(2025, 1, 1), "", HANDBOOK[self.wadah.shown_in(month).scheme][0])

    def renew(self, days_between: int, months: int, scheme: IncentiveScheme) -> None:
        """The next agreement, so many days after the last; it may be concluded ahead, or when it has begun long ago."""
        last = self.agreements[-1]
        first = last.last_day + timedelta(days=1 + days_between)
        lasts = first + timedelta(days=30 * months)
        self.agreements.append(agreement(scheme, first, lasts, number=last.agreement + 1))

    def end(self, day: int) -> None:
        """On a day of this month or of the one before; whatever was to follow goes with it."""
        ended_on = (self.month + -1).starts_at.date() + timedelta(days=1 + day)
        running = self.wadah.every[-1]
        if running.term_from <= ended_on <= running.last_day:
            self.agreements = [
                replace(one, ended_on=ended_on) if ended_on <= one.last_day else one for one in self.agreements
            ]

    def pay(self, who: int, months: int, received: int, jht: bool, late: bool) -> None:
        """The next unpaid months; `late`: the money was taken in the month before, which may be closed."""
        person = PEOPLE[who]
        theirs = [p for p in self.payments.values() if p.participant == person]
        last = max((m for p in theirs for m, _, _ in p.months), default=None)
        gone = last is not None and self.month - last > 3
        first = self.month if last is None or gone else last + 1
        taken = self.month + (-1 if late and self.month != FIRST else 0)
        self.payments[self.count] = clerk.Payment(
            person,
            taken.starts_at + timedelta(days=1, minutes=self.count),
            [(first + n, received, jht) for n in range(months)],
            opens=not theirs,
            restarts=gone,
        )
        self.count += 1

    def take_back(self, which: int) -> None:
        if self.payments:
            del self.payments[sorted(self.payments)[which % len(self.payments)]]

    def reassign(self, who: int, agent: int | None) -> None:
        decision = (self.month + 1, None if agent is None else AGENTS[agent])
        self.people[PEOPLE[who]].decisions.append(decision)

    def close(self) -> None:
        """Every agent's statement, all closed months computed anew, then the Wadah's."""
        totals = AgentsTotals(0, 0, 0, 0)
        for agent in AGENTS:
            earlier = [self._month(agent, month) for month in self.runs]
            events = statement(
                self.worker(agent),
                self._month(agent, self.month),
                earlier,
                self.carried.get(agent, Carried()),
                drop_months=3,
                closed_at=(self.month + 1).starts_at,
            )
            issued = self._book(agent, events)
            totals = AgentsTotals(totals.statements + 1, totals.payable + issued.payable, 0, 0)
        self.runs.append(self.month)
        self._close_wadah(totals)
        self.month += 1

    def _close_wadah(self, totals: AgentsTotals) -> None:
        shared = [self._shared(month) for month in self.runs]
        issued = wadah_statement(
            self.wadah,
            shared[-1],
            shared[:-1],
            totals,
            carried=self.wadah_carried,
            tax_bps=0,
            days=PayDays(datetime(2025, 1, 4, tzinfo=UTC), datetime(2025, 1, 6, tzinfo=UTC)),
            below=NEVER,
            drop_months=3,
        )
        self.shares |= {one.month: one.after for one in shared}
        self.wadah_carried = issued.carried_out
        self.paid_out += issued.payout

    def _shared(self, month: ContributionMonth) -> SharedMonth:
        agents = [self.earned[agent, month] for agent in AGENTS]
        return SharedMonth(month, self.rules(month), agents, self.shares.get(month, 0))

    def _book(self, agent: AgentId, events: Sequence[object]) -> IncentiveStatementIssued:
        number = 1
        for event in events:
            if isinstance(event, IncentiveEarned | IncentiveClawedBack):
                assert event.first_line == number
                lines: list[AcquiredLine | ContributionLine] = [*event.acquisitions, *event.contributions]
                number += len(lines)
                for line in lines:
                    book = self.lines[agent, event.month]
                    book.append(line) if isinstance(event, IncentiveEarned) else book.remove(line)
        issued = events[-1]
        assert isinstance(issued, IncentiveStatementIssued)
        assert issued.lines == number - 1
        self.earned[agent, self.month] = issued.earned
        for adjusted in issued.adjustments:
            assert adjusted.before == self.earned[agent, adjusted.month]
            self.earned[agent, adjusted.month] = adjusted.after
        differences = sum(a.after.agent - a.before.agent for a in issued.adjustments)
        assert issued.payable + issued.carried_out == issued.earned.agent + differences + issued.carried_in
        assert issued.payable == 0 or issued.carried_out == 0
        self.carried[agent] = Carried(issued.carried_out, Without(issued.months_without, issued.drop_due))
        return issued

    def worker(self, agent: AgentId) -> Worker:
        return Worker(
            agent_id=agent,
            code="PRS00000001",
            participant_id=HIMSELF[agent],
            agreements=self.wadah,
            duties=((datetime(2024, 1, 1, tzinfo=UTC), None),),
        )

    def _month(self, agent: AgentId, month: ContributionMonth) -> Month:
        every = self.lines[agent, month]
        before = Lines(
            tuple(line for line in every if isinstance(line, AcquiredLine)),
            tuple(line for line in every if isinstance(line, ContributionLine)),
        )
        known = self.earned.get((agent, month))
        return Month(
            month,
            self.rules(month),
            [self._paid(n, p) for n, p in self.payments.items() if ContributionMonth.of(p.paid_at) == month],
            Before() if known is None else Before(before, known),
        )

    def _paid(self, number: int, payment: clerk.Payment) -> Paid:
        person = self.people[payment.participant]
        theirs = [p for p in self.payments.values() if p.participant == payment.participant]
        decisions = sorted(person.decisions, key=lambda decision: decision[0])  # stable: the later of one month last
        managed = Managed(
            None if person.registered_by is None else AgentId(person.registered_by),
            person.never_in_bpu,
            tuple((month, None if agent is None else AgentId(agent)) for month, agent in decisions),
            tuple((month, month) for p in theirs for month, _, _ in p.months),
            tuple(p.months[0][0] for p in theirs if p.restarts),
        )
        kind = BillKind.FIRST if payment.opens else BillKind.REACTIVATION if payment.restarts else BillKind.STANDARD
        charges = tuple(Charge(month, received) for month, received, _ in payment.months)
        return Paid(
            PaymentId(UUID(int=number)),
            ParticipantId(payment.participant),
            kind,
            payment.paid_at,
            charges,
            managed,
            payment.months[0][2],
        )


def agreement(scheme: IncentiveScheme, first: date, last: date, number: int = 1) -> Agreement:
    return Agreement(agreement=number, agreement_number=f"PKS/{number}", scheme=scheme, term_from=first, term_to=last)


WHO = st.integers(0, len(PEOPLE) - 1)
RENEW = st.tuples(
    st.sampled_from([0, 0, 10, 45, 75]), st.sampled_from([1, 2, 3, 12]), st.sampled_from([*IncentiveScheme])
)
PAY = st.tuples(WHO, st.sampled_from([1, 2, 3, 6]), st.integers(1, 99_999), st.booleans(), st.booleans())
STEPS: st.SearchStrategy[Callable[[World], None]] = st.one_of(
    PAY.map(lambda a: lambda w: w.pay(*a)),
    PAY.map(lambda a: lambda w: w.pay(*a)),
    st.integers(0, 99).map(lambda n: lambda w: w.take_back(n)),
    st.tuples(WHO, st.sampled_from([0, 1, None])).map(lambda a: lambda w: w.reassign(*a)),
    st.just(lambda w: w.close()),
    st.just(lambda w: w.close()),
    RENEW.map(lambda a: lambda w: w.renew(*a)),
    st.integers(0, 50).map(lambda day: lambda w: w.end(day)),
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([*IncentiveScheme]), st.lists(STEPS, min_size=5, max_size=40), st.data())
def test_all_runs_together_credit_what_the_whole_history_is_worth(
    scheme: IncentiveScheme, steps: list[Callable[[World], None]], data: st.DataObject
) -> None:
    by = st.sampled_from([*AGENTS, None])
    first = agreement(scheme, date(2024, 1, 1), data.draw(st.dates(date(2025, 1, 15), date(2025, 4, 10))))
    world = World([first], {who: clerk.Person(data.draw(by), data.draw(st.booleans())) for who in PEOPLE})
    renewed_at = data.draw(st.integers(0, len(steps)))
    for number, step in enumerate(steps):
        if number == renewed_at:
            world.renew(*data.draw(RENEW))
        step(world)
    world.close()
    total = 0
    for month in world.runs:
        worth = [_by_hand(world, agent, month) for agent in AGENTS]
        for agent, one in zip(AGENTS, worth, strict=True):
            found = world.earned[agent, month]
            assert (found.acquisitions, found.received) == (one.new, one.received)
            assert (found.agent, found.carved) == (one.agent, one.wadah)
        assert world.shares[month] == clerk.of_wadah(worth, HANDBOOK[world.wadah.shown_in(month).scheme][1])
        total += sum(one.agent for one in worth) + world.shares[month]
    balances = sum(carried.balance for carried in world.carried.values()) + world.wadah_carried
    assert world.paid_out + balances == total


def _by_hand(world: World, agent: AgentId, month: ContributionMonth) -> clerk.Earned:
    """As it was read when the last run closed: on the first day of the month that runs now."""
    signed = [clerk.Signed(one.term_from, one.last_day, HANDBOOK[one.scheme][1]) for one in world.agreements]
    return clerk.earned(
        agent,
        month,
        world.people,
        world.payments.values(),
        signed[0].scheme,
        himself=HIMSELF[agent],
        was_active=lambda _: True,
        agreements=signed,
        today=date(world.month.year, world.month.month, 1),
    )
