"""A contribution code that is paid although nobody asked first: the month that is owed is billed as it is paid (domain.md section 6, rule 22)."""

from __future__ import annotations

import asyncio
from datetime import date

from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.office import Office, account
from tests.integration.payments.people import Somebody, register
from tests.integration.payments.test_terms import bills, quoted
from tests.support.service import Harness
from tests.support.settlement import marked

NOVEMBER = date(2025, 11, 5)


async def member(h: Harness, bank: Bank) -> Somebody:
    """Paid October; it is November now, and no bill of it was issued."""
    who = await register(h)
    assert code(await bank.buy(who.code)) == "2002500"
    h.clock.set(at(2025, 11, 5))
    return who


async def told(h: Harness, who: Somebody) -> list[tuple[str, int, list[str]]]:
    return [(b["status"], b["amount"], [m["month"] for m in b["months"]]) for b in await bills(h, who)]


async def events(h: Harness) -> list[str]:
    return [r.event.type for r in await h.events("contributions")]


class TestOverSnap:
    async def test_what_is_owed_is_billed_and_paid_at_once_and_no_second_time(self, h: Harness, bank: Bank) -> None:
        who = await member(h, bank)
        assert code(await bank.pay(who.code, 36_800, "STANDING-1")) == "2002500"
        assert await told(h, who) == [("PAID", 36_800, ["2025-11"]), ("PAID", 36_800, ["2025-10"])]
        assert code(await bank.pay(who.code, 36_800, "STANDING-1")) == "4042518"
        assert code(await bank.pay(who.code, 36_800, "STANDING-2")) == "4042514"
        assert code(await bank.inquire(who.code)) == "4042414"
        h.clock.set(at(2025, 12, 5))
        assert code(await bank.pay(who.code, 36_800, "STANDING-3")) == "2002500"
        assert (await told(h, who))[0] == ("PAID", 36_800, ["2025-12"])

    async def test_all_arrears_are_owed_and_another_sum_is_the_wrong_amount(self, h: Harness, bank: Bank) -> None:
        who = await member(h, bank)
        before = await events(h)
        assert code(await bank.pay(who.code, 30_000)) == "4042513"
        h.clock.set(at(2025, 12, 5))
        assert code(await bank.pay(who.code, 36_800)) == "4042513"
        assert await events(h) == before  # a refusal books nothing, a bill neither
        assert code(await bank.pay(who.code, 73_600)) == "2002500"
        assert (await told(h, who))[0] == ("PAID", 73_600, ["2025-11", "2025-12"])

    async def test_two_at_once_bill_and_pay_it_once(self, h: Harness, bank: Bank) -> None:
        who = await member(h, bank)
        answers = await asyncio.gather(*(bank.pay(who.code, 36_800, f"AT-ONCE-{n}") for n in range(4)))
        assert sorted(map(code, answers)) == ["2002500", "4042514", "4042514", "4042514"]
        assert [one[0] for one in await told(h, who)] == ["PAID", "PAID"]

    async def test_the_sum_of_a_bill_that_had_its_time_and_money_of_a_month_that_is_over_pay_nothing(
        self, h: Harness, bank: Bank
    ) -> None:
        who = await member(h, bank)
        await quoted(bank, who)
        h.clock.set(at(2025, 12, 5))
        assert code(await bank.pay(who.code, 36_800)) == "4042519"  # November's bill, which had its time
        late = await bank.pay(who.code, 73_600, trxDateTime="2025-11-30T23:00:00+07:00")
        assert code(late) == "4042513"  # it was November's that could be paid then

    async def test_after_the_lapse_the_reason_is_not_that_it_is_paid(self, h: Harness, bank: Bank) -> None:
        who = await member(h, bank)
        h.clock.set(at(2026, 2, 5))
        assert code(await bank.pay(who.code, 36_800)) == "4042519"
        assert code(await bank.buy(who.code)) == "2002500"


class TestByFile:
    async def test_money_that_came_pays_the_month_that_is_owed_when_it_came(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await member(h, bank)
        file = await office.reconcile(marked(("LOST-1", account(who), 36_800, 0, "08:30:00"), day=NOVEMBER), NOVEMBER)
        (line,) = await office.lines(file)
        assert (line["outcome"], line["reason"]) == ("missing_here", None)
        payments = await office.get(f"/payments?participant_id={who.participant_id}")
        assert (line["payment_id"], "2025-11-05T01:30:00Z") in [(p["payment_id"], p["effective_at"]) for p in payments]
        assert await told(h, who) == [("PAID", 36_800, ["2025-11"]), ("PAID", 36_800, ["2025-10"])]
        assert await office.balance("suspense") == 0

    async def test_another_sum_waits_as_the_wrong_amount_and_a_second_as_paid(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        who = await member(h, bank)
        lines = [(f"LOST-{n}", account(who), amount) for n, amount in enumerate((30_000, 36_800, 36_800))]
        file = await office.reconcile(marked(*lines, day=NOVEMBER), NOVEMBER)
        assert [line["reason"] for line in await office.lines(file)] == ["wrong_amount", None, "bill_paid"]

    async def test_a_standing_order_of_the_last_day_pays_its_month_though_the_file_comes_in_the_next(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        """Judged when the money came (domain.md section 6), whether or not the payer asked for a bill since: that one is superseded."""
        asked, last = await register(h), date(2025, 11, 30)
        assert code(await bank.buy(asked.code)) == "2002500"
        who = await member(h, bank)
        h.clock.set(at(2025, 12, 1))
        await quoted(bank, asked)
        lines = [(f"LAST-{n}", account(one), 36_800, 0, "23:30:00") for n, one in enumerate((who, asked))]
        file = await office.reconcile(marked(*lines, day=last), last)
        assert [(line["outcome"], line["reason"]) for line in await office.lines(file)] == [("missing_here", None)] * 2
        assert await told(h, who) == [("PAID", 36_800, ["2025-11"]), ("PAID", 36_800, ["2025-10"])]
        assert ("CANCELLED", 73_600, ["2025-11", "2025-12"]) in await told(h, asked)
        assert await office.balance("suspense") == 0
        assert code(await bank.buy(asked.code)) == "2002500"
        assert ("PAID", 36_800, ["2025-12"]) in await told(h, asked)
