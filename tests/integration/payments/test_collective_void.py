"""A collective bill that would pay for nobody: while every line is void it is as little payable as one past its end."""

from __future__ import annotations

from datetime import date

from services.payments.commands.arrive import ArrivedAs
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import accounts, bill, lines, payments_of, progress, register_many
from tests.integration.payments.people import close
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.integration.payments.test_suspense import approve, propose
from tests.support.service import Harness

POSTING = "collective-posting"


async def test_a_bill_all_of_whose_lines_are_void_is_not_payable(h: Harness, bank: Bank) -> None:
    early, gone = await register_many(h, 2)
    issued = await bill(h, [early, gone])
    await bank.inquire(issued["code"], "INQ-VOID")
    await bank.buy(early.code)
    assert code(await bank.inquire(issued["code"])) == "2002400"  # one line still stands
    await close(h, gone, date(2025, 10, 6))
    assert [line["void"] for line in await lines(h, issued["bill_id"])] == [True, True]
    assert code(await bank.inquire(issued["code"])) == "4042419"
    assert code(await bank.inquire(issued["code"], "INQ-VOID")) == "4042419"
    assert code(await bank.pay(issued["code"], 73_600, "INQ-VOID")) == "4042519"
    assert (await progress(h, issued["bill_id"]))["status"] == "OPEN"

    (outcome,) = await arrive(h, arrival(h, issued["code"], "TAKEN", 73_600))
    assert (outcome.outcome, outcome.reason) == (ArrivedAs.SUSPENDED, "bill_void")
    found = await accounts(h)
    assert (found["suspense"], found.get("collective", 0)) == (73_600, 0)


async def test_a_bill_is_payable_again_once_one_of_its_lines_is(h: Harness, bank: Bank) -> None:
    (who,) = await register_many(h, 1)
    issued = await bill(h, [who])
    await bank.buy(who.code)
    assert code(await bank.inquire(issued["code"])) == "4042419"
    (own,) = await payments_of(h, who)
    await approve(h, await propose(h, "VOID", own["payment_id"], evidence="berkas 2025-10-07"))
    assert code(await bank.pay(issued["code"], 36_800, "WHOLE-AGAIN")) == "2002500"
    await h.due(POSTING)
    assert (await progress(h, issued["bill_id"]))["shares_suspended"] == 0
    await bank.pay(issued["code"], 36_800, "WHOLE-AGAIN")  # a repeat gets its first answer, though the line is paid now
    assert code(await bank.pay(issued["code"], 36_800, "WHOLE-AGAIN", flagAdvise="Y")) == "2002500"
