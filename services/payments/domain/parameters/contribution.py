"""Kind `contribution`: which table, which amounts and which discounts are law on a given day.

Sources: PP 44/2015 Lampiran II and PP 46/2015 (table, in force 1 July 2015), PP 50/2025 (discount, gazetted 22 December
2025). One set holds them all, as one bill is priced under one version.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from itertools import combinations
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.values import Amount, ContributionMonth, FundingSource, Rupiah, Sector
from services.payments.domain.parameters.kinds import Dated, Kind, Value, unsound

BPS = 10_000
Bps = Annotated[int, Field(ge=1, le=BPS)]


class DiscountTest(StrEnum):
    """Which month a discount's window is tested on (`discount_test`)."""

    CONTRIBUTION_MONTH = "CONTRIBUTION_MONTH"
    MONTH_OF_ISSUE = "MONTH_OF_ISSUE"


class _Itself(Value):
    """Equal to itself alone, so that prices can be kept by the set that made them."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


class Row(_Itself):
    """One income band: it holds `income_from` up to, but not including, the next row's; whole rupiah per month."""

    number: int
    income_from: Amount
    base: Amount
    jkk: Amount
    jht: Amount


class Discount(Value):
    """JKK and JKM of the contribution months `first` … `last` (inclusive) are lowered by `bps` for one sector."""

    sector: Sector
    first: ContributionMonth
    last: ContributionMonth
    bps: Bps

    @model_validator(mode="after")
    def _has_months(self) -> Self:
        if self.last < self.first:
            raise unsound(
                "window_empty",
                id="Bulan terakhir harus sama atau sesudah bulan pertama.",
                en="Its last month must not come before its first.",
            )
        return self


class ContributionRules(_Itself):
    """Everything a price depends on: `contribution_table`, `jkm_amount`, `discount`, `discount_test` of domain.md section 14."""

    table: Annotated[tuple[Row, ...], Field(min_length=1, max_length=200)]
    jkm: Amount
    discounts: Annotated[tuple[Discount, ...], Field(max_length=100)]
    never_discounted: tuple[FundingSource, ...]
    """Contributions paid from the state budget (APBN, APBD) carry no discount (PP 50/2025 Art. 4)."""
    discount_test: DiscountTest = DiscountTest.CONTRIBUTION_MONTH

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        _check_bands(self.table)
        _check_windows(self.discounts)
        _check_halves((*(row.jkk for row in self.table), self.jkm), {one.bps for one in self.discounts})
        return self


def _check_bands(table: tuple[Row, ...]) -> None:
    """Rows 1, 2, 3 … from an income of 1 upwards: every positive income has one band."""
    bounds = [row.income_from for row in table]
    if (
        [row.number for row in table] != list(range(1, len(table) + 1))
        or bounds[0] != 1
        or bounds != sorted(set(bounds))
    ):
        raise unsound(
            "table_unsound",
            id="Nomori golongan 1, 2, 3 … mulai dari penghasilan 1, dengan batas yang selalu naik.",
            en="Number the rows 1, 2, 3 … from an income of 1 on, with rising bounds.",
        )


def _check_windows(discounts: tuple[Discount, ...]) -> None:
    if any(a.sector is b.sector and a.first <= b.last and b.first <= a.last for a, b in combinations(discounts, 2)):
        raise unsound(
            "windows_overlap",
            id="Masa keringanan satu sektor tidak boleh bertumpuk.",
            en="The windows of one sector must not overlap.",
        )


def _check_halves(amounts: Iterable[int], rates: Iterable[int]) -> None:
    """No fraction of a rupiah may arise (domain.md section 12, rule 13)."""
    rates = tuple(rates)
    if any(amount * bps % BPS for amount in amounts for bps in rates):
        raise unsound(
            "fraction_of_a_rupiah",
            id="Keringanan harus menghasilkan rupiah bulat untuk setiap iuran JKK dan JKM.",
            en="A discount must leave whole rupiah of every JKK and JKM.",
        )


def _row(number: int, income_from: int, base: int, jkk: int, jht: int) -> Row:
    return Row(number=number, income_from=Rupiah(income_from), base=Rupiah(base), jkk=Rupiah(jkk), jht=Rupiah(jht))


_TABLE_2015 = (
    _row(1, 1, 1_000_000, 10_000, 20_000),
    _row(2, 1_100_000, 1_200_000, 12_000, 24_000),
    _row(3, 1_300_000, 1_400_000, 14_000, 28_000),
    _row(4, 1_500_000, 1_600_000, 16_000, 32_000),
    _row(5, 1_700_000, 1_800_000, 18_000, 36_000),
    _row(6, 1_900_000, 2_000_000, 20_000, 40_000),
    _row(7, 2_100_000, 2_200_000, 22_000, 44_000),
    _row(8, 2_300_000, 2_400_000, 24_000, 48_000),
    _row(9, 2_500_000, 2_600_000, 26_000, 52_000),
    _row(10, 2_700_000, 2_950_000, 29_500, 59_000),
    _row(11, 3_200_000, 3_450_000, 34_500, 69_000),
    _row(12, 3_700_000, 3_950_000, 39_500, 79_000),
    _row(13, 4_200_000, 4_450_000, 44_500, 89_000),
    _row(14, 4_700_000, 4_950_000, 49_500, 99_000),
    _row(15, 5_200_000, 5_450_000, 54_500, 109_000),
    _row(16, 5_700_000, 5_950_000, 59_500, 119_000),
    _row(17, 6_200_000, 6_450_000, 64_500, 129_000),
    _row(18, 6_700_000, 6_950_000, 69_500, 139_000),
    _row(19, 7_200_000, 7_450_000, 74_500, 149_000),
    _row(20, 7_700_000, 7_950_000, 79_500, 159_000),
    _row(21, 8_200_000, 8_700_000, 87_000, 174_000),
    _row(22, 9_200_000, 9_700_000, 97_000, 194_000),
    _row(23, 10_200_000, 10_700_000, 107_000, 214_000),
    _row(24, 11_200_000, 11_700_000, 117_000, 234_000),
    _row(25, 12_200_000, 12_700_000, 127_000, 254_000),
    _row(26, 13_200_000, 13_700_000, 137_000, 274_000),
    _row(27, 14_200_000, 14_700_000, 147_000, 294_000),
    _row(28, 15_200_000, 15_700_000, 157_000, 314_000),
    _row(29, 16_200_000, 16_700_000, 167_000, 334_000),
    _row(30, 17_200_000, 17_700_000, 177_000, 354_000),
    _row(31, 18_200_000, 18_700_000, 187_000, 374_000),
    _row(32, 19_200_000, 19_700_000, 197_000, 394_000),
    _row(33, 20_200_000, 20_700_000, 207_000, 414_000),
)
_BY_THE_STATE = (FundingSource.STATE, FundingSource.LOCAL_GOV)


def _window(sector: Sector, first: ContributionMonth, last: ContributionMonth) -> Discount:
    return Discount(sector=sector, first=first, last=last, bps=5_000)


CONTRIBUTION = Kind(
    name="contribution",
    family="bpu-contribution",
    value=ContributionRules,
    defaults=(
        Dated(
            "bpu-contribution/2015-07",
            date(2015, 7, 1),
            "PP 44/2015 Lampiran II; PP 46/2015",
            ContributionRules(table=_TABLE_2015, jkm=Rupiah(6_800), discounts=(), never_discounted=_BY_THE_STATE),
        ),
        Dated(
            "bpu-contribution/2025-12",
            date(2025, 12, 22),
            "PP 44/2015 Lampiran II; PP 46/2015; PP 50/2025",
            ContributionRules(
                table=_TABLE_2015,
                jkm=Rupiah(6_800),
                discounts=(
                    _window(Sector.TRANSPORT, ContributionMonth(2026, 1), ContributionMonth(2027, 3)),
                    _window(Sector.OTHER, ContributionMonth(2026, 4), ContributionMonth(2026, 12)),
                ),
                never_discounted=_BY_THE_STATE,
            ),
        ),
    ),
)
"""The newest set in force on the WIB day of issue prices a bill; its windows are tested on the contribution month
(decision 030).
"""
