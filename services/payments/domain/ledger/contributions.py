"""Lines of contributions: paid, taken back, in suspense. Each contribution month is its own line (domain.md section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.events.contributions import ContributionPaid, ContributionReversed, MonthCharge, PaymentUnmatched
from contracts.values import ContributionMonth
from services.payments.domain.ledger.accounts import COLLECTIVE, CONTRIBUTIONS, SUSPENSE, Lines, Transfer, clearing


def _paid(event: ContributionPaid) -> tuple[Transfer, ...]:
    other = _source(event)
    return tuple(
        Transfer(other, account, amount, event.payment_id, event.participant_id, month)
        for account, amount, month in parts(event.months)
    )


def _reversed(event: ContributionReversed) -> tuple[Transfer, ...]:
    other = clearing(event.partner)
    return tuple(
        Transfer(account, other, amount, event.payment_id, event.participant_id, month)
        for account, amount, month in parts(event.months)
    )


def _unmatched(event: PaymentUnmatched) -> tuple[Transfer, ...]:
    return (Transfer(_source(event), SUSPENSE, event.amount, event.payment_id, event.participant_id),)


def _source(event: ContributionPaid | PaymentUnmatched) -> str:
    """Where the money comes from: the partner that took it, or the paid collective bill that it is a share of."""
    return clearing(event.partner) if event.share_of is None else COLLECTIVE


def parts(months: Sequence[MonthCharge]) -> Iterator[tuple[str, int, ContributionMonth]]:
    """Account, amount above zero and month of every component."""
    for charge in months:
        for account, amount in zip(CONTRIBUTIONS, (charge.jkk, charge.jkm, charge.jht), strict=True):
            if amount:
                yield account, amount, charge.month


LINES: Lines = {ContributionPaid: _paid, ContributionReversed: _reversed, PaymentUnmatched: _unmatched}
