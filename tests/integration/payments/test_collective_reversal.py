"""The payment of a collective bill is taken back by two people: at once as a whole, its shares after it, each as a reversal of its own."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from services.payments.commands import reversal, shares
from services.payments.commands.arrive import ArrivedAs
from services.payments.domain.collective import share_of
from services.payments.domain.voiding import void_share
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import (
    ELSEWHERE,
    accounts,
    bill,
    coordinator,
    lines,
    payments_of,
    progress,
    register_many,
)
from tests.integration.payments.people import Somebody, close, refuse
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.integration.payments.test_suspense import account, approve, head, officer, post, propose, queue
from tests.support.service import Harness

POSTING, REVERSAL = "collective-posting", "collective-reversal"
PRICE = 36_800


async def paid(h: Harness, bank: Bank, count: int, *, posted: bool = True) -> tuple[list[Somebody], dict[str, Any]]:
    """People on one bill that was paid under reference WHOLE; the bill as it then stands."""
    people = await register_many(h, count)
    issued = await bill(h, people)
    assert code(await bank.pay(issued["code"], count * PRICE, "WHOLE")) == "2002500"
    if posted:
        await h.due(POSTING)
    return people, await progress(h, issued["bill_id"])


async def taken_back(h: Harness, whole: dict[str, Any]) -> None:
    await approve(h, await propose(h, "VOID", whole["payment_id"], evidence="berkas 2025-10-07:3"))


async def test_two_people_take_back_the_whole_and_every_share_follows(h: Harness, bank: Bank) -> None:
    people, whole = await paid(h, bank, 3)
    proposed = await propose(h, "VOID", whole["payment_id"], evidence="berkas 2025-10-07:3")
    assert (await progress(h, whole["bill_id"]))["status"] == "PAID"
    await approve(h, proposed)
    found = await progress(h, whole["bill_id"])
    assert (found["status"], found["reversed_for"], found["shares_reversed"]) == ("REVERSED", "missing_at_bank", 0)
    assert await h.due(REVERSAL) == 1
    found = await progress(h, whole["bill_id"])
    assert (found["shares_reversed"], found["shares_kept"]) == (3, 0)
    assert not any(await nonzero(h))
    for who in people:
        (share,) = await payments_of(h, who)
        assert (share["amount"], share["reversed_for"]) == (PRICE, "missing_at_bank")
        assert code(await bank.inquire(who.code)) == "2002400"  # owes his month again
    assert [line["reversed"] for line in await lines(h, whole["bill_id"])] == [True] * 3
    reversals = [r for r in await h.events("contributions") if r.event.type == "ContributionReversed"]
    assert len({r.envelope.key for r in reversals}) == 3
    assert code(await bank.inquire(whole["code"])) == "4042419"
    assert code(await bank.pay(whole["code"], 3 * PRICE, "ANOTHER")) == "4042519"
    again = await propose(h, "VOID", whole["payment_id"], 409, evidence="x")
    assert again["code"] == "already_taken_back"


async def nonzero(h: Harness) -> list[tuple[str, int]]:
    return [(name, held) for name, held in (await accounts(h)).items() if held]


async def test_lines_that_were_not_posted_yet_never_are(
    h: Harness, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, whole = await paid(h, bank, 5, posted=False)
    monkeypatch.setattr(shares, "LINES_AT_ONCE", 2)

    def breaks(bill: Any, line: Any, *args: Any, **more: Any) -> Any:
        if line.number == 3:
            raise RuntimeError("killed")
        return share_of(bill, line, *args, **more)

    with monkeypatch.context() as broken:
        broken.setattr(shares, "share_of", breaks)
        await h.due(POSTING)
    await taken_back(h, whole)
    assert (await accounts(h))["collective"] == 0
    h.pass_time(seconds=6)
    assert await h.due(POSTING) == 0
    assert await h.due(REVERSAL) == 1
    found = await progress(h, whole["bill_id"])
    assert (found["shares_posted"], found["shares_reversed"]) == (2, 2)
    assert not any(await nonzero(h))
    assert [len(await payments_of(h, who)) for who in people] == [1, 1, 0, 0, 0]


async def test_money_of_shares_in_suspense_is_taken_back_too(h: Harness, bank: Bank) -> None:
    people = await register_many(h, 3)
    issued = await bill(h, people)
    await bank.pay(issued["code"], 3 * PRICE, "WHOLE")
    await bank.buy(people[0].code)
    await h.due(POSTING)
    (share,) = await payments_of(h, people[1])
    await refuse(h, people[1], PaymentId(UUID(share["payment_id"])), RefusalReason.NIK_TAKEN)
    assert (await accounts(h))["suspense"] == 2 * PRICE
    await taken_back(h, await progress(h, issued["bill_id"]))
    await h.due(REVERSAL)
    assert dict(await nonzero(h)).keys() == {
        "clearing:bank-a", "contributions:jkk", "contributions:jkm", "contributions:jht"
    }  # fmt: skip
    assert (await accounts(h))["clearing:bank-a"] == -PRICE  # what the first one paid himself
    assert (await queue(h)) == []
    assert (await progress(h, issued["bill_id"]))["shares_kept"] == 0


async def test_a_share_whose_money_was_used_stays_and_says_so(h: Harness, bank: Bank) -> None:
    people = await register_many(h, 2)
    issued = await bill(h, people)
    await bank.pay(issued["code"], 2 * PRICE, "WHOLE")
    await bank.buy(people[0].code)
    await h.due(POSTING)
    (case,) = await queue(h)
    returned = await propose(h, "RETURN", case["payment_id"], payee_account_id=await account(h))
    await approve(h, returned)
    await taken_back(h, await progress(h, issued["bill_id"]))
    await h.due(REVERSAL)
    found = await progress(h, issued["bill_id"])
    assert (found["shares_reversed"], found["shares_kept"]) == (2, 1)
    told = [(line["reversed"], line["kept_for"]) for line in await lines(h, issued["bill_id"])]
    assert told == [(False, "partly_used"), (True, None)]
    found = await accounts(h)
    assert (found["refunds-payable"], found["clearing:bank-a"]) == (PRICE, -2 * PRICE)


async def test_money_of_a_whole_that_was_taken_back_is_used_for_nothing_else(h: Harness, bank: Bank) -> None:
    people = await register_many(h, 2)
    issued = await bill(h, people)
    await bank.pay(issued["code"], 2 * PRICE, "WHOLE")
    await bank.buy(people[0].code)
    await h.due(POSTING)
    (case,) = await queue(h)
    await taken_back(h, await progress(h, issued["bill_id"]))
    told = await propose(h, "RETURN", case["payment_id"], 409, payee_account_id=await account(h))
    assert told["code"] == "already_taken_back"


async def test_no_share_is_taken_back_alone_and_who_died_is_passed_over(h: Harness, bank: Bank) -> None:
    (alone, dead, other), whole = await paid(h, bank, 3)
    (share,) = await payments_of(h, alone)
    told = await propose(h, "VOID", share["payment_id"], 409, evidence="surat 7")
    assert told["code"] == "part_of_a_whole"
    await close(h, dead, date(2025, 9, 30))  # what was paid for October is given back to the heirs
    await taken_back(h, whole)
    await h.due(REVERSAL)
    told = [(line["reversed"], line["kept_for"]) for line in await lines(h, whole["bill_id"])]
    assert told == [(True, None), (False, "partly_used"), (True, None)]
    assert (await accounts(h))["clearing:bank-a"] == -PRICE
    assert [p["reversed_for"] for p in await payments_of(h, other)] == ["missing_at_bank"]


async def test_money_that_comes_after_all_waits_in_suspense(h: Harness, bank: Bank) -> None:
    _, whole = await paid(h, bank, 2)
    await taken_back(h, whole)
    await h.due(REVERSAL)
    (outcome,) = await arrive(h, arrival(h, whole["code"], "WHOLE", 2 * PRICE))
    assert (outcome.outcome, outcome.reason) == (ArrivedAs.SUSPENDED, "payment_voided")
    assert dict(await nonzero(h)) == {"suspense": 2 * PRICE, "clearing:bank-a": -2 * PRICE}
    await approve(h, await propose(h, "VOID", whole["payment_id"], evidence="surat 8"))
    assert await nonzero(h) == []


async def test_after_a_failure_in_the_middle_it_goes_on_where_it_stopped(
    h: Harness, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reversal, "LINES_AT_ONCE", 3)
    people, whole = await paid(h, bank, 8)
    await taken_back(h, whole)

    def breaks(share: Any, *args: Any, **more: Any) -> Any:
        if share.number == 5:
            raise RuntimeError("killed")
        return void_share(share, *args, **more)

    with monkeypatch.context() as broken:
        broken.setattr(reversal, "void_share", breaks)
        await h.due(REVERSAL)
    assert (await progress(h, whole["bill_id"]))["shares_reversed"] == 3
    assert (await accounts(h))["clearing:bank-a"] == -5 * PRICE
    h.pass_time(seconds=6)
    await asyncio.gather(*(h.due(REVERSAL) for _ in range(3)))  # and side by side
    assert (await progress(h, whole["bill_id"]))["shares_reversed"] == 8
    assert not any(await nonzero(h))
    reversals = [r for r in await h.events("contributions") if r.event.type == "ContributionReversed"]
    assert len(reversals) == len(people)


async def test_only_the_own_branch_and_never_one_person_alone(h: Harness, bank: Bank) -> None:
    _, whole = await paid(h, bank, 1)
    wanted = {"action": "VOID", "payment_id": whole["payment_id"], "reason": "checked", "evidence": "x"}
    await post(h, "/proposals", wanted, officer(h, branch=ELSEWHERE), 404)
    await post(h, "/proposals", wanted, coordinator(h), 403)
    proposed = await post(h, "/proposals", wanted, officer(h), 201)
    await approve(h, proposed, 404, head(h, branch=ELSEWHERE))
    same = h.token(roles=["officer", "checker"], subject="officer-1", branch_id=None)
    await approve(h, proposed, 404, same)
    both = head(h, subject="officer-1")
    assert (await approve(h, proposed, 409, both))["code"] == "same_person"
    await approve(h, proposed)
    assert await h.due(REVERSAL) == 1
