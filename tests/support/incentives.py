"""The incentives of domain.md section 7 once more, as a clerk with the handbook beside him would do it: slowly, from the payments alone.

Nothing of ours is used but the calendar month. Money is whole rupiah.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.values import ContributionMonth


@dataclass
class Payment:
    """A payment that stands, when the handbook is opened."""

    participant: UUID
    paid_at: datetime
    months: list[tuple[ContributionMonth, int, bool]]
    """(contribution month, rupiah received for it, whether JHT was among it)."""
    opens: bool = False
    """The first of a participant."""
    restarts: bool = False
    """The first of a new spell after a lapse."""


@dataclass
class Person:
    registered_by: UUID | None
    never_in_bpu: bool = True
    decisions: list[tuple[ContributionMonth, UUID | None]] = field(default_factory=list)
    """Who manages from which month on, in the order in which it was decided."""


@dataclass
class Scheme:
    threshold: int
    flat: int
    with_jht: int
    without_jht: int
    classes: list[tuple[int, int, int]]
    """(first k, last k, basis points)."""
    wadah_bps: int
    on_top: bool


NEW = Scheme(25, 0, 15_000, 10_000, [(1, 24, 1_500), (25, 60, 500)], 1_000, on_top=True)
OLD = Scheme(50, 500_000, 0, 0, [(1, 10**9, 750)], 1_000, on_top=False)


@dataclass
class Signed:
    """An agreement (PKS), both days inclusive. `last` is earlier than `first` where it never came into force."""

    first: date
    last: date
    scheme: Scheme


@dataclass
class Earned:
    new: int = 0
    received: int = 0
    agent: int = 0
    wadah: int = 0
    """What is carved out of this agent's gross; nothing where the Wadah's part comes on top."""


def wib_day(instant: datetime) -> date:
    return instant.astimezone(ZoneInfo("Asia/Jakarta")).date()


def who_manages(person: Person, month: ContributionMonth) -> UUID | None:
    """The decision with the latest month that is not after this one; of two of the same month the later decision."""
    manager, since = person.registered_by, None
    for from_month, agent in person.decisions:
        if from_month <= month and (since is None or from_month >= since):
            manager, since = agent, from_month
    return manager


def days_of(month: ContributionMonth) -> list[date]:
    first = date(month.year, month.month, 1)
    return [day for day in (first + timedelta(days=n) for n in range(31)) if day.month == month.month]


def agreement_of(month: ContributionMonth, agreements: Iterable[Signed]) -> Signed | None:
    """That of the first day of the month that has one."""
    every = list(agreements)
    for day in days_of(month):
        for signed in every:
            if signed.first <= day <= signed.last:
                return signed
    return None


def agents_manage(month: ContributionMonth, agreements: Iterable[Signed], today: date) -> bool:
    """Whether the Wadah has a say in a contribution month. While its last agreement runs, nobody knows that it will not be renewed."""
    every = [signed for signed in agreements if signed.first <= signed.last]
    end = max((signed.last for signed in every), default=None)
    if end is not None and min(days_of(month)) > end:
        return today <= end
    return agreement_of(month, every) is not None


def is_between_agreements(month: ContributionMonth, agreements: Iterable[Signed]) -> bool:
    """A whole month after one and before another."""
    every = [signed for signed in agreements if signed.first <= signed.last]
    first, last = min(days_of(month)), max(days_of(month))
    covered = any(signed.first <= last and first <= signed.last for signed in every)
    return not covered and any(a.last < first for a in every) and any(last < a.first for a in every)


def month_counter(
    person: Person,
    agent: UUID,
    month: ContributionMonth,
    payments: Iterable[Payment],
    agreements: Sequence[Signed] = (),
) -> int:
    """Paid months up to this one under this agent, from the last new spell on; not those in which his Wadah had no agreement."""
    theirs = list(payments)
    spells = [p.months[0][0] for p in theirs if p.restarts and p.months[0][0] <= month]
    begin = max(spells) if spells else None
    counted = set()
    for payment in theirs:
        for paid, _, _ in payment.months:
            if is_between_agreements(paid, agreements):
                continue
            if paid <= month and (begin is None or paid >= begin) and who_manages(person, paid) == agent:
                counted.add(paid)
    return len(counted)


def earned(
    agent: UUID,
    month: ContributionMonth,
    people: Mapping[UUID, Person],
    payments: Iterable[Payment],
    scheme: Scheme,
    *,
    himself: UUID,
    was_active: Callable[[datetime], bool],
    agreements: Sequence[Signed] = (),
    today: date = date.max,
) -> Earned:
    """What an agent has in a month, read on `today`. `agreements`: of his Wadah, each with its scheme; none given: one for ever, of `scheme`."""
    every = list(payments)
    if agreements:
        signed = agreement_of(month, agreements)
        if signed is None:
            return Earned()
        scheme = signed.scheme
    found, heads, by_class = Earned(), 0, [0] * len(scheme.classes)
    for payment in every:
        if ContributionMonth.of(payment.paid_at) != month:
            continue
        person = people[payment.participant]
        is_new = payment.opens and person.never_in_bpu and payment.participant != himself
        bound = not agreements or any(a.first <= wib_day(payment.paid_at) <= a.last for a in agreements)
        if is_new and person.registered_by == agent and was_active(payment.paid_at) and bound:
            found.new += 1
            heads += scheme.with_jht if payment.months[0][2] else scheme.without_jht
        for contribution, rupiah, _ in payment.months:
            if agreements and not agents_manage(contribution, agreements, today):
                continue
            if who_manages(person, contribution) != agent:
                continue
            own = [p for p in every if p.participant == payment.participant]
            k = month_counter(person, agent, contribution, own, agreements)
            found.received += rupiah
            for n, (first, last, _) in enumerate(scheme.classes):
                if first <= k <= last:
                    by_class[n] += rupiah
    gross = scheme.flat + heads if found.new >= scheme.threshold else 0
    for rupiah, (_, _, bps) in zip(by_class, scheme.classes, strict=True):
        gross += rupiah * bps // 10_000
    if scheme.on_top:
        found.agent = gross
    else:
        found.agent = gross * (10_000 - scheme.wadah_bps) // 10_000
        found.wadah = gross - found.agent
    return found


def of_wadah(agents: Iterable[Earned], scheme: Scheme) -> int:
    """The Wadah's own part of a month."""
    every = list(agents)
    if scheme.on_top:
        return sum(one.agent for one in every) * scheme.wadah_bps // 10_000
    return sum(one.wadah for one in every)
