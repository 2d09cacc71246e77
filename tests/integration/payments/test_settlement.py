"""Settlement files through the doors: what becomes of each line, of a file that comes again, and of a day's money."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from contracts.events.reconciliation import SettlementLayout
from services.payments.tables import payments, settlement_parts
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.groups import agent, register_many
from tests.integration.payments.groups import bill as collective
from tests.integration.payments.people import AGENT, BRANCH, Somebody, register
from tests.integration.payments.test_suspense import approve, open_bill, propose
from tests.support.service import Harness
from tests.support.settlement import DAY, MARKED, TITLED, marked

TIMER, OVERDUE = "settlement-files", "settlement-overdue"
NOBODY = "8100" + "9" * 13
NEXT_DAY = DAY + timedelta(days=1)
LATE: dict[str, Any] = {"trxDateTime": "2025-10-06T08:00:00+07:00"}
"""A call about a payment of 08:00."""


class Office:
    """The central office, at its desk."""

    def __init__(self, h: Harness) -> None:
        self.h = h

    def headers(self, **more: str) -> dict[str, str]:
        return self.h.token(roles=["central"]) | more

    async def agree(self, layout: SettlementLayout = MARKED, **change: Any) -> httpx.Response:
        wanted = {"partner": "bank-a", "valid_from": "2025-01-01", "layout": layout.model_dump(mode="json")} | change
        return await self.h.client.post("/settlements/layouts", json=wanted, headers=self.headers())

    async def upload(self, content: bytes, day: date = DAY, partner: str = "bank-a") -> httpx.Response:
        """On the day itself, at the earliest."""
        if self.h.clock.business() < (begun := at(day.year, day.month, day.day)):
            self.h.clock.set(begun)
        return await self.send(content, str(day), partner)

    async def send(self, content: bytes, day: str, partner: str = "bank-a") -> httpx.Response:
        path = f"/settlements/days/{partner}/{day}/files"
        return await self.h.client.post(path, content=content, headers=self.headers(**{"Content-Type": "text/csv"}))

    async def reconcile(self, content: bytes, day: date = DAY) -> dict[str, Any]:
        """Uploads and works off; the file as shown."""
        answer = await self.upload(content, day)
        assert answer.status_code == 202, answer.text
        await self.h.due(TIMER)
        found = await self.get(f"/settlements/files/{answer.json()['file_id']}")
        assert found["status"] == "RECONCILED"
        assert found["lines_done"] == found["lines"]
        return dict(found)

    async def get(self, path: str) -> Any:
        answer = await self.h.client.get(path, headers=self.headers())
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def outcomes(self, file: dict[str, Any]) -> list[str]:
        return [line["outcome"] for line in (await self.lines(file))]

    async def lines(self, file: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"/settlements/files/{file['file_id']}/lines"))["items"]
        return found

    async def cases(self, **query: str) -> list[dict[str, Any]]:
        path = "/settlements/cases" + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
        found: list[dict[str, Any]] = (await self.get(path))["items"]
        return found

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.h.client.post(path, json=body, headers=self.headers())

    async def balance(self, account: str) -> int:
        """Debit minus credit."""
        books = await self.get("/ledger/trial-balance")
        assert books["imbalance"] == 0
        return next((a["balance"] for a in books["accounts"] if a["account"] == account), 0)


@pytest.fixture
async def office(h: Harness, bank: Bank) -> Office:
    office = Office(h)
    assert (await office.agree()).status_code == 201
    return office


async def paid(h: Harness, bank: Bank, count: int = 1) -> list[tuple[str, str, int, int]]:
    """Payments over SNAP, as the bank's file lists them."""
    lines = []
    for _ in range(count):
        who = await register(h)
        reference = f"PAY-{who.code}"
        assert code(await bank.pay(who.code, 36_800, reference)) == "2002500"
        lines.append((reference, account(who), 36_800, 1_000))
    return lines


async def deposit_code(h: Harness, agent_id: UUID) -> str:
    answer = await h.client.post("/agent-balances", headers=agent(h, agent_id))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def titled(office: Office) -> None:
    """The bank's files give its own number, and not the id of the payment."""
    zone = TITLED.model_copy(update={"time_zone": "Asia/Jakarta", "cut_off": "00:00"})
    assert (await office.agree(zone, valid_from="2025-10-06")).status_code == 201


def unnamed(own_number: str, to: str, amount: str = "36.800,00", *, titles: bool = True) -> bytes:
    """One line, paid at 08:00 of the day."""
    head = "Waktu;No VA;Referensi;Nominal;Keterangan\n" if titles else ""
    return f"{head}06/10/2025 08:00:00;{to};{own_number};{amount};\n".encode("cp1252")


def account(who: Somebody) -> str:
    return f"8100{who.code}"


def totals(file: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {one["outcome"]: (one["lines"], one["amount"]) for one in file["outcomes"]}


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


class TestLines:
    async def test_what_both_have_is_matched_and_nothing_is_booked(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        lines = await paid(h, bank, 3)
        before = await office.balance("clearing:bank-a")
        file = await office.reconcile(marked(*lines))
        assert totals(file) == {"matched": (3, 110_400)}
        assert await office.balance("clearing:bank-a") == before == 110_400
        assert await office.cases() == []

    async def test_a_payment_that_never_reached_us_pays_its_bill_at_the_banks_time(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await register(h)
        file = await office.reconcile(marked(("LOST-1", account(who), 36_800, 0, "08:30:00")))
        (line,) = await office.lines(file)
        assert (line["outcome"], line["reason"]) == ("missing_here", None)
        (payment,) = await office.get(f"/payments?participant_id={who.participant_id}")
        assert payment["payment_id"] == line["payment_id"]
        assert (payment["channel"], payment["channel_reference"]) == ("settlement-file", "LOST-1")
        assert payment["effective_at"] == "2025-10-06T01:30:00Z"
        assert await office.cases() == []

    async def test_the_call_that_comes_after_the_file_gets_the_stored_result(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await register(h)
        await office.reconcile(marked(("LOST-1", account(who), 36_800)))
        assert code(await bank.pay(who.code, 36_800, "LOST-1")) == "4042518"
        assert code(await bank.pay(who.code, 36_800, "LOST-1", flagAdvise="Y")) == "2002500"

    async def test_money_under_an_unknown_number_waits_in_suspense(self, office: Office) -> None:
        file = await office.reconcile(marked(("ODD-1", NOBODY, 5_000)))
        (line,) = await office.lines(file)
        assert (line["outcome"], line["reason"]) == ("missing_here", "unknown_code")
        assert await office.balance("suspense") == -5_000
        assert await office.balance("clearing:bank-a") == 5_000

    async def test_a_nik_as_number_finds_its_payer_and_is_stored_nowhere(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await register(h)
        file = await office.reconcile(marked(("NIK-1", f"8100{who.nik}", 36_800)))
        assert (await office.lines(file))[0]["reason"] is None
        async with h.app.read() as conn:
            for table in ("settlement_lines", "settlement_parts", "event_log", "payments", "idempotency"):
                stored = str([tuple(row) for row in await conn.execute(sa.text(f"SELECT * FROM {table}"))])
                assert who.nik not in stored, table

    async def test_another_amount_under_the_same_receipt_is_a_case(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        file = await office.reconcile(marked((line[0], line[1], 36_900)))
        assert totals(file) == {"amount_differs": (1, 36_900)}
        (case,) = await office.cases()
        assert (case["kind"], case["amount_here"], case["amount_there"]) == ("amount_differs", 36_800, 36_900)
        assert (case["owner"], case["line"], case["reference"]) == ("central", 2, line[0])
        assert await office.balance("clearing:bank-a") == 36_800

    async def test_a_line_that_stands_twice_is_a_duplicate_of_the_first(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        who = await register(h)
        new = ("LOST-1", account(who), 36_800)
        file = await office.reconcile(marked(line, new, line, new))
        assert await office.outcomes(file) == ["matched", "missing_here", "duplicate", "duplicate"]
        assert [one["first_line"] for one in await office.lines(file)] == [None, None, 2, 3]
        assert [case["kind"] for case in await office.cases()] == ["duplicate", "duplicate"]
        assert await office.balance("clearing:bank-a") == 73_600

    async def test_a_payment_that_another_day_listed_is_a_duplicate(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        first = await office.reconcile(marked(line))
        second = await office.reconcile(marked(line, day=NEXT_DAY), NEXT_DAY)
        (found,) = await office.lines(second)
        assert (found["outcome"], found["first_file"], found["first_line"]) == ("duplicate", first["file_id"], 2)

    async def test_an_unreadable_line_is_told_with_its_number_and_the_rest_goes_on(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        one, two = await paid(h, bank, 2)
        file = await office.reconcile(marked(one, "D,nonsense", two, amount=73_600))
        assert [(x["line"], x["outcome"], x["reason"]) for x in await office.lines(file)] == [
            (2, "matched", None),
            (3, "unreadable", "columns_missing"),
            (4, "matched", None),
        ]
        (case,) = await office.cases(kind="unreadable")
        assert (case["line"], case["reason"]) == (3, "columns_missing")

    @pytest.mark.parametrize(
        ("paid_at", "reason"),
        [("2025-10-06T09:06:00", "paid_at_ahead"), ("2025-10-08T00:00:00", "paid_at_after_day")],
    )
    async def test_a_line_of_a_time_that_cannot_be_is_not_booked(
        self, h: Harness, bank: Bank, office: Office, paid_at: str, reason: str
    ) -> None:
        who = await register(h)
        if reason == "paid_at_after_day":
            h.clock.set(at(2025, 10, 8))
        line = f"D,81001,{DAY},{account(who)},ODD-1,R-1,36800.00,0.00,{paid_at}+07:00"
        file = await office.reconcile(marked(line, amount=36_800))
        (found,) = await office.lines(file)
        assert (found["outcome"], found["reason"], found["amount"]) == ("unreadable", reason, 36_800)
        assert [(one["kind"], one["reason"]) for one in await office.cases()] == [("unreadable", reason)]
        assert await office.balance("clearing:bank-a") == 0

    async def test_a_payment_that_we_have_is_matched_whatever_time_its_line_has(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        ((reference, to, amount, fee),) = await paid(h, bank)
        file = await office.reconcile(marked((reference, to, amount, fee, "23:00:00")))
        assert totals(file) == {"matched": (1, 36_800)}

    async def test_a_line_of_long_before_its_day_waits_in_suspense_with_its_own_time(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await register(h)
        line = f"D,81001,{DAY},{account(who)},OLD-1,R-1,36800.00,0.00,2025-09-20T09:00:00+07:00"
        file = await office.reconcile(marked(line, amount=36_800))
        (found,) = await office.lines(file)
        assert (found["outcome"], found["reason"]) == ("missing_here", "payment_too_old")
        (case,) = (await office.get("/suspense"))["cases"]
        assert (case["effective_at"], case["held"]) == ("2025-09-20T02:00:00Z", 36_800)

    async def test_a_payment_that_the_bank_does_not_list_is_missing_there(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        listed, missing = await paid(h, bank, 2)
        file = await office.reconcile(marked(listed))
        assert totals(file) == {"matched": (1, 36_800), "missing_at_bank": (1, 36_800)}
        (case,) = await office.cases()
        assert (case["kind"], case["reference"], case["amount_here"]) == ("missing_at_bank", missing[0], 36_800)

    async def test_of_a_collective_payment_the_whole_is_listed_and_no_share_is_missed(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        issued = await collective(h, await register_many(h, 2))
        assert code(await bank.pay(issued["code"], 73_600, "WHOLE")) == "2002500"
        await h.due("collective-posting")
        file = await office.reconcile(marked(("WHOLE", f"8100{issued['code']}", 73_600)))
        assert totals(file) == {"matched": (1, 73_600)}
        assert await office.cases() == []

    async def test_a_whole_that_the_bank_lacks_is_one_case(self, h: Harness, bank: Bank, office: Office) -> None:
        issued = await collective(h, await register_many(h, 2))
        await bank.pay(issued["code"], 73_600, "WHOLE")
        await h.due("collective-posting")
        assert totals(await office.reconcile(marked())) == {"missing_at_bank": (1, 73_600)}

    async def test_what_was_paid_out_of_suspense_is_listed_as_the_receipt_it_came_in(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await register(h)
        odd = ("ODD-1", NOBODY, 40_000)
        await office.reconcile(marked(odd))
        bill = await open_bill(h, who)
        async with h.app.read() as conn:
            payment_id = (await conn.execute(sa.select(payments.c.payment_id))).scalar_one()
        more = {"participant_id": str(who.participant_id), "bill_id": bill["bill_id"]}
        await approve(h, await propose(h, "MATCH", payment_id, **more))
        file = await office.reconcile(marked(odd, ("ODD-2", NOBODY, 5_000)))
        assert totals(file) == {"matched": (1, 40_000), "missing_here": (1, 5_000)}
        assert await office.cases() == []
        (payment,) = await office.get(f"/payments?participant_id={who.participant_id}")
        told = await propose(h, "VOID", payment["payment_id"], 409, evidence="TICKET-9")
        assert told["code"] == "came_out_of_suspense"

    async def test_what_was_paid_on_other_days_is_not_missed(self, h: Harness, bank: Bank, office: Office) -> None:
        await paid(h, bank)
        h.pass_time(days=1)
        bank.token = (await bank.ask_token()).json()["accessToken"]
        lines = await paid(h, bank)
        file = await office.reconcile(marked(*lines, day=NEXT_DAY), NEXT_DAY)
        assert totals(file) == {"matched": (1, 36_800)}

    async def test_the_next_file_that_lists_it_closes_its_case(self, h: Harness, bank: Bank, office: Office) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked())
        (case,) = await office.cases()
        await office.reconcile(marked(line, day=NEXT_DAY), NEXT_DAY)
        assert await office.cases() == []
        closed = await office.get(f"/settlements/cases/{case['case_id']}")
        assert closed["outcome"] == "found_in_file"

    async def test_a_bank_that_gives_no_payment_id_is_matched_by_number_amount_and_time(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        zone = TITLED.model_copy(update={"time_zone": "Asia/Jakarta", "cut_off": "00:00"})
        assert (await office.agree(zone, valid_from="2025-10-06")).status_code == 201
        who, other = await register(h), await register(h)
        assert code(await bank.pay(who.code, 36_800, "PAY-1")) == "2002500"
        text = (
            "Waktu;No VA;Referensi;Nominal;Keterangan\n"
            f"06/10/2025 09:00:00;{account(who)};B-1;36.800,00;\n"
            f"06/10/2025 08:00:00;{account(other)};B-2;36.800,00;\n"
        )
        file = await office.reconcile(text.encode("cp1252"))
        assert [(x["outcome"], x["reference"]) for x in await office.lines(file)] == [
            ("matched", "PAY-1"),
            ("missing_here", "B-2"),
        ]


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
        assert (await office.upload(marked(), partner="bank-x")).json()["code"] == "settlement_no_layout"

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


async def test_each_door_is_open_to_its_roles_alone(h: Harness, office: Office) -> None:
    file = (await office.upload(marked())).json()["file_id"]
    keepers, readers = {"central", "operator"}, {"central", "operator", "auditor"}
    doors: Sequence[tuple[str, str, set[str]]] = [
        ("POST", "/settlements/layouts", keepers),
        ("GET", "/settlements/layouts", readers),
        ("POST", f"/settlements/days/bank-a/{DAY}/files", keepers),
        ("GET", f"/settlements/days/bank-a/{DAY}", readers),
        ("POST", f"/settlements/days/bank-a/{DAY}/credits", keepers),
        ("POST", f"/settlements/days/bank-a/{DAY}/corrections", {"central"}),
        ("POST", f"/settlements/days/bank-a/{DAY}/corrections/{UUID(int=1)}/approval", {"central"}),
        ("POST", f"/settlements/days/bank-a/{DAY}/corrections/{UUID(int=1)}/refusal", {"central"}),
        ("GET", "/settlements/files", readers),
        ("GET", f"/settlements/files/{file}", readers),
        ("GET", f"/settlements/files/{file}/lines", readers),
        ("GET", "/settlements/cases", readers),
        ("GET", f"/settlements/cases/{UUID(int=1)}", readers),
        ("POST", f"/settlements/cases/{UUID(int=1)}/take", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/status", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/close", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/bookings", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/bookings/{UUID(int=2)}/approval", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/bookings/{UUID(int=2)}/refusal", {"central"}),
    ]
    roles = {"agent", "officer", "checker", "coordinator", "participant", "central", "auditor", "operator", "service"}
    for method, path, allowed in doors:
        assert (await h.client.request(method, path)).status_code == 401
        for role in sorted(roles):
            headers = h.token(roles=[role], branch_id=BRANCH)
            status = (await h.client.request(method, path, headers=headers)).status_code
            assert (status == 403) == (role not in allowed), (method, path, role, status)


async def count(h: Harness, table: sa.Table) -> int:
    async with h.app.read() as conn:
        return (await conn.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
