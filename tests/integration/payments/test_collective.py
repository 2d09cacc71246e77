"""One bill for many: issued with an exact list, paid in full or not at all, its shares posted until none is left (domain.md section 6)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.payments.commands import shares
from services.payments.domain.collective import share_of
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.groups import (
    ELSEWHERE,
    accounts,
    agent,
    bill,
    coordinator,
    issue,
    lines,
    officer,
    payments_of,
    progress,
    register_many,
    stranger,
)
from tests.integration.payments.people import BRANCH, register
from tests.support.service import Harness

POSTING = "collective-posting"


async def test_one_payment_settles_every_line(h: Harness, bank: Bank) -> None:
    people = await register_many(h, 3)
    issued = await bill(h, people)
    assert (issued["heads"], issued["amount"]) == (3, 3 * 36_800)
    quoted = (await bank.inquire(issued["code"])).json()["virtualAccountData"]
    assert (quoted["totalAmount"]["value"], quoted["virtualAccountTrxType"]) == ("110400.00", "C")
    assert quoted["virtualAccountName"] == "TAGIHAN KOLEKTIF 3 PESERTA"
    assert code(await bank.pay(issued["code"], 110_400, "WHOLE-1")) == "2002500"
    waiting = await accounts(h)
    assert (waiting["collective"], waiting["clearing:bank-a"]) == (110_400, -110_400)
    assert await h.due(POSTING) == 1
    found = await progress(h, issued["bill_id"])
    assert (found["status"], found["shares_posted"], found["shares_suspended"]) == ("PAID", 3, 0)
    after = await accounts(h)
    assert after.get("collective") == 0
    assert after["contributions:jkk"] + after["contributions:jkm"] + after["contributions:jht"] == 110_400
    for who in people:
        (payment,) = await payments_of(h, who)
        assert (payment["amount"], payment["partner"], payment["months"][0]["month"]) == (36_800, "bank-a", "2025-10")
        assert code(await bank.inquire(who.code)) == "4042414"
    assert len({line["payment_id"] for line in await lines(h, issued["bill_id"])}) == 3


async def test_it_is_paid_in_full_or_not_at_all(h: Harness, bank: Bank) -> None:
    issued = await bill(h, await register_many(h, 2))
    for amount in (1, 73_599, 73_601):
        assert code(await bank.pay(issued["code"], amount)) == "4042513"
    assert (await progress(h, issued["bill_id"]))["status"] == "OPEN"
    assert await accounts(h) == {}


async def test_a_second_payment_books_nothing_and_a_repeat_gets_the_first_answer(h: Harness, bank: Bank) -> None:
    issued = await bill(h, await register_many(h, 2))
    first = await bank.pay(issued["code"], 73_600, "WHOLE-2")
    again = await bank.pay(issued["code"], 73_600, "WHOLE-2")
    advised = await bank.pay(issued["code"], 73_600, "WHOLE-2", flagAdvise="Y")
    other = await bank.pay(issued["code"], 73_600, "WHOLE-3")
    assert [code(one) for one in (first, again, advised, other)] == ["2002500", "4042518", "2002500", "4042514"]
    told = (await bank.status(issued["code"], paymentRequestId="WHOLE-2")).json()["virtualAccountData"]
    assert (told["paymentFlagStatus"], told["paidAmount"]["value"]) == ("00", "73600.00")
    await h.due(POSTING)
    assert (await accounts(h))["clearing:bank-a"] == -73_600
    whole = (await bank.status(issued["code"])).json()["additionalInfo"]["transactions"]
    assert [one["paymentRequestId"] for one in whole] == ["WHOLE-2"]


async def test_the_reference_of_a_whole_pays_nothing_else(h: Harness, bank: Bank) -> None:
    who, others = await register(h), await register_many(h, 2)
    issued = await bill(h, others)
    await bank.pay(issued["code"], 73_600, "SAME")
    assert code(await bank.pay(who.code, 36_800, "SAME")) == "4042512"
    assert code(await bank.pay(issued["code"], 73_601, "SAME")) == "4042513"


async def test_a_line_paid_elsewhere_is_void_and_its_share_goes_to_suspense(h: Harness, bank: Bank) -> None:
    early, other = await register_many(h, 2)
    issued = await bill(h, [early, other])
    await bank.buy(early.code)
    assert [line["void"] for line in await lines(h, issued["bill_id"])] == [True, False]
    assert code(await bank.pay(issued["code"], 73_600)) == "2002500"
    await h.due(POSTING)
    assert [line["suspended_for"] for line in await lines(h, issued["bill_id"])] == ["month_paid_elsewhere", None]
    assert (await progress(h, issued["bill_id"]))["shares_suspended"] == 1
    found = await accounts(h)
    assert (found["suspense"], found["collective"], found["clearing:bank-a"]) == (36_800, 0, -110_400)
    assert len(await payments_of(h, early)) == 2  # the own payment, and the receipt that waits


async def test_a_line_paid_between_payment_and_posting_goes_to_suspense_too(h: Harness, bank: Bank) -> None:
    (who,) = await register_many(h, 1)
    issued = await bill(h, [who])
    await bank.pay(issued["code"], 36_800)
    await bank.buy(who.code)
    await h.due(POSTING)
    assert (await accounts(h))["suspense"] == 36_800


async def test_money_taken_before_its_end_pays_an_expired_bill_and_later_money_does_not(h: Harness, bank: Bank) -> None:
    issued = await bill(h, await register_many(h, 2))
    h.clock.set(at(2025, 11, 1, 0, 1))
    assert await h.due("collective-expiry") == 1
    assert (await progress(h, issued["bill_id"]))["status"] == "EXPIRED"
    assert code(await bank.inquire(issued["code"])) == "4042419"
    assert code(await bank.pay(issued["code"], 73_600)) == "4042519"
    in_time = at(2025, 10, 31, 23, 59).isoformat()
    assert code(await bank.pay(issued["code"], 73_600, "LATE", trxDateTime=in_time)) == "2002500"
    await h.due(POSTING)
    found = await progress(h, issued["bill_id"])
    assert (found["status"], found["shares_posted"], found["shares_suspended"]) == ("PAID", 2, 0)


async def test_who_pays_the_bill_decides_about_the_discount(h: Harness) -> None:
    h.clock.set(at(2026, 5, 4))
    people = await register_many(h, 2)
    donor = await bill(h, people)
    local = await bill(h, people, funding_source="LOCAL_GOV")
    assert (donor["amount"], local["amount"]) == (2 * 28_400, 2 * 36_800)  # C15 and C20 with JHT: no discount from APBD


async def test_months_are_frozen_when_it_is_issued(h: Harness, bank: Bank) -> None:
    who = await register(h)
    issued = await bill(h, [who], months=3)
    (line,) = await lines(h, issued["bill_id"])
    assert [month["month"] for month in line["months"]] == ["2025-10", "2025-11", "2025-12"]
    assert code(await bank.pay(issued["code"], 3 * 36_800)) == "2002500"
    await h.due(POSTING)
    assert code(await bank.inquire(who.code)) == "4042414"


class TestIssuing:
    async def test_the_whole_list_is_refused_and_every_bad_head_named(self, h: Harness) -> None:
        good, foreign = await register(h), await register(h)
        body = {
            "participants": [good.code, stranger(), "8800000000999", good.code, str(good.participant_id)],
            "funding_source": "DONOR",
        }
        response = await h.client.post("/collective-bills", json=body, headers=coordinator(h))
        assert response.status_code == 422
        assert [(e["field"], e["code"]) for e in response.json()["errors"]] == [
            ("participants.1", "unknown_participant"),
            ("participants.2", "unknown_participant"),
            ("participants.3", "listed_twice"),
            ("participants.4", "listed_twice"),
        ]
        elsewhere = await issue(h, [foreign], headers=coordinator(h, ELSEWHERE))
        assert elsewhere.json()["errors"][0]["code"] == "unknown_participant"
        assert await h.events("collective-bills") == []

    async def test_who_owes_nothing_cannot_be_billed(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await bank.buy(who.code)
        response = await issue(h, [who])
        assert response.json()["errors"][0]["code"] == "nothing_owed"
        assert (await issue(h, [who], months=2)).status_code == 201

    async def test_a_file_does_the_same(self, h: Harness) -> None:
        one, two = await register_many(h, 2)
        sheet = f"contribution_code;months\r\n{one.code};\r\n\r\n{two.code};2\r\n"
        headers = coordinator(h) | {"Content-Type": "text/csv"}
        path = "/collective-bills/upload?funding_source=DONOR&months=1"
        response = await h.client.post(path, content=sheet.encode("utf-8-sig"), headers=headers)
        assert (response.status_code, response.json()["amount"]) == (201, 3 * 36_800)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"nik\n1\n", "file_header"),
            (b"contribution_code,participant_id\n1,\n", "file_header"),
            (b"", "nobody_listed"),
            (b"contribution_code\n", "nobody_listed"),
            (b"contribution_code\n\xff\n", "file_unreadable"),
            (b'contribution_code\n"1\n', "file_unreadable"),
            (b"contribution_code\n1\x00\n", "file_unreadable"),
            (b"contribution_code,months\n1,13\n", "invalid"),
            (b"contribution_code,months\n1,x\n", "invalid"),
            (b"contribution_code\nhello\n", "invalid"),
        ],
    )
    async def test_a_bad_file_is_refused_as_a_whole(self, h: Harness, content: bytes, problem: str) -> None:
        headers = coordinator(h) | {"Content-Type": "text/csv"}
        path = "/collective-bills/upload?funding_source=DONOR"
        response = await h.client.post(path, content=content, headers=headers)
        assert (response.status_code, response.json()["code"]) == (422, problem)

    async def test_bad_wishes_are_422_and_name_the_field(self, h: Harness) -> None:
        who = await register(h)
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"participants": []}, "participants"),
            ({"participants": ["x!"]}, "participants.0"),
            ({"funding_source": "ME"}, "funding_source"),
            ({"months": 13}, "months"),
            ({"months": "3"}, "months"),
            ({"extra": 1}, "extra"),
        ]
        for change, field in wrong:
            response = await issue(h, [who], **change)
            assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field), change

    async def test_a_repeated_command_issues_one_bill(self, h: Harness) -> None:
        people, headers = await register_many(h, 2), coordinator(h)
        first, again = [(await issue(h, people, headers=headers)).json() for _ in range(2)]
        assert first == again
        assert len(await h.events("collective-bills")) == 2

    async def test_lines_lie_in_events_of_bounded_size(self, h: Harness) -> None:
        people = await register_many(h, 401)
        issued = await bill(h, people, months=12)
        added = [r.event for r in await h.events("collective-bills")][1:]
        assert [len(event.lines) for event in added] == [100, 100, 100, 100, 1]  # type: ignore[attr-defined]
        assert [line["number"] for line in await lines(h, issued["bill_id"])] == [*range(1, 402)]


class TestEnding:
    async def test_a_cancelled_bill_cannot_be_paid_and_a_quote_is_kept_for_its_time(
        self, h: Harness, bank: Bank
    ) -> None:
        quoted, unquoted = await bill(h, await register_many(h, 1)), await bill(h, await register_many(h, 1))
        await bank.inquire(quoted["code"], "INQ-KEPT")
        for issued in (quoted, unquoted):
            path = f"/collective-bills/{issued['bill_id']}/cancel"
            for _ in range(2):
                response = await h.client.post(path, json={"reason": "donor_withdrew"}, headers=coordinator(h))
                assert (response.status_code, response.json()["status"]) == (200, "CANCELLED")
            assert code(await bank.inquire(issued["code"], "INQ-KEPT")) == (
                "2002400" if issued is quoted else "4042419"
            )
        h.pass_time(minutes=14)
        assert code(await bank.pay(unquoted["code"], 36_800)) == "4042519"
        assert code(await bank.pay(quoted["code"], 36_800, "INQ-KEPT")) == "2002500"

    async def test_a_paid_bill_cannot_be_cancelled(self, h: Harness, bank: Bank) -> None:
        issued = await bill(h, await register_many(h, 1))
        await bank.pay(issued["code"], 36_800)
        path = f"/collective-bills/{issued['bill_id']}/cancel"
        response = await h.client.post(path, json={"reason": "mistake"}, headers=officer(h))
        assert (response.status_code, response.json()["code"]) == (409, "collective_bill_ended")


class TestScope:
    async def test_foreign_and_unknown_bills_are_the_same_404(self, h: Harness) -> None:
        issued = await bill(h, await register_many(h, 1))
        own = [
            coordinator(h),
            officer(h),
            h.token(roles=["checker"], branch_id=BRANCH),
            h.token(roles=["auditor"]),
        ]
        foreign = [coordinator(h, ELSEWHERE), officer(h, ELSEWHERE), h.token(roles=["coordinator"])]
        for path in ("", "/lines"):
            for headers in own:
                response = await h.client.get(f"/collective-bills/{issued['bill_id']}{path}", headers=headers)
                assert response.status_code == 200
            unknown = await h.client.get(f"/collective-bills/{stranger()}{path}", headers=own[0])
            for headers in foreign:
                response = await h.client.get(f"/collective-bills/{issued['bill_id']}{path}", headers=headers)
                assert (response.status_code, response.json()) == (404, unknown.json())
        for headers in foreign[:2]:
            path = f"/collective-bills/{issued['bill_id']}/cancel"
            assert (await h.client.post(path, json={"reason": "x"}, headers=headers)).status_code == 404
            assert (await h.client.get("/collective-bills", headers=headers)).json()["items"] == []
        assert len((await h.client.get("/collective-bills", headers=coordinator(h))).json()["items"]) == 1

    async def test_only_the_board_and_officers_issue(self, h: Harness) -> None:
        who = await register(h)
        for headers in (
            agent(h),
            h.token(roles=["participant"]),
            h.token(roles=["central"]),
            h.token(roles=["checker"]),
        ):
            assert (await issue(h, [who], headers=headers)).status_code == 403
        assert (await issue(h, [who], headers=h.token(roles=["coordinator"]))).status_code == 403
        assert (await issue(h, [who], headers=officer(h))).status_code == 201


class TestPosting:
    async def test_after_a_failure_in_the_middle_it_goes_on_where_it_stopped(
        self, h: Harness, bank: Bank, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shares, "LINES_AT_ONCE", 3)
        people = await register_many(h, 8)
        issued = await bill(h, people)
        await bank.pay(issued["code"], 8 * 36_800)

        def breaks(bill: Any, line: Any, *args: Any, **more: Any) -> Any:
            if line.number == 5:
                raise RuntimeError("killed")
            return share_of(bill, line, *args, **more)

        with monkeypatch.context() as broken:
            broken.setattr(shares, "share_of", breaks)
            await h.due(POSTING)
        assert (await progress(h, issued["bill_id"]))["shares_posted"] == 3
        assert (await accounts(h))["collective"] == 5 * 36_800
        assert await h.due(POSTING) == 0  # backed off
        h.pass_time(seconds=6)
        assert await h.due(POSTING) == 2
        assert (await progress(h, issued["bill_id"]))["shares_posted"] == 8
        found = await accounts(h)
        assert (found["collective"], found["clearing:bank-a"]) == (0, -8 * 36_800)
        assert [len(await payments_of(h, who)) for who in people] == [1] * 8

    async def test_two_that_post_side_by_side_post_each_line_once(self, h: Harness, bank: Bank) -> None:
        people = await register_many(h, 6)
        issued = await bill(h, people)
        await bank.pay(issued["code"], 6 * 36_800)
        await asyncio.gather(*(h.due(POSTING) for _ in range(3)))
        assert (await progress(h, issued["bill_id"]))["shares_posted"] == 6
        assert [len(await payments_of(h, who)) for who in people] == [1] * 6
