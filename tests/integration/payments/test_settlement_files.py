"""Settlement files through the doors: which are taken, and what becomes of one that comes again."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
import sqlalchemy as sa

from contracts.events.reconciliation import SettlementLayout
from services.payments.tables import settlement_parts
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.office import NEXT_DAY, NOBODY, TIMER, Office, account, paid, titled, totals
from tests.integration.payments.people import register
from tests.support.service import Harness
from tests.support.settlement import DAY, MARKED, TITLED, marked


class TestDays:
    @pytest.mark.parametrize("day", ["2025-10-07", "9999-12-31", "0001-01-01", "2019-12-31"])
    @pytest.mark.parametrize("layout", [MARKED, TITLED], ids=["marked", "titled"])
    async def test_a_file_of_a_day_that_cannot_have_one_is_refused(
        self, office: Office, day: str, layout: SettlementLayout
    ) -> None:
        await office.agree(layout, valid_from="2000-01-01")
        answer = await office.send(marked(day=date.fromisoformat(day)), day)
        assert answer.status_code == 422, answer.text
        told = answer.json()
        assert (told["code"], told["field"]) == ("settlement_day_outside", "day")
        for language in ("id", "en"):
            assert day in told["messages"][language]
            assert "2025-10-06" in told["messages"][language]
        assert (await office.get("/settlements/files"))["items"] == []

    async def test_a_day_begins_at_midnight_in_jakarta(self, h: Harness, office: Office) -> None:
        day = str(NEXT_DAY)
        h.clock.set(at(2025, 10, 6, 23, 59))
        assert (await office.send(marked(day=NEXT_DAY), day)).status_code == 422
        h.clock.set(at(2025, 10, 7, 0, 0))
        assert (await office.send(marked(day=NEXT_DAY), day)).status_code == 202


class TestFiles:
    async def test_the_same_bytes_again_are_the_same_file_and_change_nothing(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await register(h)
        content = marked(*await paid(h, bank), ("LOST-1", account(who), 36_800), ("ODD-1", NOBODY, 5_000))
        file = await office.reconcile(content)
        events = len(await h.events())
        again = await office.upload(content)
        assert (again.status_code, again.json()["file_id"]) == (200, file["file_id"])
        assert await h.due(TIMER) == 0
        assert len(await h.events()) == events

    async def test_another_file_of_the_day_replaces_the_first_and_books_only_what_is_new(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        one, two = await paid(h, bank, 2)
        odd = ("ODD-1", NOBODY, 5_000)
        await office.reconcile(marked(one, odd))
        assert [case["kind"] for case in await office.cases()] == ["missing_at_bank"]
        file = await office.reconcile(marked(one, odd, two))
        assert await office.outcomes(file) == ["matched", "matched", "matched"]
        assert await office.cases() == []
        assert await office.balance("clearing:bank-a") == 2 * 36_800 + 5_000
        day = await office.get(f"/settlements/days/bank-a/{DAY}")
        assert (day["file_id"], day["expected"], day["fees"]) == (file["file_id"], 76_600, 2_000)

    async def test_an_earlier_file_that_comes_again_is_the_days_file_again(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        one, two = await paid(h, bank, 2)
        right, wrong = marked(one, two), marked(one)
        first = await office.reconcile(right)
        await office.reconcile(wrong)
        assert len(await office.cases()) == 1
        again = await office.reconcile(right)
        assert again["file_id"] != first["file_id"]
        assert totals(again) == {"matched": (2, 73_600)}
        assert await office.cases() == []
        day = await office.get(f"/settlements/days/bank-a/{DAY}")
        assert (day["file_id"], day["expected"]) == (again["file_id"], 71_600)
        assert (await office.upload(right)).status_code == 200

    async def test_a_file_at_work_is_read_by_what_it_was_taken_in_by(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        file_id = (await office.upload(marked(line))).json()["file_id"]
        await titled(office)
        await h.due(TIMER)
        file = await office.get(f"/settlements/files/{file_id}")
        assert totals(file) == {"matched": (1, 36_800)}

    async def test_a_line_that_moved_from_a_withdrawn_file_to_the_next_day_is_its_first(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        kept, moved = await paid(h, bank, 2)
        await office.reconcile(marked(kept, moved))
        await office.reconcile(marked(kept))
        (case,) = await office.cases()
        assert case["kind"] == "missing_at_bank"
        file = await office.reconcile(marked(moved, day=NEXT_DAY), NEXT_DAY)
        assert await office.outcomes(file) == ["matched"]
        assert await office.cases() == []
        assert (await office.get(f"/settlements/cases/{case['case_id']}"))["outcome"] == "found_in_file"
        found = await office.get(f"/settlements/days/bank-a/{NEXT_DAY}")
        assert (found["expected"], found["fees"]) == (35_800, 1_000)

    async def test_what_only_a_withdrawn_file_of_another_day_lists_is_missing(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line, day=NEXT_DAY), NEXT_DAY)
        await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        await office.reconcile(marked())
        assert [case["kind"] for case in await office.cases()] == ["missing_at_bank"]

    async def test_what_a_file_listed_and_its_correction_lacks_is_missing_again(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        kept, other = await paid(h, bank, 2)
        for lines in ((kept,), (kept, other)):
            await office.reconcile(marked(*lines))
        assert await office.cases() == []
        await office.reconcile(marked(kept, ("ODD-1", NOBODY, 5_000)))
        assert [(case["kind"], case["reference"]) for case in await office.cases()] == [("missing_at_bank", other[0])]

    @pytest.mark.parametrize(
        ("content", "problem", "line"),
        [
            (marked(partner="81002"), "settlement_of_other_partner", "1"),
            (marked(day=NEXT_DAY), "settlement_of_other_day", "1"),
            (marked(("R", NOBODY, 1), trailer=False), "settlement_file_truncated", "2"),
            (marked(("R", NOBODY, 1), count=2), "settlement_count_differs", "3"),
            (marked(("R", NOBODY, 1), amount=2), "settlement_total_differs", "3"),
            (marked(("R", NOBODY, 1)).replace(b"R-R", b"\xff"), "settlement_file_not_text", "2"),
            (b"", "settlement_file_empty", None),
        ],
    )
    async def test_a_wrong_file_is_refused_whole_and_nothing_is_kept(
        self, h: Harness, office: Office, content: bytes, problem: str, line: str | None
    ) -> None:
        events = len(await h.events())
        answer = await office.upload(content)
        found = answer.json()
        assert (answer.status_code, found["code"]) == (422, problem)
        if line is not None:
            assert f"Line {line} " in found["messages"]["en"] or f"line {line}" in found["messages"]["en"]
        assert await count(h, settlement_parts) == 0
        assert len(await h.events()) == events

    async def test_without_a_layout_for_the_day_nothing_is_taken(self, h: Harness, bank: Bank, office: Office) -> None:
        early = date(2024, 12, 31)
        assert (await office.upload(marked(day=early), early)).json()["code"] == "settlement_no_layout"
        assert (await office.upload(marked(), partner="bank-x")).json()["code"] == "no_such_partner"

    async def test_a_layout_that_can_read_nothing_names_its_fields(self, office: Office) -> None:
        unfit = MARKED.model_copy(update={"time_zone": "Asia/Nowhere", "header_mark": ""})
        answer = await office.agree(unfit)
        assert answer.status_code == 422
        assert {error["field"] for error in answer.json()["errors"]} == {"layout.time_zone", "layout.header_mark"}
        assert (await office.agree(partner="nobody")).status_code == 404

    async def test_only_text_csv_is_taken(self, office: Office) -> None:
        path = f"/settlements/days/bank-a/{DAY}/files"
        answer = await office.h.client.post(path, content=marked(), headers=office.headers())
        assert answer.status_code == 415

    async def test_files_of_two_partners_are_worked_off_side_by_side(self, h: Harness, office: Office) -> None:
        await Bank(h, "bank-b", "8200", "client-b", "b-secret-of-the-tests-0001", "82001").enable()
        assert (await office.agree(MARKED.model_copy(update={"partner_code": "82001"}), partner="bank-b")).is_success
        who = await register(h)
        first = await office.upload(marked(("R-1", account(who), 36_800)))
        second = await office.upload(marked(("R-1", f"8200{who.code}", 36_800), partner="82001"), partner="bank-b")
        assert await h.due(TIMER) == 4
        mine, theirs = [(await office.lines(answer.json()))[0] for answer in (first, second)]
        assert [mine["reason"], theirs["reason"]].count(None) == 1
        assert {mine["outcome"], theirs["outcome"]} == {"missing_here"}

    async def test_the_upload_lies_encrypted_and_whole(self, h: Harness, office: Office) -> None:
        await office.reconcile(marked(("SECRET-REFERENCE", NOBODY, 5_000)))
        async with h.app.read() as conn:
            boxes = (await conn.execute(sa.select(settlement_parts.c.box))).scalars().all()
        assert len(boxes) == 3
        assert not any(b"SECRET" in bytes(box) or NOBODY.encode() in bytes(box) for box in boxes)

    async def test_results_are_read_by_page_by_outcome_and_as_csv(self, h: Harness, bank: Bank, office: Office) -> None:
        lines = await paid(h, bank, 3)
        file = await office.reconcile(marked(*lines, ("=1+1", NOBODY, 5_000)))
        path = f"/settlements/files/{file['file_id']}/lines"
        page = await office.get(f"{path}?limit=2")
        rest = await office.get(f"{path}?limit=3&after={page['after']}")
        assert [line["line"] for line in page["items"] + rest["items"]] == [2, 3, 4, 5]
        assert rest["after"] is None
        assert [x["line"] for x in (await office.get(f"{path}?outcome=missing_here"))["items"]] == [5]
        sheet = await h.client.get(path, headers=office.headers(Accept="text/csv"))
        rows = list(csv.DictReader(io.StringIO(sheet.text)))
        assert [row["outcome"] for row in rows] == ["matched"] * 3 + ["missing_here"]
        assert rows[3]["reference"] == "'=1+1"


async def count(h: Harness, table: sa.Table) -> int:
    async with h.app.read() as conn:
        return (await conn.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
