"""The statement of a Wadah's month: the agents' pay, its own share, tax, and what is paid out to it (domain.md section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events.incentives import Earnings, ShareAdjustment, WadahStatementIssued
from contracts.values import ContributionMonth, Rupiah
from services.payments.domain.incentives.dropping import NEVER, Without
from services.payments.domain.incentives.earning import BPS, share
from services.payments.domain.incentives.workers import Agreement, Agreements
from services.payments.domain.parameters.incentives import IncentiveSet
from services.payments.domain.parameters.kinds import Dated


@dataclass(frozen=True, slots=True)
class SharedMonth:
    """One incentive month of one Wadah: what its agents earned in it as of this run, and the share credited before."""

    month: ContributionMonth
    rules: Dated[IncentiveSet]
    agents: Sequence[Earnings]
    before: int = 0

    @property
    def after(self) -> int:
        return share(self.agents, self.rules.value)


@dataclass(frozen=True, slots=True)
class AgentsTotals:
    """Over the agents' statements of the run: how many, what is payable, and the figures of the month itself."""

    statements: int
    payable: int
    acquisitions: int
    received: int


@dataclass(frozen=True, slots=True)
class WadahCarried:
    """From the Wadah's last statement: a share of zero or below, the months in a row below its target, and under which agreement."""

    balance: int = 0
    below: Without = NEVER
    agreement: int = 1

    def below_under(self, agreement: Agreement) -> Without:
        """A target is that of its agreement: the next one begins anew."""
        return self.below if self.agreement == agreement.agreement else NEVER


@dataclass(frozen=True, slots=True)
class PayDays:
    order_from: datetime
    pay_by: datetime


def wadah_statement(
    agreements: Agreements,
    own: SharedMonth,
    earlier: Sequence[SharedMonth],
    agents: AgentsTotals,
    *,
    carried: int,
    tax_bps: int,
    days: PayDays,
    below: Without,
    drop_months: int,
) -> WadahStatementIssued:
    """Paid to the Wadah alone: its agents' pay and its own share, less tax; a share below zero is carried forward.

    `below`: the months below the target, this one included; `drop_months`: after how many of them a NEW agreement is ended.
    """
    agreement, in_force = agreements.shown_in(own.month), agreements.in_month(own.month)
    adjustments = [
        ShareAdjustment(month=m.month, before=Rupiah(m.before), after=Rupiah(m.after))
        for m in earlier
        if m.after != m.before
    ]
    total = own.after + sum(a.after - a.before for a in adjustments) + carried
    gross = agents.payable + max(total, 0)
    tax = gross * tax_bps // BPS
    return WadahStatementIssued(
        wadah_id=agreements.wadah_id,
        month=own.month,
        scheme=agreement.scheme,
        agents=agents.statements,
        acquisitions=agents.acquisitions,
        received=Rupiah(agents.received),
        agents_payable=Rupiah(agents.payable),
        share=Rupiah(own.after),
        adjustments=tuple(adjustments),
        carried_in=Rupiah(carried),
        share_payable=Rupiah(max(total, 0)),
        carried_out=Rupiah(min(total, 0)),
        gross=Rupiah(gross),
        tax_bps=tax_bps,
        tax=Rupiah(tax),
        payout=Rupiah(gross - tax),
        order_from=days.order_from,
        pay_by=days.pay_by,
        monthly_target=None if in_force is None else in_force.monthly_target,
        months_below=below.months,
        drop_months=drop_months,
        end_due=below.due,
        agreement=agreement.agreement,
        without_agreement=in_force is None,
    )
