"""The formulas of domain.md section 7. Sum first, multiply second, round last: one rounding per rate class, one per Wadah.

All whole rupiah; `//` rounds down and its bases are never below zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from contracts.events.incentives import Earnings
from contracts.values import Rupiah
from services.payments.domain.incentives.lines import Lines
from services.payments.domain.parameters.incentives import IncentiveSet, WadahShare

BPS = 10_000

NO_EARNINGS = Earnings(
    acquisitions=0,
    received=Rupiah(0),
    acquisition_pay=Rupiah(0),
    contribution_pay=Rupiah(0),
    agent=Rupiah(0),
    carved=Rupiah(0),
)


def earnings(lines: Lines, rules: IncentiveSet, *, reached_before: bool = False) -> Earnings:
    """What the lines of one agent and month come to. `reached_before`: the threshold was reached in the closed run."""
    acquisition_pay = _acquisition_pay(lines, rules, reached_before)
    contribution_pay = _contribution_pay(lines, rules)
    gross = acquisition_pay + contribution_pay
    agent = gross * (BPS - rules.wadah_bps) // BPS if rules.wadah_share is WadahShare.CARVED_OUT else gross
    return Earnings(
        acquisitions=len(lines.acquisitions),
        received=Rupiah(sum(line.received for line in lines.contributions)),
        acquisition_pay=Rupiah(acquisition_pay),
        contribution_pay=Rupiah(contribution_pay),
        agent=Rupiah(agent),
        carved=Rupiah(gross - agent),
    )


def share(of_agents: Iterable[Earnings], rules: IncentiveSet) -> int:
    """The Wadah's part of a month: carved out of each agent's gross, or on top of all of them together."""
    found = list(of_agents)
    if rules.wadah_share is WadahShare.CARVED_OUT:
        return sum(earned.carved for earned in found)
    return sum(earned.agent for earned in found) * rules.wadah_bps // BPS


def _acquisition_pay(lines: Lines, rules: IncentiveSet, reached_before: bool) -> int:
    """A threshold on all of them: one below it, none counts (domain.md section 12, rule 2)."""
    reached = len(lines.acquisitions) >= rules.threshold
    if not (reached or (reached_before and not rules.threshold_recompute)):
        return 0
    with_jht = sum(line.with_jht for line in lines.acquisitions)
    without = len(lines.acquisitions) - with_jht
    return rules.flat + rules.head_with_jht * with_jht + rules.head_without_jht * without


def _contribution_pay(lines: Lines, rules: IncentiveSet) -> int:
    received: defaultdict[int, int] = defaultdict(int)
    for line in lines.contributions:
        received[line.bps] += line.received
    return sum(base * bps // BPS for bps, base in received.items())
