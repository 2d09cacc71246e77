"""Dated parameters of the contribution: which table, which amounts and which discounts were law on a given day.

A set is never edited: a change of the law is a new set with its own `in_force` day and version, so a replay prices a
bill as on the day it was issued. Sources: PP 44/2015 Lampiran II and PP 46/2015 (table, in force 1 July 2015), PP
50/2025 (discount, gazetted 22 December 2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from contracts.values import ContributionMonth, FundingSource, Sector


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One income band: it holds `income_from` up to, but not including, the next row's; whole rupiah per month."""

    number: int
    income_from: int
    base: int
    jkk: int
    jht: int


@dataclass(frozen=True, slots=True)
class Discount:
    """JKK and JKM of the contribution months `first` … `last` (inclusive) are lowered by `bps` for one sector."""

    sector: Sector
    first: ContributionMonth
    last: ContributionMonth
    bps: int


@dataclass(frozen=True, slots=True, eq=False)
class ContributionRules:
    """Everything a price depends on, as it was law from the day `in_force`. Itself alone is equal to it, and its rows likewise."""

    version: str
    in_force: date
    table: tuple[Row, ...]
    jkm: int
    discounts: tuple[Discount, ...]
    never_discounted: frozenset[FundingSource]
    """Contributions paid from the state budget (APBN, APBD) carry no discount (PP 50/2025 Art. 4)."""


_TABLE_2015 = (
    Row(1, 1, 1_000_000, 10_000, 20_000),
    Row(2, 1_100_000, 1_200_000, 12_000, 24_000),
    Row(3, 1_300_000, 1_400_000, 14_000, 28_000),
    Row(4, 1_500_000, 1_600_000, 16_000, 32_000),
    Row(5, 1_700_000, 1_800_000, 18_000, 36_000),
    Row(6, 1_900_000, 2_000_000, 20_000, 40_000),
    Row(7, 2_100_000, 2_200_000, 22_000, 44_000),
    Row(8, 2_300_000, 2_400_000, 24_000, 48_000),
    Row(9, 2_500_000, 2_600_000, 26_000, 52_000),
    Row(10, 2_700_000, 2_950_000, 29_500, 59_000),
    Row(11, 3_200_000, 3_450_000, 34_500, 69_000),
    Row(12, 3_700_000, 3_950_000, 39_500, 79_000),
    Row(13, 4_200_000, 4_450_000, 44_500, 89_000),
    Row(14, 4_700_000, 4_950_000, 49_500, 99_000),
    Row(15, 5_200_000, 5_450_000, 54_500, 109_000),
    Row(16, 5_700_000, 5_950_000, 59_500, 119_000),
    Row(17, 6_200_000, 6_450_000, 64_500, 129_000),
    Row(18, 6_700_000, 6_950_000, 69_500, 139_000),
    Row(19, 7_200_000, 7_450_000, 74_500, 149_000),
    Row(20, 7_700_000, 7_950_000, 79_500, 159_000),
    Row(21, 8_200_000, 8_700_000, 87_000, 174_000),
    Row(22, 9_200_000, 9_700_000, 97_000, 194_000),
    Row(23, 10_200_000, 10_700_000, 107_000, 214_000),
    Row(24, 11_200_000, 11_700_000, 117_000, 234_000),
    Row(25, 12_200_000, 12_700_000, 127_000, 254_000),
    Row(26, 13_200_000, 13_700_000, 137_000, 274_000),
    Row(27, 14_200_000, 14_700_000, 147_000, 294_000),
    Row(28, 15_200_000, 15_700_000, 157_000, 314_000),
    Row(29, 16_200_000, 16_700_000, 167_000, 334_000),
    Row(30, 17_200_000, 17_700_000, 177_000, 354_000),
    Row(31, 18_200_000, 18_700_000, 187_000, 374_000),
    Row(32, 19_200_000, 19_700_000, 197_000, 394_000),
    Row(33, 20_200_000, 20_700_000, 207_000, 414_000),
)
_BY_THE_STATE = frozenset({FundingSource.STATE, FundingSource.LOCAL_GOV})

CONTRIBUTION_RULES = (
    ContributionRules("bpu-contribution/2015-07", date(2015, 7, 1), _TABLE_2015, 6_800, (), _BY_THE_STATE),
    ContributionRules(
        "bpu-contribution/2025-12",
        date(2025, 12, 22),
        _TABLE_2015,
        6_800,
        (
            Discount(Sector.TRANSPORT, ContributionMonth(2026, 1), ContributionMonth(2027, 3), 5_000),
            Discount(Sector.OTHER, ContributionMonth(2026, 4), ContributionMonth(2026, 12), 5_000),
        ),
        _BY_THE_STATE,
    ),
)
"""Oldest first. The newest set in force on the WIB day of issue prices a bill; its windows are tested on the
contribution month.
"""

BILLING_RULES = "bpu-billing/2022-07"
"""Version of grace, lapse, order of months and expiry (Perdir 22/PERDIR.02/072022; domain.md section 6)."""

GRACE_MONTHS = 3
"""Arrears of M+1 … M+3 may be paid (Perdir 22/2022)."""

PREPAY_MONTHS = (1, 2, 3, 6, 12)
"""How many months one bill may hold on request (Permenaker 5/2021)."""


def rules_on(day: date) -> ContributionRules:
    """The set in force on a WIB day. Raises LookupError before 1 July 2015."""
    for rules in reversed(CONTRIBUTION_RULES):
        if rules.in_force <= day:
            return rules
    raise LookupError(f"no contribution rules in force on {day}")
