"""Differences that settlement files found, worked off: asked about, closed, voided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.payments.tables import payments
from tests.integration.payments.bank import Bank
from tests.integration.payments.office import NEXT_DAY, NOBODY, Office, paid, totals
from tests.integration.payments.people import register
from tests.integration.payments.test_suspense import approve, open_bill, propose
from tests.support.service import Harness
from tests.support.settlement import marked


class TestCases:
    async def test_a_missing_payment_ends_by_nobodys_word_before_the_bank_was_asked(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await paid(h, bank)
        await office.reconcile(marked())
        (case,) = await office.cases()
        path = f"/settlements/cases/{case['case_id']}"
        assert (await office.post(f"{path}/take")).status_code == 200
        assert (await office.post(f"{path}/close", {"outcome": "accepted"})).json()["code"] == "case_status_not_asked"
        assert (await office.post(f"{path}/close", {"outcome": "voided"})).json()["code"] == "case_not_voided"
        assert (await office.post(f"{path}/status", {"answer": "paid"})).status_code == 200
        assert (await office.post(f"{path}/close", {"outcome": "accepted", "evidence": "LETTER-7"})).status_code == 200
        for end in ("take", "close"):
            body = {"outcome": "accepted"} if end == "close" else None
            assert (await office.post(f"{path}/{end}", body)).json()["code"] == "case_closed"
        found = await office.get(path)
        assert (found["owner"], found["status_told"], found["outcome"], found["evidence"]) == (
            "central-1", "paid", "accepted", "LETTER-7",
        )  # fmt: skip

    async def test_a_case_that_a_person_closed_is_not_opened_again_by_the_next_file(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await paid(h, bank)
        await office.reconcile(marked())
        (case,) = await office.cases()
        path = f"/settlements/cases/{case['case_id']}"
        await office.post(f"{path}/status", {"answer": "paid"})
        await office.post(f"{path}/close", {"outcome": "accepted"})
        file = await office.reconcile(marked(("ODD-1", NOBODY, 5_000)))
        assert totals(file)["missing_at_bank"] == (1, 36_800)
        assert await office.cases() == []

    async def test_a_payment_is_voided_once_its_bank_had_every_chance_to_show_it_and_its_case_ends_with_that(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await paid(h, bank)
        async with h.app.read() as conn:
            payment_id = (await conn.execute(sa.select(payments.c.payment_id))).scalar_one()
        void: dict[str, Any] = {"action": "VOID", "evidence": "TICKET-9"}
        assert (await propose(h, **void, payment_id=payment_id, expected=409))["code"] == "not_missing_at_bank"
        await office.reconcile(marked())
        (case,) = await office.cases()
        path = f"/settlements/cases/{case['case_id']}"
        assert (await propose(h, **void, payment_id=payment_id, expected=409))["code"] == "case_status_not_asked"
        await office.post(f"{path}/status", {"answer": "not_paid"})
        early = await propose(h, **void, payment_id=payment_id, expected=409)
        assert (early["code"], set(early["messages"])) == ("settlement_file_awaited", {"id", "en"})
        await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        await approve(h, await propose(h, **void, payment_id=payment_id))
        assert await office.cases() == []
        found = await office.get(path)
        assert (found["outcome"], found["evidence"], found["closed_at"] is None) == ("voided", "TICKET-9", False)
        assert await office.balance("clearing:bank-a") == 0
        assert (await propose(h, **void, payment_id=payment_id, expected=409))["code"] == "already_taken_back"

    async def test_a_file_that_lists_it_before_the_second_person_decides_keeps_the_payment(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked())
        (case,) = await office.cases()
        await office.post(f"/settlements/cases/{case['case_id']}/status", {"answer": "not_known"})
        await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        proposal = await propose(h, "VOID", case["payment_id"], evidence="TICKET-9")
        after = NEXT_DAY + timedelta(days=1)
        await office.reconcile(marked(line, day=after), after)
        assert (await approve(h, proposal, 409))["code"] == "not_missing_at_bank"
        assert (await office.get(f"/settlements/cases/{case['case_id']}"))["outcome"] == "found_in_file"
        assert await office.balance("clearing:bank-a") == 36_800

    async def test_a_receipt_whose_money_was_matched_is_voided_with_that_payment_and_may_still_come(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await register(h)
        odd = ("ODD-1", NOBODY, 40_000)
        await office.reconcile(marked(odd))
        (line,) = await office.lines((await office.get("/settlements/files"))["items"][0])
        bill = await open_bill(h, who)
        matching = {"participant_id": str(who.participant_id), "bill_id": bill["bill_id"]}
        await approve(h, await propose(h, "MATCH", line["payment_id"], **matching))
        await office.reconcile(marked())
        (case,) = await office.cases()
        assert (case["kind"], case["payment_id"]) == ("missing_at_bank", line["payment_id"])
        await office.post(f"/settlements/cases/{case['case_id']}/status", {"answer": "not_paid"})
        await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        await approve(h, await propose(h, "VOID", line["payment_id"], evidence="TICKET-9"))
        books = await office.get("/ledger/trial-balance")
        assert {a["account"]: a["balance"] for a in books["accounts"] if a["balance"]} == {}
        shown = await office.get(f"/payments?participant_id={who.participant_id}")
        assert [(p["amount"], p["reversed_for"]) for p in shown] == [(36_800, "missing_at_bank")]
        assert (await office.get(f"/settlements/cases/{case['case_id']}"))["outcome"] == "voided"
        assert (await propose(h, "VOID", line["payment_id"], 409, evidence="TICKET-9"))["code"] == "nothing_there"

        after = NEXT_DAY + timedelta(days=1)
        await office.reconcile(marked(odd, day=after), after)
        assert await office.balance("suspense") == -40_000
        again = await propose(h, "MATCH", line["payment_id"], 409, **matching)
        assert again["code"] in ("bill_not_payable", "bill_of_another_amount")

    async def test_what_the_bank_says_it_has_is_not_voided(self, h: Harness, bank: Bank, office: Office) -> None:
        await paid(h, bank)
        await office.reconcile(marked())
        (case,) = await office.cases()
        await office.post(f"/settlements/cases/{case['case_id']}/status", {"answer": "paid"})
        await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        refused = await propose(h, "VOID", case["payment_id"], 409, evidence="TICKET-9")
        assert refused["code"] == "not_missing_at_bank"

    async def test_an_unknown_case_is_a_404(self, office: Office) -> None:
        assert (await office.post(f"/settlements/cases/{UUID(int=1)}/take")).status_code == 404
