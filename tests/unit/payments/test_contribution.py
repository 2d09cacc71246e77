"""Prices to the rupiah, against the published tables (PP 44/2015 Lampiran II, PP 46/2015) and the discount of PP 50/2025."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given

from contracts.values import ContributionMonth, FundingSource, Programme, Sector
from services.payments.domain.contribution import IncomeNotPositive, charge, row_for
from services.payments.domain.parameters import CONTRIBUTION, DEFAULTS
from tests.unit.payments.strategies import THREE, TWO, incomes, months, programmes, sectors, sources

OLD, NEW = (one.value for one in CONTRIBUTION.defaults)

# row, income from, to, base, JKK, JKK half, JHT, 2 programmes, 2 half, 3 programmes, 3 half
TABLE = [
    (1, 1, 1_099_000, 1_000_000, 10_000, 5_000, 20_000, 16_800, 8_400, 36_800, 28_400),
    (2, 1_100_000, 1_299_000, 1_200_000, 12_000, 6_000, 24_000, 18_800, 9_400, 42_800, 33_400),
    (3, 1_300_000, 1_499_000, 1_400_000, 14_000, 7_000, 28_000, 20_800, 10_400, 48_800, 38_400),
    (4, 1_500_000, 1_699_000, 1_600_000, 16_000, 8_000, 32_000, 22_800, 11_400, 54_800, 43_400),
    (5, 1_700_000, 1_899_000, 1_800_000, 18_000, 9_000, 36_000, 24_800, 12_400, 60_800, 48_400),
    (6, 1_900_000, 2_099_000, 2_000_000, 20_000, 10_000, 40_000, 26_800, 13_400, 66_800, 53_400),
    (7, 2_100_000, 2_299_000, 2_200_000, 22_000, 11_000, 44_000, 28_800, 14_400, 72_800, 58_400),
    (8, 2_300_000, 2_499_000, 2_400_000, 24_000, 12_000, 48_000, 30_800, 15_400, 78_800, 63_400),
    (9, 2_500_000, 2_699_000, 2_600_000, 26_000, 13_000, 52_000, 32_800, 16_400, 84_800, 68_400),
    (10, 2_700_000, 3_199_000, 2_950_000, 29_500, 14_750, 59_000, 36_300, 18_150, 95_300, 77_150),
    (11, 3_200_000, 3_699_000, 3_450_000, 34_500, 17_250, 69_000, 41_300, 20_650, 110_300, 89_650),
    (12, 3_700_000, 4_199_000, 3_950_000, 39_500, 19_750, 79_000, 46_300, 23_150, 125_300, 102_150),
    (13, 4_200_000, 4_699_000, 4_450_000, 44_500, 22_250, 89_000, 51_300, 25_650, 140_300, 114_650),
    (14, 4_700_000, 5_199_000, 4_950_000, 49_500, 24_750, 99_000, 56_300, 28_150, 155_300, 127_150),
    (15, 5_200_000, 5_699_000, 5_450_000, 54_500, 27_250, 109_000, 61_300, 30_650, 170_300, 139_650),
    (16, 5_700_000, 6_199_000, 5_950_000, 59_500, 29_750, 119_000, 66_300, 33_150, 185_300, 152_150),
    (17, 6_200_000, 6_699_000, 6_450_000, 64_500, 32_250, 129_000, 71_300, 35_650, 200_300, 164_650),
    (18, 6_700_000, 7_199_000, 6_950_000, 69_500, 34_750, 139_000, 76_300, 38_150, 215_300, 177_150),
    (19, 7_200_000, 7_699_000, 7_450_000, 74_500, 37_250, 149_000, 81_300, 40_650, 230_300, 189_650),
    (20, 7_700_000, 8_199_000, 7_950_000, 79_500, 39_750, 159_000, 86_300, 43_150, 245_300, 202_150),
    (21, 8_200_000, 9_199_000, 8_700_000, 87_000, 43_500, 174_000, 93_800, 46_900, 267_800, 220_900),
    (22, 9_200_000, 10_199_000, 9_700_000, 97_000, 48_500, 194_000, 103_800, 51_900, 297_800, 245_900),
    (23, 10_200_000, 11_199_000, 10_700_000, 107_000, 53_500, 214_000, 113_800, 56_900, 327_800, 270_900),
    (24, 11_200_000, 12_199_000, 11_700_000, 117_000, 58_500, 234_000, 123_800, 61_900, 357_800, 295_900),
    (25, 12_200_000, 13_199_000, 12_700_000, 127_000, 63_500, 254_000, 133_800, 66_900, 387_800, 320_900),
    (26, 13_200_000, 14_199_000, 13_700_000, 137_000, 68_500, 274_000, 143_800, 71_900, 417_800, 345_900),
    (27, 14_200_000, 15_199_000, 14_700_000, 147_000, 73_500, 294_000, 153_800, 76_900, 447_800, 370_900),
    (28, 15_200_000, 16_199_000, 15_700_000, 157_000, 78_500, 314_000, 163_800, 81_900, 477_800, 395_900),
    (29, 16_200_000, 17_199_000, 16_700_000, 167_000, 83_500, 334_000, 173_800, 86_900, 507_800, 420_900),
    (30, 17_200_000, 18_199_000, 17_700_000, 177_000, 88_500, 354_000, 183_800, 91_900, 537_800, 445_900),
    (31, 18_200_000, 19_199_000, 18_700_000, 187_000, 93_500, 374_000, 193_800, 96_900, 567_800, 470_900),
    (32, 19_200_000, 20_199_000, 19_700_000, 197_000, 98_500, 394_000, 203_800, 101_900, 597_800, 495_900),
    (33, 20_200_000, 40_000_000, 20_700_000, 207_000, 103_500, 414_000, 213_800, 106_900, 627_800, 520_900),
]

# id, income, sector, funding source, programmes, contribution month, expected (JKK, JKM, JHT), sum
ACCEPTANCE = [
    ("C14 full", 1_099_000, Sector.TRANSPORT, FundingSource.SELF, TWO, "2025-12", (10_000, 6_800, 0), 16_800),
    ("C14", 1_099_000, Sector.TRANSPORT, FundingSource.SELF, TWO, "2026-02", (5_000, 3_400, 0), 8_400),
    ("C15 full", 1_099_000, Sector.TRANSPORT, FundingSource.SELF, THREE, "2025-12", (10_000, 6_800, 20_000), 36_800),
    ("C15", 1_099_000, Sector.TRANSPORT, FundingSource.SELF, THREE, "2026-02", (5_000, 3_400, 20_000), 28_400),
    ("C16 before", 900_000, Sector.OTHER, FundingSource.SELF, TWO, "2026-03", (10_000, 6_800, 0), 16_800),
    ("C16 inside", 900_000, Sector.OTHER, FundingSource.SELF, TWO, "2026-04", (5_000, 3_400, 0), 8_400),
    ("C16 after", 900_000, Sector.OTHER, FundingSource.SELF, TWO, "2027-01", (10_000, 6_800, 0), 16_800),
    ("C17 full", 3_000_000, Sector.OTHER, FundingSource.SELF, THREE, "2026-03", (29_500, 6_800, 59_000), 95_300),
    ("C17", 3_000_000, Sector.OTHER, FundingSource.SELF, THREE, "2026-04", (14_750, 3_400, 59_000), 77_150),
    ("C18", 25_000_000, Sector.OTHER, FundingSource.SELF, THREE, "2026-03", (207_000, 6_800, 414_000), 627_800),
    ("C19", 1_099_500, Sector.OTHER, FundingSource.SELF, TWO, "2026-03", (10_000, 6_800, 0), 16_800),
    ("C20", 1_000_000, Sector.OTHER, FundingSource.LOCAL_GOV, TWO, "2026-05", (10_000, 6_800, 0), 16_800),
]


@pytest.mark.parametrize(
    ("income", "sector", "source", "chosen", "month", "parts", "total"),
    [case[1:] for case in ACCEPTANCE],
    ids=[case[0] for case in ACCEPTANCE],
)
def test_acceptance_cases_of_the_domain_handbook_section_13(
    income: int,
    sector: Sector,
    source: FundingSource,
    chosen: tuple[Programme, ...],
    month: str,
    parts: tuple[int, int, int],
    total: int,
) -> None:
    result = charge(
        ContributionMonth.parse(month),
        income=income,
        programmes=chosen,
        sector=sector,
        funding_source=source,
        rules=NEW,
    )
    assert ((result.jkk, result.jkm, result.jht), result.total) == (parts, total)


def test_the_band_hole_of_c19_has_the_base_of_the_first_row() -> None:
    assert row_for(1_099_500, OLD).base == 1_000_000


@pytest.mark.parametrize("row", TABLE, ids=[f"row {row[0]}" for row in TABLE])
def test_every_row_of_the_published_table_comes_out_to_the_rupiah(row: tuple[int, ...]) -> None:
    number, low, high, base, jkk, jkk_half, jht, two, two_half, three, three_half = row
    for income in (low, high):
        for chosen, full, half in ((TWO, two, two_half), (THREE, three, three_half)):
            before, inside = (
                charge(
                    ContributionMonth(2026, month),
                    income=income,
                    programmes=chosen,
                    sector=Sector.OTHER,
                    funding_source=FundingSource.SELF,
                    rules=NEW,
                )
                for month in (3, 4)
            )
            assert (before.base, before.jkk, before.total, before.discounted) == (base, jkk, full, False)
            assert (inside.base, inside.jkk, inside.total, inside.discounted) == (base, jkk_half, half, True)
            assert before.jht == inside.jht == (jht if chosen == THREE else 0)
        assert row_for(income, NEW).number == number


def test_the_table_is_the_law_of_jkk_and_jht() -> None:
    assert len(OLD.table) == 33
    assert all(row.jkk * 100 == row.base and row.jht * 50 == row.base for row in OLD.table)


@given(incomes)
def test_there_is_no_hole_between_bands(income: int) -> None:
    thousand = max(1, income // 1_000 * 1_000)
    row = row_for(income, OLD)
    assert row is row_for(thousand, OLD)
    assert row.income_from <= income


@pytest.mark.parametrize("income", [0, -1])
def test_no_income_has_no_band(income: int) -> None:
    with pytest.raises(IncomeNotPositive):
        row_for(income, OLD)


@given(incomes, programmes, sectors, sources, months)
def test_a_discount_halves_jkk_and_jkm_exactly_and_leaves_jht_alone(
    income: int,
    chosen: tuple[Programme, ...],
    sector: Sector,
    source: FundingSource,
    month: ContributionMonth,
) -> None:
    old, new = (
        charge(month, income=income, programmes=chosen, sector=sector, funding_source=source, rules=rules)
        for rules in (OLD, NEW)
    )
    assert not old.discounted
    assert new.jht == old.jht
    factor = 2 if new.discounted else 1
    assert (new.jkk * factor, new.jkm * factor) == (old.jkk, old.jkm)
    assert not (new.discounted and source in {FundingSource.STATE, FundingSource.LOCAL_GOV})


@pytest.mark.parametrize(
    ("sector", "first", "last"),
    [(Sector.TRANSPORT, "2026-01", "2027-03"), (Sector.OTHER, "2026-04", "2026-12")],
)
def test_the_discount_window_is_that_of_the_sector_by_contribution_month(sector: Sector, first: str, last: str) -> None:
    start, end = ContributionMonth.parse(first), ContributionMonth.parse(last)
    inside = {
        str(month)
        for n in range(-3, end - start + 4)
        if charge(
            month := start + n,
            income=1_000_000,
            programmes=TWO,
            sector=sector,
            funding_source=FundingSource.SELF,
            rules=NEW,
        ).discounted
    }
    assert inside == {str(start + n) for n in range(end - start + 1)}


def test_rules_in_force_follow_the_day_of_the_gazette() -> None:
    assert DEFAULTS.version_on(CONTRIBUTION, date(2025, 12, 21)) == "bpu-contribution/2015-07"
    assert DEFAULTS.version_on(CONTRIBUTION, date(2025, 12, 22)) == "bpu-contribution/2025-12"
    with pytest.raises(LookupError):
        DEFAULTS.on(CONTRIBUTION, date(2015, 6, 30))
