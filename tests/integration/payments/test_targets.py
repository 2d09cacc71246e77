"""The target of an agreement beside what its agents reached, and the fact when it was missed for as long as the rule allows."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pypdf
import pytest

from contracts.events.agency import IncentiveScheme
from contracts.events.incentives import AgreementEndFellDue
from contracts.values import ContributionMonth
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, wadah_statement
from tests.integration.payments.test_drop_rules import closed
from tests.integration.payments.test_parameters import enact
from tests.support.service import Harness


async def told(h: Harness) -> list[tuple[Any, str, int, int, int]]:
    return [
        (e.wadah_id, str(e.month), e.monthly_target, e.months_below, e.drop_months)
        for r in await h.events("incentives")
        if isinstance(e := r.event, AgreementEndFellDue)
    ]


async def months_below(h: Harness, worker: Worker, *months: str) -> list[tuple[int, bool]]:
    found = [await wadah_statement(h, worker, month) for month in months]
    return [(one["months_below"], one["end_due"]) for one in found]


async def test_two_agents_reach_it_together_and_the_statement_says_both_figures(h: Harness, bank: Bank) -> None:
    one = await hire(h, wadah := await engage(h, target=3))
    two = await hire(h, wadah)
    await acquire(h, bank, one, 2)
    await acquire(h, bank, two, 1)
    await close_month(h, at(2025, 11, 3, 0))
    await close_month(h, at(2025, 12, 3, 0))
    reached, missed = [await wadah_statement(h, one, month) for month in ("2025-10", "2025-11")]
    assert (reached["acquisitions"], reached["monthly_target"], reached["months_below"]) == (3, 3, 0)
    assert (missed["acquisitions"], missed["monthly_target"], missed["months_below"]) == (0, 3, 1)
    path = f"/incentives/wadah/{wadah.wadah_id}/statements/2025-11/document.pdf"
    board = h.token(roles=["coordinator"], wadah_id=wadah.wadah_id)
    pdf = await h.client.get(path, headers=board)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages)
    assert "0 / 3" in text.replace("\n", " ")


async def test_three_months_below_it_are_told_once_and_nothing_ends(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h, target=2))
    await acquire(h, bank, worker, 1)
    await closed(h, ContributionMonth(2025, 11))
    assert await told(h) == []
    await closed(h, ContributionMonth(2026, 1))
    assert await told(h) == [(worker.scope.wadah_id, "2025-12", 2, 3, 3)]
    assert await months_below(h, worker, "2025-10", "2025-12", "2026-01") == [(1, False), (3, True), (4, True)]
    assert [r.event.type for r in await h.events("agreements")] == ["AgreementNoted"]


async def test_the_rule_of_the_month_says_how_many(h: Harness) -> None:
    worker = await hire(h, await engage(h, target=2))
    await enact(h, "drop_months", {"valid_from": "2025-11-01", "source": "Perdir contoh", "value": {"months": 2}})
    await closed(h, ContributionMonth(2025, 11))
    assert await told(h) == [(worker.scope.wadah_id, "2025-11", 2, 2, 2)]


@pytest.mark.parametrize(
    ("terms", "months"),
    [
        ({}, [0, 0, 0, 0]),
        ({"target": 2, "term": (date(2025, 10, 15), date(2026, 10, 14))}, [0, 1, 2, 3]),
        ({"target": 2, "term": (date(2025, 10, 2), date(2026, 10, 1))}, [0, 1, 2, 3]),
        ({"target": 2, "term": (date(2025, 10, 1), date(2026, 9, 30))}, [1, 2, 3, 4]),
        ({"target": 2, "term": (date(2025, 1, 1), date(2025, 12, 15))}, [1, 2, 0, 0]),
        ({"target": 2, "scheme": IncentiveScheme.OLD}, [1, 2, 3, 4]),
    ],
    ids=["no target", "begun in October", "begun on the 2nd", "begun on the 1st", "ended in December", "OLD"],
)
async def test_full_months_of_the_agreement_count_and_only_new_ones_end(
    h: Harness, terms: dict[str, Any], months: list[int]
) -> None:
    worker = await hire(h, await engage(h, **terms))
    await closed(h, ContributionMonth(2026, 1))
    found = await months_below(h, worker, "2025-10", "2025-11", "2025-12", "2026-01")
    assert [below for below, _ in found] == months
    assert len(await told(h)) == (months[-1] >= 3 and terms.get("scheme") is None)
