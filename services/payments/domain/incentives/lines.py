"""Which payments count for an agent in a month, and how: acquisitions, contribution lines, the month counter.

The manager is asked of the contribution month, the incentive month of the payment (domain.md section 7).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from contracts.events.contributions import BillKind
from contracts.events.incentives import AcquiredLine, ContributionLine
from contracts.values import AgentId, ContributionMonth, ParticipantId, PaymentId, Rupiah
from services.payments.domain.incentives.workers import Worker
from services.payments.domain.parameters.incentives import CounterOnTransfer, IncentiveSet, Recognition

L = TypeVar("L", AcquiredLine, ContributionLine)
Stretch = tuple[ContributionMonth, ContributionMonth]
"""Months from the first through the last, both inclusive."""


class Charge(NamedTuple):
    """One month of a payment that stands, and the rupiah that came for it (credits apart)."""

    month: ContributionMonth
    received: int


class Managed(NamedTuple):
    """Who looks after a participant, and which months are paid.

    `changes`: (from month, agent or None for the branch), oldest first; before the first of them the registering agent manages.
    `paid`: stretches of paid months, inclusive. `restarts`: first months of reactivations that stand.
    """

    registered_by: AgentId | None
    new_to_bpu: bool
    changes: tuple[tuple[ContributionMonth, AgentId | None], ...]
    paid: tuple[Stretch, ...]
    restarts: tuple[ContributionMonth, ...]

    def manager_in(self, month: ContributionMonth) -> AgentId | None:
        """Who manages in a contribution month; None: the branch."""
        manager = self.registered_by
        for since, agent in self.changes:
            if since > month:
                break
            manager = agent
        return manager

    def counter(
        self, agent: AgentId, month: ContributionMonth, rule: CounterOnTransfer, gaps: Sequence[Stretch] = ()
    ) -> int:
        """k: paid contribution months under this agent since the last (re)acquisition, `month` included.

        `gaps`: months in which the agent's Wadah had no agreement; the branch managed them.
        """
        since = max((restart for restart in self.restarts if restart <= month), default=None)
        total = 0
        for first, last in self.paid:
            low = first if since is None or since < first else since
            high = last if last < month else month
            if high >= low:
                total += self._under(agent, low, high, rule, gaps)
        return total

    def _under(
        self,
        agent: AgentId,
        first: ContributionMonth,
        last: ContributionMonth,
        rule: CounterOnTransfer,
        gaps: Sequence[Stretch],
    ) -> int:
        months = last - first + 1
        if rule is CounterOnTransfer.CONTINUE or not (self.changes or gaps):
            return months
        return sum(
            self.manager_in(month) == agent and not any(low <= month <= high for low, high in gaps)
            for month in (first + n for n in range(months))
        )


class Paid(NamedTuple):
    """A payment that stands, as an agent's month sees it. `charges` leaves out months that were refunded; `with_jht` is of when it came."""

    payment_id: PaymentId
    participant_id: ParticipantId
    kind: BillKind
    effective_at: datetime
    charges: tuple[Charge, ...]
    managed: Managed
    with_jht: bool
    came_before: bool = False
    """In an earlier month than the one it is looked at for: it acquires nobody in this one."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one agent and incentive month, in a fixed order."""

    acquisitions: tuple[AcquiredLine, ...] = ()
    contributions: tuple[ContributionLine, ...] = ()

    def __len__(self) -> int:
        return len(self.acquisitions) + len(self.contributions)


NOTHING = Lines()


def earned_in(
    month: ContributionMonth, payments: Iterable[Paid], recognition: Callable[[ContributionMonth], Recognition]
) -> list[Paid]:
    """The payments of an incentive month, each with the charges that are earned in it. `recognition`: of a payment that came in a month."""
    found = list[Paid]()
    for paid in payments:
        came = ContributionMonth.of(paid.effective_at)
        if recognition(came) is Recognition.ON_PAYMENT:
            found += [paid] if came == month else []
            continue
        charges = tuple(charge for charge in paid.charges if max(charge.month, came) == month)
        if came == month or charges:
            found.append(paid._replace(charges=charges, came_before=came < month))
    return found


def lines_of(worker: Worker, payments: Sequence[Paid], rules: IncentiveSet, seen_at: datetime | None = None) -> Lines:
    """What these payments of one incentive month bring this agent, as his agreements stand at `seen_at`; None while the last of them runs."""
    gaps = worker.agreements.gaps
    managed = {month: worker.agreements.manage(month, seen_at) for p in payments for month, _ in p.charges}
    acquired = tuple(
        AcquiredLine(payment_id=p.payment_id, participant_id=p.participant_id, with_jht=p.with_jht)
        for p in payments
        if _is_acquired(worker, p, rules)
    )
    contributions = tuple(
        _contribution(worker.agent_id, p, charge, rules, gaps)
        for p in payments
        for charge in p.charges
        if charge.received and managed[charge.month] and p.managed.manager_in(charge.month) == worker.agent_id
    )
    return Lines(acquired, contributions)


def _is_acquired(worker: Worker, paid: Paid, rules: IncentiveSet) -> bool:
    """The first payment of a NIK never before in BPU, registered by this agent, who is ACTIVE then, under an agreement in force, and not the
    participant himself.
    """
    return (
        paid.kind is BillKind.FIRST
        and not paid.came_before
        and paid.managed.new_to_bpu
        and paid.managed.registered_by == worker.agent_id
        and worker.is_active_at(paid.effective_at)
        and worker.agreements.bind_at(paid.effective_at)
        and (rules.self_acquisition or paid.participant_id != worker.participant_id)
    )


def _contribution(
    agent: AgentId, paid: Paid, charge: Charge, rules: IncentiveSet, gaps: Sequence[Stretch]
) -> ContributionLine:
    k = paid.managed.counter(agent, charge.month, rules.counter_on_transfer, gaps)
    return ContributionLine(
        payment_id=paid.payment_id,
        participant_id=paid.participant_id,
        month=charge.month,
        k=k,
        bps=rules.bps_of(k),
        received=Rupiah(charge.received),
    )


def differences(before: Lines, after: Lines) -> tuple[Lines, Lines]:
    """(what no longer holds, what holds instead): a line that changed is in both."""
    gone_acquired, new_acquired = _changed(before.acquisitions, after.acquisitions)
    gone, new = _changed(before.contributions, after.contributions)
    return Lines(gone_acquired, gone), Lines(new_acquired, new)


def _changed(before: Iterable[L], after: Iterable[L]) -> tuple[tuple[L, ...], tuple[L, ...]]:
    then, now = Counter(before), Counter(after)
    return tuple((then - now).elements()), tuple((now - then).elements())
