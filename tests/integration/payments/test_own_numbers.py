"""A number that one bill has for itself (CLOSED), beside the contribution code (RECURRING): paid once by either door, told truly by both."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from services.payments.commands.inquire import Quoted
from services.payments.domain.numbers import Block, block_of
from services.payments.domain.snap import codes
from services.payments.domain.snap.requests import Inquiry, VirtualAccount
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.groups import ELSEWHERE, accounts, agent, officer, payments_of
from tests.integration.payments.office import LATE, Office, titled, unnamed
from tests.integration.payments.people import Somebody, correct, expire_registration, lapse, refuse, register
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.integration.payments.test_counts import call
from tests.integration.payments.test_races import INQUIRE
from tests.support.service import Harness
from tests.support.settlement import marked

NEVER = str(UUID(int=7))


async def bills_of(h: Harness, who: Somebody) -> list[dict[str, Any]]:
    answer = await h.client.get(f"/bills?participant_id={who.participant_id}", headers=officer(h))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def ask(h: Harness, bill_id: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return await h.client.post(f"/bills/{bill_id}/va", headers=headers or officer(h))


async def numbered(h: Harness, who: Somebody) -> str:
    """The own number of the newest bill."""
    answer = await ask(h, (await bills_of(h, who))[0]["bill_id"])
    assert answer.status_code == 201, answer.text
    return str(answer.json()["number"])


async def more_months(h: Harness, who: Somebody, months: int) -> dict[str, Any]:
    wanted = {"participant_id": str(who.participant_id), "months": months}
    answer = await h.client.post("/bills", json=wanted, headers=officer(h))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def cancel(h: Harness, who: Somebody) -> None:
    bill_id = (await bills_of(h, who))[0]["bill_id"]
    assert (await h.client.post(f"/bills/{bill_id}/cancel", headers=officer(h))).status_code == 200


class TestAsking:
    async def test_a_bill_gets_one_number_for_ever(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        (bill,) = await bills_of(h, who)
        assert bill["number"] is None
        first, again = await ask(h, bill["bill_id"]), await ask(h, bill["bill_id"], agent(h))
        assert (first.status_code, again.status_code) == (201, 200)
        number = first.json()["number"]
        assert block_of(number) is Block.BILL
        assert first.json() == again.json()
        assert (first.json()["bill_id"], first.json()["amount"], first.json()["status"]) == (
            bill["bill_id"],
            36_800,
            "OPEN",
        )
        assert (await bills_of(h, who))[0]["number"] == number
        assert code(await bank.buy(number)) == "2002500"
        paid = await ask(h, bill["bill_id"])
        assert (paid.status_code, paid.json()["number"], paid.json()["status"]) == (200, number, "PAID")

    async def test_who_asks_at_once_gets_the_same(self, h: Harness) -> None:
        who = await register(h)
        bill_id = (await bills_of(h, who))[0]["bill_id"]
        answers = await asyncio.gather(*(ask(h, bill_id) for _ in range(6)))
        assert sorted(one.status_code for one in answers) == [200] * 5 + [201]
        assert len({one.json()["number"] for one in answers}) == 1

    async def test_no_number_for_a_bill_that_is_not_open(self, h: Harness, bank: Bank) -> None:
        paid, gone, late = await register(h), await register(h), await register(h)
        await bank.buy(paid.code)
        await cancel(h, gone)
        h.clock.set(at(2025, 11, 1, 0, 1))  # over, and not yet marked so
        for who in (paid, gone, late):
            answer = await ask(h, (await bills_of(h, who))[0]["bill_id"])
            assert (answer.status_code, answer.json()["code"]) == (409, "bill_not_open")

    async def test_a_bill_of_others_is_as_unknown_as_none(self, h: Harness) -> None:
        who = await register(h)
        bill_id = (await bills_of(h, who))[0]["bill_id"]
        answers = [await ask(h, bill_id, officer(h, ELSEWHERE)), await ask(h, NEVER)]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].json()["code"] == answers[1].json()["code"]
        barred = await ask(h, bill_id, h.token(roles=["auditor"]))
        assert barred.status_code == 403


class TestPaying:
    async def test_an_inquiry_shows_just_this_bill(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await more_months(h, who, 3)
        number = await numbered(h, who)
        told = (await bank.inquire(number)).json()["virtualAccountData"]
        assert (told["totalAmount"]["value"], told["virtualAccountTrxType"]) == ("110400.00", "C")
        assert [line["billNo"] for line in told["billDetails"]] == ["202510", "202511", "202512"]
        standing = (await bank.inquire(who.code)).json()["virtualAccountData"]
        assert told["virtualAccountName"] == standing["virtualAccountName"] == f"Contoh {who.code[-4:]}"

    async def test_it_is_paid_exactly_and_once(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        number = await numbered(h, who)
        for amount in (1, 36_799, 36_801):
            assert code(await bank.pay(number, amount)) == "4042513"
        first = await bank.pay(number, 36_800, "ONE")
        again, advice = await bank.pay(number, 36_800, "ONE"), await bank.pay(number, 36_800, "ONE", flagAdvise="Y")
        assert [code(one) for one in (first, again, advice)] == ["2002500", "4042518", "2002500"]
        assert code(await bank.pay(number, 36_800, "TWO")) == "4042514"
        assert code(await bank.inquire(number)) == "4042414"
        assert (await accounts(h))["clearing:bank-a"] == -36_800
        (payment,) = await payments_of(h, who)
        assert (payment["number"], payment["channel_reference"]) == (number, "ONE")

    @pytest.mark.parametrize("first", ["own", "standing"])
    async def test_paid_by_either_door_the_other_says_paid(self, h: Harness, bank: Bank, first: str) -> None:
        who = await register(h)
        number = await numbered(h, who)
        one, other = (number, who.code) if first == "own" else (who.code, number)
        assert code(await bank.buy(one)) == "2002500"
        assert (code(await bank.inquire(other)), code(await bank.pay(other, 36_800))) == ("4042414", "4042514")
        assert (await accounts(h))["clearing:bank-a"] == -36_800

    async def test_the_standing_number_is_payable_again_next_month_and_the_own_one_is_not(
        self, h: Harness, bank: Bank
    ) -> None:
        who = await register(h)
        number = await numbered(h, who)
        await bank.buy(number)
        h.clock.set(at(2025, 11, 3))
        assert code(await bank.inquire(number)) == "4042414"
        assert code(await bank.buy(who.code)) == "2002500"
        h.clock.set(at(2026, 3, 3))  # long after its bill can matter to anything else
        assert (code(await bank.inquire(number)), code(await bank.pay(number, 36_800))) == ("4042414", "4042514")
        assert [payment["number"] for payment in await payments_of(h, who)] == [None, number]

    async def test_one_id_pays_one_of_the_two_numbers(self, h: Harness, bank: Bank) -> None:
        """Same id, other number: nothing posted (snap.md section 8); a quote of one number says nothing of the other."""
        who = await register(h)
        number = await numbered(h, who)
        await bank.inquire(who.code, "SAME")
        assert code(await bank.pay(number, 36_800, "SAME")) == "2002500"
        assert code(await bank.pay(who.code, 36_800, "SAME")) == "4042512"
        assert code(await bank.pay(who.code, 36_800, "SAME", flagAdvise="Y")) == "4042512"
        assert code(await bank.pay(number, 36_801, "SAME")) == "4042513"

    async def test_the_digits_of_a_number_that_no_bill_has_are_unknown(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        number = await numbered(h, who)
        other = number[:-1] + str((int(number[-1]) + 1) % 10)
        assert (code(await bank.inquire(other)), code(await bank.pay(other, 36_800))) == ("4042412", "4042512")

    async def test_both_doors_at_once_book_one_bill(self, h: Harness, bank: Bank) -> None:
        people = [await register(h) for _ in range(6)]
        numbers = [await numbered(h, who) for who in people]
        calls = [bank.pay(which, 36_800) for who, own in zip(people, numbers, strict=True) for which in (own, who.code)]
        found = [code(one) for one in await asyncio.gather(*calls)]
        assert [sorted(found[n : n + 2]) for n in range(0, 12, 2)] == [["2002500", "4042514"]] * 6
        assert (await accounts(h))["clearing:bank-a"] == -6 * 36_800


class TestEnds:
    async def test_an_expired_bill(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        number = await numbered(h, who)
        h.clock.set(at(2025, 11, 1, 0, 1))
        assert (code(await bank.inquire(number)), code(await bank.pay(number, 36_800))) == ("4042419", "4042519")
        assert code(await bank.inquire(who.code)) == "2002400"  # the standing one quotes the new month
        assert (code(await bank.inquire(number)), code(await bank.pay(number, 36_800))) == ("4042419", "4042519")

    async def test_money_of_before_its_end_pays_it(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await bank.buy(who.code)
        h.clock.set(at(2025, 11, 3))
        await bank.inquire(who.code)
        number = await numbered(h, who)
        h.clock.set(at(2025, 12, 1, 0, 1))
        in_time = at(2025, 11, 30, 23, 59).isoformat()
        assert code(await bank.pay(number, 36_800)) == "4042519"
        assert code(await bank.pay(number, 36_800, trxDateTime=in_time)) == "2002500"

    async def test_a_quote_of_before_its_end_is_honoured_for_a_while(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await bank.buy(who.code)
        h.clock.set(at(2025, 11, 3))
        await bank.inquire(who.code)
        number = await numbered(h, who)
        h.clock.set(at(2025, 11, 30, 23, 50))
        await bank.inquire(number, "QUOTED")
        h.clock.set(at(2025, 12, 1, 0, 4))
        assert code(await bank.pay(number, 36_800, "QUOTED")) == "2002500"

    async def test_a_bill_that_was_cancelled_or_replaced_is_as_good_as_unknown(self, h: Harness, bank: Bank) -> None:
        for end in (cancel, lambda h, who: more_months(h, who, 6), lambda h, who: correct(h, who, income=5_000_000)):
            who = await register(h)
            number = await numbered(h, who)
            h.pass_time(minutes=1)
            await end(h, who)
            h.pass_time(minutes=1)
            assert (code(await bank.inquire(number)), code(await bank.pay(number, 36_800))) == ("4042412", "4042512")
            assert code(await bank.buy(who.code)) == "2002500"
            assert code(await bank.inquire(number)) == "4042414"  # its months are paid meanwhile

    async def test_a_registration_that_expired_and_a_lapse_are_times_that_are_over(
        self, h: Harness, bank: Bank
    ) -> None:
        who, other = await register(h), await register(h)
        number = await numbered(h, who)
        await bank.buy(other.code)
        h.clock.set(at(2026, 1, 5))
        await bank.inquire(other.code)
        own = await numbered(h, other)
        await expire_registration(h, who)
        assert (code(await bank.inquire(number)), code(await bank.pay(number, 36_800))) == ("4042419", "4042519")
        h.clock.set(at(2026, 2, 1, 0, 1))
        await lapse(h, other, "2025-10")
        assert (code(await bank.inquire(own)), code(await bank.pay(own, 3 * 36_800))) == ("4042419", "4042519")

    async def test_of_who_is_blocked_or_closed_nothing_is_taken(self, h: Harness, bank: Bank) -> None:
        for reason, inquired, paid in (
            (RefusalReason.NIK_TAKEN, "4042412", "4042512"),
            (RefusalReason.PARTICIPANT_CLOSED, "4032415", "4032515"),
        ):
            who = await register(h)
            number = await numbered(h, who)
            answer = (await bank.buy(number)).json()["virtualAccountData"]
            payment_id = PaymentId(UUID(answer["billDetails"][0]["billerReferenceId"]))
            await refuse(h, who, payment_id, reason)
            assert (code(await bank.inquire(number)), code(await bank.pay(number, 36_800))) == (inquired, paid)
        assert (await accounts(h))["suspense"] == 2 * 36_800


class TestStatus:
    async def test_each_number_tells_of_itself(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        number = await numbered(h, who)
        assert code(await bank.status(number)) == "4042601"
        await bank.inquire(number, "ASKED")
        told = (await bank.status(number, inquiryRequestId="ASKED")).json()["virtualAccountData"]
        assert told["paymentFlagStatus"] == "03"
        assert code(await bank.status(who.code, inquiryRequestId="ASKED")) == "4042601"
        await bank.pay(number, 36_800, "ASKED")
        h.clock.set(at(2025, 11, 3))
        await bank.inquire(who.code, "NEXT")
        await bank.pay(who.code, 36_800, "NEXT")
        for mine, its, other in ((number, "ASKED", "NEXT"), (who.code, "NEXT", "ASKED")):
            told = (await bank.status(mine, paymentRequestId=its)).json()
            assert told["virtualAccountData"]["paymentFlagStatus"] == "00"
            assert code(await bank.status(mine, paymentRequestId=other)) == "4042601"
            whole = (await bank.status(mine)).json()["additionalInfo"]["transactions"]
            assert [one["paymentRequestId"] for one in whole] == [its]


class TestOtherDoors:
    async def test_a_file_pays_the_bill_or_waits_with_the_reason(self, h: Harness, bank: Bank, office: Office) -> None:
        fine, paid, gone, late = [await register(h) for _ in range(4)]
        numbers = [await numbered(h, who) for who in (fine, paid, gone, late)]
        await bank.buy(paid.code)
        await cancel(h, gone)
        file = await office.reconcile(marked(*((f"F-{n}", f"8100{own}", 36_800) for n, own in enumerate(numbers[:3]))))
        assert [line["reason"] for line in await office.lines(file)] == [None, "bill_paid", "bill_cancelled"]
        assert (await bills_of(h, fine))[0]["status"] == "PAID"
        assert code(await bank.inquire(fine.code)) == "4042414"
        assert code(await bank.pay(numbers[0], 36_800, "F-0")) == "4042518"
        assert code(await bank.pay(fine.code, 36_800, "F-0")) == "4042512"
        h.clock.set(at(2025, 11, 1, 0, 1))
        (one,) = await arrive(h, arrival(h, numbers[3], "F-3"))
        assert one.reason == "bill_expired"
        assert await office.balance("suspense") == -3 * 36_800

    async def test_a_line_without_an_id_finds_the_payment_by_its_number(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        """Number, amount, time (snap.md section 11.2): the other number of the same payer is another number."""
        await titled(office)
        who = await register(h)
        number = await numbered(h, who)
        assert code(await bank.pay(number, 36_800, "BY-CALL", **LATE)) == "2002500"
        file = await office.reconcile(unnamed("OWN-1", f"8100{number}"))
        assert await office.outcomes(file) == ["matched"]
        other = await register(h)
        own = await numbered(h, other)
        await bank.pay(own, 36_800, "BY-CALL-2", **LATE)
        (line,) = await office.lines(await office.reconcile(unnamed("OWN-2", f"8100{other.code}")))
        assert (line["outcome"], line["reason"]) == ("missing_here", "bill_paid")

    async def test_a_call_finds_what_a_file_booked_without_an_id(self, h: Harness, bank: Bank, office: Office) -> None:
        await titled(office)
        who = await register(h)
        number = await numbered(h, who)
        await office.reconcile(unnamed("OWN-1", f"8100{number}"))
        assert code(await bank.pay(who.code, 36_800, "OTHER", **LATE)) == "4042514"
        assert code(await bank.pay(number, 36_800, "LATE-1", **LATE)) == "4042518"
        assert (await accounts(h))["clearing:bank-a"] == -36_800


async def test_a_batch_that_has_to_issue_a_bill_still_knows_an_old_number(h: Harness, bank: Bank) -> None:
    """It reads the payers a second time; the paid bill of months ago has to be among what it reads."""
    who, other = await register(h), await register(h)
    number = await numbered(h, who)
    await bank.buy(number)
    await bank.buy(other.code)
    h.clock.set(at(2025, 12, 3))
    inquiries = [
        call(h, Inquiry(VirtualAccount("8100", wanted), f"ASK-{n}"), n) for n, wanted in enumerate((number, other.code))
    ]
    old, issued = await h.run(INQUIRE, inquiries)
    assert old is codes.PAID
    assert isinstance(issued, Quoted)
    assert issued.offer.amount == 2 * 36_800


@pytest.mark.parametrize("size", [1, 40])
async def test_a_batch_of_own_numbers_takes_one_statement_more(h: Harness, bank: Bank, size: int) -> None:
    people = [await register(h) for _ in range(size)]
    numbers = [await numbered(h, who) for who in people]
    before, _ = await h.statements()
    outcomes = await arrive(h, *(arrival(h, own, f"N-{n}") for n, own in enumerate(numbers)))
    after, _ = await h.statements()
    assert all(one.reason is None for one in outcomes)
    assert after - before <= 16
