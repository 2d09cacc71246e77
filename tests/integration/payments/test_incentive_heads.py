"""What each acquisition line of a statement is worth, on the page and in both documents: by value, from the rules that the statement names.

Source: docs/domain.md section 13, C1, C2 and C4, and section 12, rule 2.
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import openpyxl
import pypdf
import pytest

from contracts.events.agency import IncentiveScheme
from contracts.events.participants import RefusalReason
from contracts.values import Programme
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, buy, enrol, lines, statement
from tests.integration.payments.people import refuse
from tests.integration.payments.test_incentive_own_sets import agreed
from tests.integration.payments.test_parameters import enact
from tests.support.service import Harness

THREE = (Programme.JKK, Programme.JKM, Programme.JHT)
Worth = tuple[int, int, str | None]


def worth(shown: list[dict[str, Any]]) -> list[Worth]:
    """(per head, rupiah, why nothing) of the acquisitions among these lines."""
    return [(x["per_head"], x["pay"], x["pay_reason"]) for x in shown if x["with_jht"] is not None]


async def printed(h: Harness, worker: Worker, month: str) -> tuple[str, list[tuple[Any, ...]]]:
    """(the PDF's text, the rows of acquisitions in the XLSX)."""
    base, token = f"/incentives/agents/{worker.agent_id}/statements/{month}/document", worker.token(h)
    pdf, xlsx = [await h.client.get(f"{base}.{form}", headers=token) for form in ("pdf", "xlsx")]
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages)
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx.content)).worksheets[2]
    return text, [*sheet.iter_rows(min_row=2, values_only=True)]


@pytest.mark.parametrize(
    ("scheme", "day", "people", "line", "said"),
    [
        (IncentiveScheme.NEW, at(2025, 10, 6), 50, (15_000, 15_000, None), None),
        (IncentiveScheme.NEW, at(2025, 10, 6), 24, (15_000, 0, "threshold_not_met"), "below threshold"),
        (IncentiveScheme.OLD, at(2022, 10, 6), 50, (0, 0, "flat"), "once a month"),
        (IncentiveScheme.OLD, at(2022, 10, 6), 30, (0, 0, "threshold_not_met"), "below threshold"),
    ],
    ids=["C1", "C1 one head short", "C4-50", "C4-30"],
)
async def test_each_acquisition_names_its_rate_and_its_rupiah(
    h: Harness, scheme: IncentiveScheme, day: datetime, people: int, line: Worth, said: str | None
) -> None:
    h.clock.set(day)
    bank = await Bank(h).enable()
    worker = await hire(h, await engage(h, scheme=scheme))
    await acquire(h, bank, worker, people, programmes=THREE)
    month = f"{day:%Y-%m}"
    await close_month(h, at(day.year, day.month + 1, 3, 0))
    shown, found = await lines(h, worker, month), await statement(h, worker, month)
    assert worth(shown) == [line] * people
    if scheme is IncentiveScheme.NEW:
        assert sum(x["pay"] or 0 for x in shown) == found["acquisition_pay"]
    assert {(x["per_head"], x["pay"]) for x in shown if x["with_jht"] is None} == {(None, None)}
    text, rows = await printed(h, worker, month)
    assert [row[5:7] for row in rows] == [line[:2]] * people
    assert {row[7] for row in rows} == {None if said is None else next(r[7] for r in rows)}
    if said is None:
        assert text.count("15.000") >= 2 * people, "rate and rupiah of each"
    else:
        assert said in rows[0][7] and said in text


async def test_two_programmes_pay_by_their_own_rate_and_a_line_of_their_own_set_keeps_it(
    h: Harness, bank: Bank
) -> None:
    wadah = await engage(h)
    worker = await hire(h, wadah)
    own = {"subject": str(wadah.wadah_id)}
    await enact(h, "incentive_set_new", agreed(threshold=3, head_with_jht=50_000) | own)
    await acquire(h, bank, worker, 2, programmes=THREE)
    await acquire(h, bank, worker, 1, programmes=(Programme.JKK, Programme.JKM))
    await close_month(h, at(2025, 11, 3, 0))
    before = await lines(h, worker, "2025-10")
    assert sorted(worth(before)) == [(10_000, 10_000, None), (50_000, 50_000, None), (50_000, 50_000, None)]
    # what is law from December on changes nothing of October
    later = agreed(threshold=9, head_with_jht=1) | own | {"valid_from": "2025-12-01"}
    await enact(h, "incentive_set_new", later)
    h.clock.set(at(2025, 12, 6))
    assert await lines(h, worker, "2025-10") == before


async def test_a_line_that_is_taken_back_names_what_it_had_brought(h: Harness, bank: Bank) -> None:
    """25 to 24: the line takes its own 15,000; the adjustment has the whole month's."""
    worker = await hire(h, await engage(h))
    people = await enrol(h, worker, 25, programmes=THREE)
    paid = [await buy(bank, who) for who in people]
    await close_month(h, at(2025, 11, 3, 0))
    h.clock.set(at(2025, 11, 10))
    await refuse(h, people[0], paid[0], RefusalReason.ENTRY_AGE_EXCEEDED)
    await close_month(h, at(2025, 12, 3, 0))
    assert worth(await lines(h, worker, "2025-11")) == [(15_000, -15_000, None)]
    (adjusted,) = (await statement(h, worker, "2025-11"))["adjustments"]
    assert (
        adjusted["acquisition_pay"] == 0 and adjusted["before"] - adjusted["agent"] == 25 * 15_000 + 36_800 * 15 // 100
    )
