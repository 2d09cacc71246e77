"""The acceptance cases of contributions, by value: registered over HTTP, billed over HTTP.

Source: docs/domain.md section 13, C14 to C20. Each row is registered in its month, so its first bill is of just that month.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from contracts.events.participants import ParticipantRegistered
from services.payments.app import SERVICE as PAYMENTS
from services.registration.app import SERVICE as REGISTRATION
from tests.integration.payments.bank import at
from tests.integration.registration.world import form
from tests.support.service import Harness, harness
from tests.support.stack import Stack

TWO, THREE = ["JKK", "JKM"], ["JKK", "JKM", "JHT"]


@dataclass(frozen=True)
class Case:
    """`parts`: JKK, JKM, JHT of the one month billed, whole rupiah."""

    month: str
    income: int
    sector: str
    programmes: list[str]
    base: int
    parts: tuple[int, int, int]
    total: int
    funding_source: str = "SELF"


CASES = {
    "C14 at full price": Case("2025-12", 1_099_000, "TRANSPORT", TWO, 1_000_000, (10_000, 6_800, 0), 16_800),
    "C14": Case("2026-02", 1_099_000, "TRANSPORT", TWO, 1_000_000, (5_000, 3_400, 0), 8_400),
    "C15 at full price": Case("2025-12", 1_099_000, "TRANSPORT", THREE, 1_000_000, (10_000, 6_800, 20_000), 36_800),
    "C15": Case("2026-02", 1_099_000, "TRANSPORT", THREE, 1_000_000, (5_000, 3_400, 20_000), 28_400),
    "C16 2026-03": Case("2026-03", 1_000_000, "OTHER", TWO, 1_000_000, (10_000, 6_800, 0), 16_800),
    "C16 2026-04": Case("2026-04", 1_000_000, "OTHER", TWO, 1_000_000, (5_000, 3_400, 0), 8_400),
    "C16 2027-01": Case("2027-01", 1_000_000, "OTHER", TWO, 1_000_000, (10_000, 6_800, 0), 16_800),
    "C17": Case("2026-03", 3_000_000, "OTHER", THREE, 2_950_000, (29_500, 6_800, 59_000), 95_300),
    "C17 discounted": Case("2026-04", 3_000_000, "OTHER", THREE, 2_950_000, (14_750, 3_400, 59_000), 77_150),
    "C18": Case("2026-03", 25_000_000, "OTHER", THREE, 20_700_000, (207_000, 6_800, 414_000), 627_800),
    "C19": Case("2026-03", 1_099_500, "OTHER", TWO, 1_000_000, (10_000, 6_800, 0), 16_800),
    "C20": Case("2026-05", 1_000_000, "OTHER", TWO, 1_000_000, (10_000, 6_800, 0), 16_800, "LOCAL_GOV"),
}


@pytest.fixture
async def both(stack: Stack) -> AsyncIterator[tuple[Harness, Harness]]:
    """Registration and payments, each on its database; what registration tells is carried over by hand."""
    async with harness(REGISTRATION, stack) as registration, harness(PAYMENTS, stack) as payments:
        yield registration, payments


async def registered(registration: Harness, payments: Harness, case: Case, branch_id: str) -> str:
    wanted: dict[str, Any] = {
        "income": case.income,
        "sector": case.sector,
        "programmes": case.programmes,
        "funding_source": case.funding_source,
    }
    answer = await registration.client.post(
        "/participants", json=form(**wanted), headers=registration.token(roles=["officer"], branch_id=UUID(branch_id))
    )
    assert answer.status_code == 201, answer.text
    told = (await registration.events("participants"))[-1]
    assert isinstance(told.event, ParticipantRegistered)
    payments.person(told.event.participant_id)
    await payments.deliver(payments.record(told.event, key=told.event.participant_id))
    return str(told.event.participant_id)


async def test_the_acceptance_cases_come_out_to_the_rupiah(both: tuple[Harness, Harness]) -> None:
    registration, payments = both
    central = registration.token(roles=["central"])
    opened = await registration.client.post(
        "/branches", json={"code": "J08", "name": "Cimone", "city": "Tangerang"}, headers=central
    )
    for name, case in sorted(CASES.items(), key=lambda one: one[1].month):
        year, month = map(int, case.month.split("-"))
        for h in both:
            h.clock.set(at(year, month, 5))
        who = await registered(registration, payments, case, opened.json()["branch_id"])
        (bill,) = (
            await payments.client.get(f"/bills?participant_id={who}", headers=payments.token(roles=["auditor"]))
        ).json()
        (charge,) = bill["months"]
        assert (charge["month"], charge["base"]) == (case.month, case.base), name
        assert (charge["jkk"], charge["jkm"], charge["jht"]) == case.parts, name
        assert (bill["amount"], bill["funding_source"]) == (case.total, case.funding_source), name
