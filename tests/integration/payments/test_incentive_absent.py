"""A statement that is not there yet says when it will be; the same to everybody, so it tells nothing of anybody."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire
from tests.support.service import Harness

NOBODY = UUID(int=0xE)
DOORS = (
    "agents/{agent}/statements/{month}",
    "agents/{agent}/statements/{month}/lines",
    "agents/{agent}/statements/{month}/lines/1/events",
    "agents/{agent}/statements/{month}/document.pdf",
    "wadah/{wadah}/statements/{month}",
    "wadah/{wadah}/statements/{month}/document.xlsx",
)


@pytest.fixture
async def worker(h: Harness, bank: Bank) -> Worker:
    """At work since October, with somebody who paid."""
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 1)
    return worker


async def asked(h: Harness, worker: Worker, month: str) -> set[tuple[int, str, str]]:
    """Status, code and English text at every door, for his own and for nobody's."""
    found = set()
    for agent, wadah in ((worker.agent_id, worker.scope.wadah_id), (NOBODY, NOBODY)):
        for door in DOORS:
            path = "/incentives/" + door.format(agent=agent, wadah=wadah, month=month)
            answer = await h.client.get(path, headers=h.token(roles=["central"]))
            told = answer.json() if answer.status_code == 404 else {}
            found.add((answer.status_code, told.get("code", ""), told.get("messages", {}).get("en", "")))
    return found


async def test_before_the_day_of_statements_it_names_that_day(h: Harness, worker: Worker) -> None:
    h.clock.set(at(2025, 11, 2, 23, 59))
    text = "Incentive statements of 2025-10 are issued from 2025-11-03 00:00:00 WIB on. Look again then."
    assert await asked(h, worker, "2025-10") == {(404, "statement_not_yet_issued", text)}
    ((_, _, later),) = await asked(h, worker, "2026-03")
    assert "2026-04-03 00:00:00 WIB" in later


async def test_while_they_are_being_issued_it_says_so(h: Harness, worker: Worker) -> None:
    h.clock.set(at(2025, 11, 3, 0))
    await h.due("incentive-runs")
    text = "Incentive statements of 2025-10 are being issued, and this one is not there yet. Look again soon."
    assert await asked(h, worker, "2025-10") == {(404, "statement_under_way", text)}


async def test_of_a_month_that_is_over_there_is_none(h: Harness, worker: Worker) -> None:
    await close_month(h, at(2025, 11, 3, 0))
    assert {(status, code) for status, code, _ in await asked(h, worker, "2025-10")} == {(200, ""), (404, "not_found")}
    for month in ("2025-09", "1999-12", "0000-01", "9999-12"):
        assert {(status, code) for status, code, _ in await asked(h, worker, month)} == {(404, "not_found")}
