"""What one contribution month costs: each component in whole rupiah first, then summed (domain.md section 5).

Source: PP 44/2015 Lampiran II, PP 46/2015, PP 50/2025 Art. 4. No fraction can arise: every JKK of the table and the
JKM amount are even.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from contracts.events.contributions import CreditedMonth, MonthCharge
from contracts.values import USUAL_GRACE_MONTHS, ContributionMonth, FundingSource, Programme, Rupiah, Sector
from services.payments.domain.parameters import ContributionRules, Discount, DiscountTest, Row
from services.payments.domain.parameters.contribution import BPS


class IncomeNotPositive(ValueError):
    """An income of zero or less has no band; registration refuses it."""


def row_for(income: int, rules: ContributionRules) -> Row:
    """The band of a monthly income.

    The printed bounds leave 999 rupiah between rows; a row holds up to the next one's lower bound.
    """
    if income <= 0:
        raise IncomeNotPositive
    return rules.table[max(0, bisect_right(rules.table, income, key=lambda row: row.income_from) - 1)]


def charge(
    month: ContributionMonth,
    *,
    income: int,
    programmes: Collection[Programme],
    sector: Sector,
    funding_source: FundingSource,
    rules: ContributionRules,
    issued_in: ContributionMonth | None = None,
    grace_months: int = USUAL_GRACE_MONTHS,
) -> MonthCharge:
    """The charge of one month.

    The discount is tested on the contribution month, not on the day of payment, unless a set says otherwise; then `issued_in`
    is the month of the bill's issue. JHT is never discounted.
    """
    tested = month if rules.discount_test is DiscountTest.CONTRIBUTION_MONTH else issued_in or month
    with_jht = Programme.JHT in programmes
    return _charge(month, tested, row_for(income, rules), with_jht, sector, funding_source, rules, grace_months)


@lru_cache(maxsize=4_096)
def _charge(
    month: ContributionMonth,
    tested: ContributionMonth,
    row: Row,
    with_jht: bool,
    sector: Sector,
    funding_source: FundingSource,
    rules: ContributionRules,
    grace_months: int,
) -> MonthCharge:
    """Kept, as a day's bills are of few months, bands and sectors."""
    discount = _discount(tested, sector, funding_source, rules)
    bps = discount.bps if discount else 0
    return MonthCharge(
        month=month,
        base=Rupiah(row.base),
        jkk=Rupiah(_lowered(row.jkk, bps)),
        jkm=Rupiah(_lowered(rules.jkm, bps)),
        jht=Rupiah(row.jht if with_jht else 0),
        discounted=discount is not None,
        grace_months=grace_months,
    )


def excess(
    charge: MonthCharge, *, sector: Sector, funding_source: FundingSource, rules: ContributionRules
) -> CreditedMonth | None:
    """What a month that was charged at full price costs less under these rules; None when it costs the same.

    Only where the contribution month decides: a test on the month of issue says nothing of bills issued before.
    """
    discount = None if charge.discounted else _discount(charge.month, sector, funding_source, rules)
    if discount is None or rules.discount_test is not DiscountTest.CONTRIBUTION_MONTH:
        return None
    jkk, jkm = (amount - _lowered(amount, discount.bps) for amount in (charge.jkk, charge.jkm))
    return CreditedMonth(month=charge.month, jkk=Rupiah(jkk), jkm=Rupiah(jkm))


def with_credit(charges: Iterable[MonthCharge], credit: int) -> Iterator[MonthCharge]:
    """The charges, oldest first, with their JKK and JKM paid from this credit as far as it reaches; JHT never is."""
    for charge in charges:
        used = min(credit, charge.jkk + charge.jkm)
        credit -= used
        yield charge.model_copy(update={"credit": Rupiah(used)}) if used else charge


def with_sources(charges: Iterable[MonthCharge], from_suspense: int) -> Iterator[MonthCharge]:
    """The charges as they are paid, oldest first: their credit is of what came out of suspense as far as that reaches, then of the rest."""
    for charge in charges:
        used = min(from_suspense, charge.credit)
        from_suspense -= used
        yield charge.model_copy(update={"from_suspense": Rupiah(used)}) if used else charge


def _lowered(amount: int, bps: int) -> int:
    return amount * (BPS - bps) // BPS


def _discount(
    month: ContributionMonth, sector: Sector, funding_source: FundingSource, rules: ContributionRules
) -> Discount | None:
    if funding_source in rules.never_discounted:
        return None
    return next((d for d in rules.discounts if d.sector is sector and d.first <= month <= d.last), None)
