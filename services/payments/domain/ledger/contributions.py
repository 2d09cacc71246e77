"""Lines of contributions: paid, taken back, in suspense. Each contribution month is its own line (domain.md section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.events.contributions import (
    ContributionPaid,
    ContributionReversed,
    CreditedMonth,
    CreditGranted,
    CreditWithdrawn,
    MonthCharge,
    PaymentUnmatched,
)
from contracts.values import ContributionMonth
from services.payments.domain.ledger.accounts import (
    CARRY_FORWARD,
    COLLECTIVE,
    CONTRIBUTIONS,
    JHT,
    JKK,
    JKM,
    SUSPENSE,
    Lines,
    Transfer,
    clearing,
)


def _paid(event: ContributionPaid) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(other, account, amount, event.payment_id, event.participant_id, month)
        for other, account, amount, month in _sides(event.months, _source(event))
    )


def _reversed(event: ContributionReversed) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(account, other, amount, event.payment_id, event.participant_id, month)
        for other, account, amount, month in _sides(event.months, clearing(event.partner))
    )


def _unmatched(event: PaymentUnmatched) -> tuple[Transfer, ...]:
    return (Transfer(_source(event), SUSPENSE, event.amount, event.payment_id, event.participant_id),)


def _granted(event: CreditGranted) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(account, CARRY_FORWARD, amount, event.payment_id, event.participant_id, month)
        for account, amount, month in _excesses(event.months)
    )


def _withdrawn(event: CreditWithdrawn) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(CARRY_FORWARD, account, amount, event.payment_id, event.participant_id, month)
        for account, amount, month in _excesses(event.months)
    )


def _excesses(months: Sequence[CreditedMonth]) -> Iterator[tuple[str, int, ContributionMonth]]:
    for one in months:
        for account, amount in ((JKK, one.jkk), (JKM, one.jkm)):
            if amount:
                yield account, amount, one.month


def _sides(months: Sequence[MonthCharge], other: str) -> Iterator[tuple[str, str, int, ContributionMonth]]:
    """Other account, account, amount and month: a month's JKK, then its JKM are of the credit it uses, the rest of `other`."""
    credit: dict[ContributionMonth, int] = {charge.month: charge.credit for charge in months}
    for account, amount, month in parts(months):
        used = 0 if account == JHT else min(credit[month], amount)
        credit[month] -= used
        if used:
            yield CARRY_FORWARD, account, used, month
        if amount > used:
            yield other, account, amount - used, month


def _source(event: ContributionPaid | PaymentUnmatched) -> str:
    """Where the money comes from: the partner that took it, or the paid collective bill that it is a share of."""
    return clearing(event.partner) if event.share_of is None else COLLECTIVE


def parts(months: Sequence[MonthCharge]) -> Iterator[tuple[str, int, ContributionMonth]]:
    """Account, amount above zero and month of every component."""
    for charge in months:
        for account, amount in zip(CONTRIBUTIONS, (charge.jkk, charge.jkm, charge.jht), strict=True):
            if amount:
                yield account, amount, charge.month


LINES: Lines = {
    ContributionPaid: _paid,
    ContributionReversed: _reversed,
    CreditGranted: _granted,
    CreditWithdrawn: _withdrawn,
    PaymentUnmatched: _unmatched,
}
