"""Statements as people read, doubt and download them; a run that is killed goes on; statements per chunk do not grow."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import openpyxl
import pypdf
import pytest
import sqlalchemy as sa

from chassis.batches import Broken
from chassis.http import Principal
from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.timers import Due
from chassis.transaction import Meta
from contracts.events.incentives import IncentiveEarned, IncentiveStatementIssued
from services.payments.commands.incentives.disputes import RaiseDispute, RaiseDisputes
from services.payments.commands.incentives.issue import IssueStatements
from services.payments.parameters import Parameters
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, lines, statement
from tests.integration.payments.people import BRANCH
from tests.support.service import Harness

ELSEWHERE = UUID(int=0xE)


async def october(h: Harness, bank: Bank, people: int = 2) -> Worker:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, people)
    await close_month(h, at(2025, 11, 3, 0))
    return worker


async def test_a_foreign_statement_is_as_if_it_did_not_exist(h: Harness, bank: Bank) -> None:
    worker = await october(h, bank)
    own = [
        worker.token(h),
        h.token(roles=["coordinator"], wadah_id=worker.scope.wadah_id),
        h.token(roles=["officer"], branch_id=BRANCH),
    ]
    strangers = [
        h.token(roles=["agent"], agent_id=ELSEWHERE),
        h.token(roles=["coordinator"], wadah_id=ELSEWHERE),
        h.token(roles=["officer"], branch_id=ELSEWHERE),
        h.token(roles=["agent"]),
    ]
    base = f"/incentives/agents/{worker.agent_id}/statements/2025-10"
    paths = [
        base,
        f"{base}/lines",
        f"{base}/lines/1/events",
        f"{base}/document.pdf",
        f"/agents/{worker.agent_id}/activity",
    ]
    for path in paths:
        assert [(await h.client.get(path, headers=headers)).status_code for headers in own] == [200] * 3
        assert [(await h.client.get(path, headers=headers)).status_code for headers in strangers] == [404] * 4
    for headers in strangers:
        assert (await h.client.get("/incentives/statements", headers=headers)).json()["items"] == []
    # the Wadah's statement is not the agent's to see
    whole = f"/incentives/wadah/{worker.scope.wadah_id}/statements/2025-10"
    assert (await h.client.get(whole, headers=own[0])).status_code == 403
    assert (await h.client.get(whole, headers=own[1])).status_code == 200
    assert (await h.client.get(whole, headers=strangers[1])).status_code == 404
    assert (await h.client.get(base.replace("2025-10", "2025-13"), headers=own[0])).status_code == 404


async def test_a_line_is_doubted_by_whose_it_is_and_answered_once_by_the_branch(h: Harness, bank: Bank) -> None:
    worker = await october(h, bank)
    doubt = {
        "agent_id": str(worker.agent_id),
        "month": "2025-10",
        "line": 3,
        "reason": "wrong_amount",
        "note": "Kurang.",
    }
    foreign = await h.client.post(
        "/incentives/disputes", json=doubt, headers=h.token(roles=["agent"], agent_id=ELSEWHERE)
    )
    assert foreign.status_code == 404
    beyond = await h.client.post("/incentives/disputes", json=doubt | {"line": 5}, headers=worker.token(h))
    assert (beyond.status_code, beyond.json()["code"]) == (422, "no_such_line")
    named = await h.client.post(
        "/incentives/disputes", json=doubt | {"note": "NIK 3671 0404 0390 9999"}, headers=worker.token(h)
    )
    assert (named.status_code, named.json()["errors"][0]["code"]) == (422, "long_number")
    raised = await h.client.post("/incentives/disputes", json=doubt, headers=worker.token(h))
    assert raised.status_code == 201, raised.text
    path = f"/incentives/disputes/{raised.json()['dispute_id']}/answer"
    reply = {"upheld": False, "note": "Sesuai tarif 15%."}
    for headers, status in (
        (h.token(roles=["officer"], branch_id=ELSEWHERE), 404),
        (h.token(roles=["officer"], branch_id=BRANCH), 200),
        (h.token(roles=["officer"], branch_id=BRANCH), 409),
    ):
        assert (await h.client.post(path, json=reply, headers=headers)).status_code == status
    (shown,) = (await h.client.get("/incentives/disputes", headers=worker.token(h))).json()
    assert (shown["line"], shown["upheld"], shown["note"], shown["answer"]) == (3, False, "Kurang.", reply["note"])
    for table in ("event_log", "incentive_disputes", "dispute_notes", "idempotency"):
        async with h.app.read() as conn:
            stored = str([tuple(row) for row in await conn.execute(sa.text(f"SELECT * FROM {table}"))])
        assert "Kurang." not in stored, table
        assert "Sesuai tarif" not in stored, table
    h.clock.move_wall(timedelta(days=731))
    await h.due("snap-housekeeping")
    (shown,) = (await h.client.get("/incentives/disputes", headers=worker.token(h))).json()
    assert (shown["reason"], shown["note"], shown["answer"]) == ("wrong_amount", "", "")
    waiting = await h.client.get(
        "/incentives/disputes?open_only=true", headers=h.token(roles=["officer"], branch_id=BRANCH)
    )
    assert waiting.json() == []


async def test_the_same_doubt_twice_is_one_and_after_its_answer_another(h: Harness, bank: Bank) -> None:
    worker = await october(h, bank)
    doubt = {"agent_id": str(worker.agent_id), "month": "2025-10", "line": 0, "reason": "other", "note": "Kurang satu."}

    async def raised(**changes: str) -> str:
        response = await h.client.post("/incentives/disputes", json=doubt | changes, headers=worker.token(h))
        assert response.status_code == 201, response.text
        made: str = response.json()["dispute_id"]
        return made

    first, again, *more = await asyncio.gather(*(raised() for _ in range(4)))
    assert {first, again, *more} == {first}
    # another thing that is missing is another doubt, and so is the same one once it is answered
    assert (other := await raised(note="Kurang yang lain.")) != first
    officer = h.token(roles=["officer"], branch_id=BRANCH)
    answered = await h.client.post(
        f"/incentives/disputes/{first}/answer", json={"upheld": False, "note": "Lengkap."}, headers=officer
    )
    assert answered.status_code == 200, answered.text
    later = await raised()
    shown = (await h.client.get("/incentives/disputes", headers=worker.token(h))).json()
    assert {x["dispute_id"]: (x["month"], x["run"], x["upheld"]) for x in shown} == {
        first: ("2025-10", "2025-10", False),
        other: ("2025-10", "2025-10", None),
        later: ("2025-10", "2025-10", None),
    }


async def test_two_processes_that_are_told_the_same_doubt_keep_one(h: Harness, bank: Bank) -> None:
    worker = await october(h, bank)
    principal = Principal("agent-1", frozenset({"agent"}), agent_id=worker.agent_id)
    use_case = RaiseDisputes(h.app.vault)
    command = [
        RaiseDispute(Meta("agent-1", new_id()), principal, worker.agent_id, "2025-10", 1, "wrong_amount", "Kurang.")
        for _ in range(5)
    ]
    outcomes: list[Any] = await asyncio.gather(*(h.run(use_case, [one]) for one in command))
    assert len({outcome.body["dispute_id"] for (outcome,) in outcomes}) == 1
    assert len(await h.events("incentive-disputes")) == 1


async def test_documents_say_what_the_statement_says_and_name_nobody(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    people = await acquire(h, bank, worker, 3)
    await close_month(h, at(2025, 11, 3, 0))
    found, shown = await statement(h, worker, "2025-10"), await lines(h, worker, "2025-10")
    base = f"/incentives/agents/{worker.agent_id}/statements/2025-10/document"
    pdf = await h.client.get(f"{base}.pdf", headers=worker.token(h))
    again = await h.client.get(f"{base}.pdf", headers=worker.token(h))
    assert (pdf.headers["content-type"], pdf.content) == ("application/pdf", again.content)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages)
    assert f"{found['payable']:,}".replace(",", ".") in text
    assert found["fingerprint"] in text.replace("\n", "")
    for line in shown:
        assert line["participant_number"] in text
    sheet = await h.client.get(f"{base}.xlsx", headers=worker.token(h))
    book = openpyxl.load_workbook(io.BytesIO(sheet.content))
    received = book.worksheets[3]
    rows = list(received.iter_rows(min_row=2, values_only=True))
    assert sum(row[6] for row in rows) == found["received"]
    log = {str(r.envelope.event_id): r.event.type for r in await h.events("contributions")}
    assert [log[row[7]] for row in rows] == ["ContributionPaid"] * 3
    assert not [who for who in people if who.nik in text]
    whole = f"/incentives/wadah/{worker.scope.wadah_id}/statements/2025-10/document"
    board = h.token(roles=["coordinator"], wadah_id=worker.scope.wadah_id)
    printed, kept = [await h.client.get(f"{whole}.{form}", headers=board) for form in ("pdf", "xlsx")]
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(printed.content)).pages)
    cells = str([*openpyxl.load_workbook(io.BytesIO(kept.content)).worksheets[0].iter_rows(values_only=True)])
    assert "5 November 2025" in text and "5 November 2025" in cells, "the last day, not the midnight after it"
    assert "2025-11-06" not in text + cells


def due(h: Harness, worker: Worker, month: str = "2025-10") -> Due:
    return Due(f"{worker.agent_id}:{month}", Meta("tests", new_id()), h.clock.business())


async def opened(h: Harness, bank: Bank, agents: int, people: int) -> list[Worker]:
    """October is closed, and nothing is issued yet."""
    wadah = await engage(h)
    workers = [await hire(h, wadah) for _ in range(agents)]
    for worker in workers:
        await acquire(h, bank, worker, people)
    h.clock.set(at(2025, 11, 3, 0))
    await h.due("incentive-runs")
    return workers


async def test_a_run_that_was_killed_goes_on_and_issues_each_statement_once(h: Harness, bank: Bank) -> None:
    workers = await opened(h, bank, 3, 1)
    use_case = IssueStatements(Parameters(ttl_s=0))
    assert await h.run(use_case, [due(h, workers[0])]) == [Done()]

    async def killed(tx: Any, items: Any, /) -> list[Any]:
        await use_case(tx, items)
        raise RuntimeError("killed before the commit")

    (outcome,) = await h.run(killed, [due(h, workers[1])])
    assert isinstance(outcome, Broken)
    assert len([r for r in await h.events("incentives") if isinstance(r.event, IncentiveStatementIssued)]) == 1
    for timer in ("incentive-statements", "incentive-wadah", "incentive-runs"):
        await h.due(timer)
    assert await h.run(use_case, [due(h, worker) for worker in workers]) == [Done()] * 3
    issued = [e.agent_id for r in await h.events("incentives") if isinstance(e := r.event, IncentiveStatementIssued)]
    assert sorted(issued) == sorted(worker.agent_id for worker in workers)
    assert len([r for r in await h.events("incentives") if isinstance(r.event, IncentiveEarned)]) == 3
    assert [r.event.type for r in await h.events("incentive-runs")] == ["IncentiveRunOpened", "IncentiveRunCompleted"]


@pytest.mark.parametrize("size", [1, 6])
async def test_statements_of_a_chunk_do_not_grow_with_it(h: Harness, bank: Bank, size: int) -> None:
    workers = await opened(h, bank, size, 1)
    before, _ = await h.statements()
    await h.run(IssueStatements(Parameters(ttl_s=0)), [due(h, worker) for worker in workers])
    after, _ = await h.statements()
    assert after - before <= 15
