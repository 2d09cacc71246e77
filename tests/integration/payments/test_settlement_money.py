"""A day's money beside its settlement file: account lines, fees, gaps and corrections."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.payments.bank import Bank
from tests.integration.payments.office import NOBODY, Office, paid
from tests.support.service import Harness
from tests.support.settlement import DAY, marked

OVERDUE = "settlement-overdue"


class TestMoneyOfADay:
    async def test_the_whole_sum_settles_the_day_and_moves_cash_and_fees(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        path = f"/settlements/days/bank-a/{DAY}"
        credit = {"amount": 71_600, "evidence": "MT940/1"}
        assert (await office.post(f"{path}/credits", credit)).json()["code"] == "settlement_not_reconciled"
        await office.reconcile(marked(*await paid(h, bank, 2)))
        answer = await office.post(f"{path}/credits", credit)
        assert (answer.status_code, answer.json()["gap"]) == (201, 0)
        day = await office.get(path)
        assert (day["status"], day["expected"], day["received"], day["gap"]) == ("SETTLED", 71_600, 71_600, 0)
        found = [await office.balance(f"{name}:bank-a") for name in ("bank", "fees", "clearing")]
        assert found == [71_600, 2_000, 0]

    async def test_a_gap_of_one_rupiah_keeps_the_day_open_until_it_comes(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await office.reconcile(marked(*await paid(h, bank, 2)))
        path = f"/settlements/days/bank-a/{DAY}"
        assert (await office.post(f"{path}/credits", {"amount": 71_599, "evidence": "1"})).json()["gap"] == 1
        day = await office.get(path)
        assert (day["status"], day["open_cases"]) == ("OPEN", 1)
        (case,) = await office.cases(kind="credit_gap")
        assert (case["amount_here"], case["amount_there"]) == (71_600, 71_599)
        await office.post(f"{path}/credits", {"amount": 1, "evidence": "2"})
        assert (await office.get(path))["status"] == "SETTLED"
        assert await office.cases() == []
        assert await office.balance("clearing:bank-a") == 0

    @pytest.mark.parametrize(("fee", "amount"), [(500, 37_300), (1_500, 38_300), (500, 36_800), (1_500, 37_300)])
    async def test_a_file_that_corrects_fees_or_amounts_after_the_money_came_corrects_the_books(
        self, h: Harness, bank: Bank, office: Office, fee: int, amount: int
    ) -> None:
        """The rest may be another payment that the first file lacked, so gross and fees change, or only the fees do."""
        (line,) = await paid(h, bank)
        path = f"/settlements/days/bank-a/{DAY}"
        await office.reconcile(marked(line))
        await office.post(f"{path}/credits", {"amount": 35_800, "evidence": "MT940/1"})
        assert (await office.get(path))["status"] == "SETTLED"
        more = [("ODD-1", NOBODY, amount - 36_800)] if amount > 36_800 else []
        await office.reconcile(marked((line[0], line[1], 36_800, fee), *more))
        gap = amount - fee - 35_800
        day = await office.get(path)
        assert (day["gap"], day["open_cases"], day["status"]) == (gap, int(gap != 0), "OPEN" if gap else "SETTLED")
        assert await office.balance("fees:bank-a") == fee
        assert await office.balance("clearing:bank-a") == gap
        if gap > 0:
            await office.post(f"{path}/credits", {"amount": gap, "evidence": "MT940/2"})
        assert (await office.get(path))["status"] == "SETTLED"
        assert await office.cases() == []
        found = [await office.balance(f"{name}:bank-a") for name in ("bank", "fees", "clearing")]
        assert found == [amount - fee, fee, 0]

    async def test_a_file_that_agrees_with_the_money_ends_the_case_about_it(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        one, two = await paid(h, bank, 2)
        path = f"/settlements/days/bank-a/{DAY}"
        await office.reconcile(marked(one))
        await office.post(f"{path}/credits", {"amount": 71_600, "evidence": "MT940/1"})
        assert [case["kind"] for case in await office.cases(kind="credit_gap")] == ["credit_gap"]
        await office.reconcile(marked(one, two))
        assert await office.cases() == []
        day = await office.get(path)
        assert (day["status"], day["fees"]) == ("SETTLED", 2_000)
        found = [await office.balance(f"{name}:bank-a") for name in ("bank", "fees", "clearing")]
        assert found == [71_600, 2_000, 0]

    async def test_an_account_line_is_noted_once_whoever_notes_it(self, h: Harness, bank: Bank, office: Office) -> None:
        await office.reconcile(marked(*await paid(h, bank, 2)))
        path = f"/settlements/days/bank-a/{DAY}"
        credit = {"amount": 35_800, "evidence": "MT940/1"}
        answers = await asyncio.gather(*(office.post(f"{path}/credits", credit) for _ in range(2)))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        typo = (await office.post(f"{path}/credits", credit | {"amount": 53_800})).json()
        assert (typo["code"], typo["field"], set(typo["messages"])) == ("credit_noted", "evidence", {"id", "en"})
        assert (await office.get(path))["received"] == 35_800
        assert (await office.post(f"{path}/credits", credit | {"evidence": "MT940/2"})).json()["gap"] == 0
        assert await office.balance("bank:bank-a") == 71_600

    async def test_a_line_that_was_noted_wrongly_is_put_right_by_two_people(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await office.reconcile(marked(*await paid(h, bank)))
        path = f"/settlements/days/bank-a/{DAY}"
        await office.post(f"{path}/credits", {"amount": 38_500, "evidence": "MT940/1"})
        assert (await office.get(path))["gap"] == -2_700
        wanted = {"evidence": "MT940/1", "amount": 35_800, "reason": "typo"}
        unknown = await office.post(f"{path}/corrections", wanted | {"evidence": "MT940/7"})
        assert (unknown.status_code, unknown.json()["code"], unknown.json()["field"]) == (
            409,
            "credit_unknown",
            "evidence",
        )
        made = await office.post(f"{path}/corrections", wanted)
        assert made.status_code == 201
        (waiting,) = (await office.get(path))["corrections"]
        assert waiting == wanted | {"proposal_id": made.json()["proposal_id"], "proposed_by": "central-1"}
        approval = f"{path}/corrections/{waiting['proposal_id']}/approval"
        assert (await office.post(approval)).json()["code"] == "same_person"
        assert await office.balance("bank:bank-a") == 38_500
        answers = [
            await h.client.post(approval, headers=h.token(roles=["central"], subject=f"central-{n}")) for n in (2, 3)
        ]
        assert [answer.status_code for answer in answers] == [200, 404]
        assert answers[0].json()["gap"] == 0
        day = await office.get(path)
        assert (day["status"], day["received"], day["open_cases"], day["corrections"]) == ("SETTLED", 35_800, 0, [])
        assert day["credits"] == [{"evidence": "MT940/1", "amount": 35_800}]
        found = [await office.balance(f"{name}:bank-a") for name in ("bank", "fees", "clearing")]
        assert found == [35_800, 1_000, 0]

    async def test_a_line_of_another_day_is_taken_out_and_a_refused_correction_moves_nothing(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await office.reconcile(marked(*await paid(h, bank)))
        path = f"/settlements/days/bank-a/{DAY}"
        for evidence in ("MT940/1", "MT940/2"):
            await office.post(f"{path}/credits", {"amount": 35_800, "evidence": evidence})
        made = [
            (
                await office.post(
                    f"{path}/corrections", {"evidence": "MT940/2", "amount": amount, "reason": "other_day"}
                )
            ).json()
            for amount in (5, 0)
        ]
        wrong, right = [f"{path}/corrections/{one['proposal_id']}" for one in made]
        assert (await office.post(f"{wrong}/refusal")).status_code == 200
        assert await office.balance("bank:bank-a") == 71_600
        another = h.token(roles=["central"], subject="central-2")
        assert (await h.client.post(f"{right}/approval", headers=another)).json()["gap"] == 0
        assert (await office.get(path))["status"] == "SETTLED"
        assert await office.cases() == []

    async def test_a_day_whose_money_never_comes_is_a_case_after_three_days_and_only_once(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await office.reconcile(marked(*await paid(h, bank)))
        for days in (2, 1):
            assert await h.due(OVERDUE) == 0
            h.pass_time(days=days)
        h.pass_time(days=1)
        assert await h.due(OVERDUE) == 1
        (case,) = await office.cases()
        told = (case["kind"], case["day"], case["amount_here"], case["amount_there"], case["owner"])
        assert told == ("credit_gap", str(DAY), 35_800, 0, "central")
        assert await h.due(OVERDUE) == 0
        await office.post(f"/settlements/cases/{case['case_id']}/close", {"outcome": "accepted"})
        assert await h.due(OVERDUE) == 0
        await office.post(f"/settlements/days/bank-a/{DAY}/credits", {"amount": 35_800, "evidence": "MT940/1"})
        assert (await office.get(f"/settlements/days/bank-a/{DAY}"))["status"] == "SETTLED"

    async def test_a_wrong_wish_is_refused_with_its_field(self, office: Office) -> None:
        path = f"/settlements/days/bank-a/{DAY}/credits"
        for wrong in ({"amount": -1}, {"amount": 1.5}, {"amount": "1"}, {"evidence": "Siti Aminah"}, {"evidence": ""}):
            answer = await office.post(path, {"amount": 1, "evidence": "1"} | wrong)
            assert (answer.status_code, answer.json()["field"]) == (422, next(iter(wrong)))
