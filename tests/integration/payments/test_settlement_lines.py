"""Settlement files through the doors: what becomes of each line."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from services.payments.tables import payments
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.groups import bill as collective
from tests.integration.payments.groups import register_many
from tests.integration.payments.office import NEXT_DAY, NOBODY, Office, account, paid, totals
from tests.integration.payments.people import register
from tests.integration.payments.test_suspense import approve, open_bill, propose
from tests.support.service import Harness
from tests.support.settlement import DAY, TITLED, marked


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
