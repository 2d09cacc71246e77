"""Settlement files that name no payment: the bank calls after its file booked what it lists."""

from __future__ import annotations

import asyncio
from uuid import UUID

from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import agent
from tests.integration.payments.office import LATE, NEXT_DAY, NOBODY, Office, account, titled, totals, unnamed
from tests.integration.payments.people import AGENT, register
from tests.integration.payments.test_suspense import approve, propose
from tests.support.service import Harness
from tests.support.settlement import marked


async def deposit_code(h: Harness, agent_id: UUID) -> str:
    answer = await h.client.post("/agent-balances", headers=agent(h, agent_id))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


class TestUnnamed:
    """A bank whose file gives no paymentRequestId calls after its file booked the payment."""

    async def test_the_call_finds_the_payment_of_the_file_and_gives_it_its_name(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await titled(office)
        who = await register(h)
        file = await office.reconcile(unnamed("B-2", account(who)))
        first = await bank.pay(who.code, 36_800, "PAY-2", **LATE)
        assert code(first) == "4042518"
        told = first.json()["virtualAccountData"]
        assert (told["paymentRequestId"], told["paymentFlagStatus"]) == ("PAY-2", "00")
        assert code(await bank.pay(who.code, 36_800, "PAY-2", flagAdvise="Y", **LATE)) == "2002500"
        assert code(await bank.status(who.code, paymentRequestId="PAY-2")) == "2002600"
        # a receipt has one name: whoever comes with another has paid something else
        assert code(await bank.pay(who.code, 36_800, "PAY-3", **LATE)) == "4042514"
        assert await office.balance("clearing:bank-a") == 36_800
        (payment,) = await office.get(f"/payments?participant_id={who.participant_id}")
        assert payment["payment_id"] == (await office.lines(file))[0]["payment_id"]
        named = [r.event for r in await h.events("receipts")]
        assert [(e.type, e.reference, e.channel_reference) for e in named] == [("ReceiptNamed", "PAY-2", "B-2")]  # type: ignore[attr-defined]

    async def test_a_later_file_that_has_the_id_books_nothing_more(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await titled(office)
        who = await register(h)
        await office.reconcile(unnamed("B-2", account(who)))
        await bank.pay(who.code, 36_800, "PAY-2", trxDateTime="2025-10-06T08:00:00+07:00")
        assert (await office.agree(valid_from="2025-10-07")).status_code == 201
        file = await office.reconcile(marked(("PAY-2", account(who), 36_800), day=NEXT_DAY), NEXT_DAY)
        assert [(x["outcome"], x["reference"]) for x in await office.lines(file)] == [("duplicate", "B-2")]
        assert await office.balance("clearing:bank-a") == 36_800

    async def test_a_late_call_does_not_pay_the_bill_that_came_after(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await titled(office)
        who = await register(h)
        await office.reconcile(unnamed("B-2", account(who)))
        headers = h.token(roles=["agent"], agent_id=AGENT)
        wanted = {"participant_id": str(who.participant_id), "months": 1}
        assert (await h.client.post("/bills", json=wanted, headers=headers)).status_code == 201
        assert code(await bank.pay(who.code, 36_800, "PAY-2", **LATE)) == "4042518"
        assert code(await bank.pay(who.code, 36_800, "PAY-3")) == "2002500"
        assert await office.balance("clearing:bank-a") == 73_600

    async def test_another_amount_second_or_bank_is_another_payment(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await titled(office)
        who = await register(h)
        await office.reconcile(unnamed("B-2", account(who)))
        later = {**LATE, "trxDateTime": "2025-10-06T08:00:01+07:00"}
        assert code(await bank.pay(who.code, 36_800, "PAY-2", **later)) == "4042514"
        assert code(await bank.pay(who.code, 36_900, "PAY-2", **LATE)) == "4042514"
        other = await Bank(h, "bank-b", "8200", "client-b", "b-secret-of-the-tests-0001", "82001").enable()
        assert code(await other.pay(who.code, 36_800, "PAY-2", **LATE)) == "4042514"

    async def test_what_a_file_lists_with_its_id_is_found_by_that_alone(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await register(h)
        await office.reconcile(marked(("LOST-1", account(who), 36_800, 0, "08:00:00")))
        assert code(await bank.pay(who.code, 36_800, "LOST-2", **LATE)) == "4042514"

    async def test_a_deposit_is_booked_once_whichever_comes_first(self, h: Harness, bank: Bank, office: Office) -> None:
        await titled(office)
        one, two = await deposit_code(h, AGENT), await deposit_code(h, UUID(int=0xA2))
        assert code(await bank.pay(one, 500_000, "DEP-1", **LATE)) == "2002500"
        text = unnamed("D-1", f"8100{one}", "500.000,00") + unnamed("D-2", f"8100{two}", "500.000,00", titles=False)
        file = await office.reconcile(text)
        assert await office.outcomes(file) == ["matched", "missing_here"]
        answers = await asyncio.gather(*(bank.pay(two, 500_000, "DEP-2", **LATE) for _ in range(4)))
        assert {code(answer) for answer in answers} == {"4042518"}
        assert await office.balance("clearing:bank-a") == 1_000_000

    async def test_what_was_voided_in_suspense_is_neither_missed_nor_matched_but_booked_when_it_comes(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        await titled(office)
        who = await register(h)
        await office.reconcile(unnamed("B-1", account(who), "5.000,00"))
        await office.reconcile(unnamed("B-9", NOBODY, "6.000,00"))
        (case,) = await office.cases()
        await office.post(f"/settlements/cases/{case['case_id']}/status", {"answer": "not_paid"})
        assert (await office.agree(valid_from="2025-10-07")).status_code == 201
        await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        await approve(h, await propose(h, "VOID", case["payment_id"], evidence="TICKET-9"))
        file = await office.reconcile(unnamed("B-2", account(who), "5.000,00"))
        assert totals(file) == {"missing_here": (1, 5_000), "missing_at_bank": (1, 6_000)}
        assert await office.balance("suspense") == -11_000
