"""QR codes: made by the acquirer, paid once, told of by notices and by answers to our questions (snap.md section 10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from services.payments.app import SERVICE
from services.payments.tables import qr_questions
from tests.integration.payments.acquirer import Books, acquirer, agree, notify, rupiah, teller
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.people import AGENT, BRANCH, Somebody, register
from tests.support.clock import FakeClock
from tests.support.counters import watched
from tests.support.service import Harness, harness
from tests.support.stack import Stack


@dataclass
class Town:
    """Payments with an acquirer, and a participant with a bill."""

    h: Harness
    books: Books
    acquirer: Bank
    who: Somebody
    bill_id: str

    def headers(self) -> dict[str, str]:
        return self.h.token(roles=["agent"], agent_id=AGENT)

    async def ask(self) -> httpx.Response:
        return await self.h.client.post(f"/bills/{self.bill_id}/qr", headers=self.headers())

    async def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.h.client.get(f"/bills/{self.bill_id}/qr", headers=self.headers())).json()
        return found

    async def payments(self) -> list[dict[str, Any]]:
        path = f"/payments?participant_id={self.who.participant_id}"
        found: list[dict[str, Any]] = (await self.h.client.get(path, headers=self.headers())).json()
        return found

    async def suspense(self) -> int:
        books = (await self.h.client.get("/ledger/trial-balance", headers=self.h.token(roles=["central"]))).json()
        assert books["imbalance"] == 0
        return int(books["suspense"])

    async def cases(self) -> list[str]:
        return [case["kind"] for case in await self.case_list()]

    async def case_list(self) -> list[dict[str, Any]]:
        path, headers = "/settlements/cases", self.h.token(roles=["central"])
        found: list[dict[str, Any]] = (await self.h.client.get(path, headers=headers)).json()["items"]
        return found

    async def questions(self) -> int:
        async with self.h.app.read() as conn:
            return (await conn.execute(sa.select(sa.func.count()).select_from(qr_questions))).scalar_one()

    async def look(self) -> None:
        """The worker looks once at what is due."""
        worker = self.h.app.composition.workers["qr-desk"]
        stop = asyncio.Event()
        running = asyncio.create_task(worker(stop))
        await asyncio.sleep(0)
        stop.set()
        await running


@pytest.fixture
async def town(stack: Stack) -> AsyncIterator[Town]:
    clock = FakeClock()
    async with acquirer() as (books, settings), harness(SERVICE, stack, clock=clock, **settings) as h:
        caller = await teller(h).enable()
        await agree(h, books.url)
        who = await register(h)
        path = f"/bills?participant_id={who.participant_id}"
        (bill,) = (await h.client.get(path, headers=h.token(roles=["agent"], agent_id=AGENT))).json()
        yield Town(h, books, caller, who, bill["bill_id"])
        assert books.bad == []
        outcome = await h.replay()
        assert outcome.equal, outcome.differences


async def live(town: Town) -> tuple[str, str]:
    """A code that was made: our reference and the acquirer's number."""
    answer = await town.ask()
    assert (answer.status_code, answer.json()["state"]) == (201, "LIVE"), answer.text
    reference = UUID(town.bill_id).hex
    return reference, town.books.codes[reference].number


async def test_a_bill_gets_its_code_and_the_same_again(town: Town) -> None:
    reference, number = await live(town)
    assert town.books.codes[reference].amount == 36_800
    found = (await town.ask()).json()
    assert (found["content"], found["acquirer_reference"], found["amount"]) == (f"QR:{number}", number, 36_800)
    assert town.books.calls.count("generate") == 1


async def test_who_asks_reads_no_questions_but_those_that_are_asked(town: Town, stack: Stack) -> None:
    """20,000 of the same acquirer that are not due, and as many of another that are."""
    insert = sa.text(
        "INSERT INTO qr_questions (partner, reference, bill_id, tries, ask_at)"
        " SELECT partner, n::text, gen_random_uuid(), 0, CAST(:now AS timestamptz) + away * interval '1 day'"
        " FROM generate_series(1, 20000) n, (VALUES ('qris-a', 1), ('elsewhere', -1)) AS of (partner, away)"
    )
    async with town.h.app.engine.begin() as conn:
        await conn.execute(insert, {"now": town.h.clock.business()})
    await stack.analyze(town.h.app.settings.database_url, "qr_questions")
    async with watched(town.h.app) as seen:
        await live(town)  # the question of a bill
        await town.look()  # what is due at the acquirer
    assert any("FOR UPDATE SKIP LOCKED" in statement for statement, _ in seen.sent)
    assert await seen.sequential_scans({"qr_questions"}) == []
    read = {statement: rows for statement, rows in (await seen.rows_handled()).items() if "qr_questions" in statement}
    assert {statement: rows for statement, rows in read.items() if rows > 100} == {}


async def test_a_notice_of_success_pays_the_bill_once(town: Town) -> None:
    reference, number = await live(town)
    for _ in range(2):
        answer = await notify(town.acquirer, number, originalPartnerReferenceNo=reference, amount=rupiah(36_800))
        assert code(answer) == "2005200"
    (payment,) = await town.payments()
    assert (payment["channel"], payment["channel_reference"], payment["partner"]) == ("qris-mpm", number, "qris-a")
    assert (await town.shown())["state"] == "PAID"
    assert await town.questions() == 0
    assert (await town.ask()).json()["code"] == "qr_ended"


async def test_two_notices_at_the_same_moment_post_once(town: Town) -> None:
    reference, number = await live(town)
    more: dict[str, Any] = {"originalPartnerReferenceNo": reference, "amount": rupiah(36_800)}
    answers = await asyncio.gather(*(notify(town.acquirer, number, **more) for _ in range(5)))
    assert {code(answer) for answer in answers} == {"2005200"}
    assert len(await town.payments()) == 1


async def test_a_code_whose_answer_got_lost_is_asked_about_and_made_again_under_the_same_reference(town: Town) -> None:
    town.books.drop = 1
    answer = await town.ask()
    assert (answer.status_code, answer.json()["state"]) == (202, "REQUESTED")
    town.h.pass_time(seconds=61)
    await town.look()
    assert (await town.shown())["state"] == "LIVE"
    assert town.books.calls == ["generate", "query", "generate"]
    assert len(town.books.codes) == 1


async def test_a_payment_that_nobody_told_of_is_found_by_a_question_at_the_acquirers_time(town: Town) -> None:
    reference, number = await live(town)
    await town.look()
    assert town.books.calls.count("query") == 0, "60 s are not over"
    town.h.pass_time(seconds=61)
    town.books.pay(reference, "2025-10-06T09:00:30+07:00")
    await town.look()
    (payment,) = await town.payments()
    assert (payment["channel_reference"], payment["effective_at"]) == (number, "2025-10-06T02:00:30Z")
    assert await town.questions() == 0


async def test_questions_come_with_growing_gaps_until_a_day_after_the_end(town: Town) -> None:
    await live(town)
    asked = []
    for minute in range(1, 32):
        town.h.pass_time(minutes=1)
        before = town.books.calls.count("query")
        await town.look()
        if town.books.calls.count("query") > before:
            asked.append(minute)
    assert asked == [1, 2, 4, 8, 16]
    town.h.pass_time(days=27)
    await town.look()
    assert (await town.shown())["state"] == "CLOSED"
    assert (await town.shown())["reason"] == "expired"
    assert await town.questions() == 0


async def test_pending_statuses_wait_and_never_undo_what_is_final(town: Town) -> None:
    reference, number = await live(town)
    for status in ("01", "02", "03", "07"):
        assert code(await notify(town.acquirer, number, status, originalPartnerReferenceNo=reference)) == "2005200"
        assert (await town.shown())["state"] == "LIVE"
    await notify(town.acquirer, number, originalPartnerReferenceNo=reference, amount=rupiah(36_800))
    for status in ("01", "05", "06"):
        await notify(town.acquirer, number, status, originalPartnerReferenceNo=reference)
        assert (await town.shown())["state"] == "PAID"
    assert len(await town.payments()) == 1


async def test_success_after_a_failure_is_posted_and_flagged(town: Town) -> None:
    reference, number = await live(town)
    await notify(town.acquirer, number, "06", originalPartnerReferenceNo=reference)
    assert (await town.shown())["state"] == "CLOSED"
    await notify(town.acquirer, number, originalPartnerReferenceNo=reference, amount=rupiah(36_800))
    assert len(await town.payments()) == 1
    assert await town.cases() == ["paid_after_close"]


async def test_a_refund_at_the_acquirer_is_a_case_and_the_books_stay(town: Town) -> None:
    reference, number = await live(town)
    await notify(town.acquirer, number, originalPartnerReferenceNo=reference, amount=rupiah(36_800))
    await notify(town.acquirer, number, "04", originalPartnerReferenceNo=reference)
    assert await town.cases() == ["refunded_at_channel"]
    (payment,) = await town.payments()
    assert payment["reversed_for"] is None


async def test_another_amount_is_accepted_and_waits_in_suspense(town: Town) -> None:
    reference, number = await live(town)
    answer = await notify(town.acquirer, number, originalPartnerReferenceNo=reference, amount=rupiah(40_000))
    assert code(answer) == "2005200"
    assert await town.suspense() == 40_000


async def test_a_second_notice_with_another_amount_moves_nothing_and_is_a_case_once(town: Town) -> None:
    reference, number = await live(town)
    told = {"originalPartnerReferenceNo": reference}
    await notify(town.acquirer, number, **told, amount=rupiah(36_800))
    for amount in (40_000, 40_000):
        assert code(await notify(town.acquirer, number, **told, amount=rupiah(amount))) == "2005200"
    answers = await asyncio.gather(*(notify(town.acquirer, number, **told, amount=rupiah(30_000)) for _ in range(3)))
    assert {code(answer) for answer in answers} == {"2005200"}
    more, less = await town.case_list()
    (payment,) = await town.payments()
    assert [(case["kind"], case["amount_here"], case["amount_there"]) for case in (more, less)] == [
        ("notice_amount_differs", 36_800, 40_000),
        ("notice_amount_differs", 36_800, 30_000),
    ]
    assert (more["owner"], more["reference"], more["payment_id"]) == ("central", number, payment["payment_id"])
    assert (payment["amount"], await town.suspense()) == (36_800, 0)

    path, clerk = f"/settlements/cases/{more['case_id']}/close", town.h.token(roles=["central"])
    ended = await town.h.client.post(path, json={"outcome": "acquirer_was_wrong"}, headers=clerk)
    assert ended.status_code == 200
    await notify(town.acquirer, number, **told, amount=rupiah(40_000))
    assert await town.case_list() == [less]


async def test_money_for_a_code_that_is_none_of_ours_waits_in_suspense(town: Town) -> None:
    assert code(await notify(town.acquirer, "STRANGE-1", amount=rupiah(12_000))) == "2005200"
    assert await town.suspense() == 12_000


async def test_money_without_an_amount_is_asked_about_before_it_is_booked(town: Town) -> None:
    reference, number = await live(town)
    assert code(await notify(town.acquirer, number, originalPartnerReferenceNo=reference)) == "2005200"
    assert await town.payments() == []
    town.books.pay(reference, "2025-10-06T09:00:00+07:00")
    await town.look()
    assert len(await town.payments()) == 1


async def test_a_code_of_another_acquirer_is_not_found_by_its_reference(town: Town) -> None:
    reference, number = await live(town)
    other = await Bank(town.h, "qris-b", "9400", "client-b", "r-secret-of-the-tests-0001", "94001").enable()
    await notify(other, number, originalPartnerReferenceNo=reference, amount=rupiah(36_800))
    assert (await town.shown())["state"] == "LIVE"
    assert await town.suspense() == 36_800


@pytest.mark.parametrize("refusal", ["4004701", "4034705", "4044716"])
async def test_an_acquirer_that_will_not_make_a_code_is_asked_again_only_by_a_person(town: Town, refusal: str) -> None:
    town.books.refuse = refusal
    answer = await town.ask()
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (201, "FAILED", refusal)
    town.h.pass_time(hours=2)
    await town.look()
    assert town.books.calls == ["generate"]
    town.books.refuse = ""
    await live(town)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"amount": {"value": "-1.00", "currency": "IDR"}}, "4005201"),
        ({"amount": {"value": "1.50", "currency": "IDR"}}, "4005201"),
        ({"amount": {"value": "1.00", "currency": "USD"}}, "4005201"),
        ({"latestTransactionStatus": "99"}, "4005201"),
        ({"latestTransactionStatus": ""}, "4005202"),
        ({"originalReferenceNo": "x" * 65}, "4005201"),
        ({"originalReferenceNo": None}, "4005202"),
    ],
)
async def test_a_wrong_notice_gets_the_code_of_the_standard_and_books_nothing(
    town: Town, change: dict[str, Any], wanted: str
) -> None:
    fields: dict[str, Any] = {"amount": rupiah(1)} | change
    number, status = fields.pop("originalReferenceNo", "STRANGE-1"), fields.pop("latestTransactionStatus", "00")
    assert code(await notify(town.acquirer, number, status, **fields)) == wanted
    assert await town.suspense() == 0


async def test_a_forged_notice_is_refused(town: Town) -> None:
    _, number = await live(town)
    town.acquirer.secret = "another-secret-of-the-tests"
    assert code(await notify(town.acquirer, number, amount=rupiah(36_800))) == "4015200"
    assert await town.payments() == []


async def test_who_may_not_see_the_payer_sees_no_code(town: Town) -> None:
    foreign = [
        town.h.token(roles=["agent"], agent_id=UUID(int=1)),
        town.h.token(roles=["officer"], branch_id=UUID(int=1)),
        town.h.token(roles=["participant"], participant_id=UUID(int=1)),
    ]
    for headers in foreign:
        for method in ("POST", "GET"):
            path = f"/bills/{town.bill_id}/qr"
            assert (await town.h.client.request(method, path, headers=headers)).status_code == 404
    for role in ("coordinator", "central"):
        headers = town.h.token(roles=[role], branch_id=BRANCH)
        assert (await town.h.client.post(f"/bills/{town.bill_id}/qr", headers=headers)).status_code == 403
    unknown = f"/bills/{UUID(int=5)}/qr"
    assert (await town.h.client.post(unknown, headers=town.headers())).status_code == 404


async def test_a_paid_bill_gets_no_code_and_without_an_acquirer_none_is_offered(town: Town, stack: Stack) -> None:
    bank = await Bank(town.h).enable()
    assert code(await bank.buy(town.who.code)) == "2002500"
    assert (await town.ask()).json()["code"] == "bill_not_open"
    async with harness(SERVICE, stack) as other:
        headers = other.token(roles=["agent"], agent_id=AGENT)
        who = await register(other)
        (bill,) = (await other.client.get(f"/bills?participant_id={who.participant_id}", headers=headers)).json()
        answer = await other.client.post(f"/bills/{bill['bill_id']}/qr", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "qr_not_offered")


async def test_an_acquirer_that_nobody_agreed_with_is_named_as_such(town: Town) -> None:
    """Another one serves this very bill: the wrong name is the whole trouble."""
    path = f"/bills/{town.bill_id}/qr"
    refused = await town.h.client.post(f"{path}?acquirer=nobody", headers=town.headers())
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        422,
        "acquirer_unknown",
        "acquirer",
    )
    assert (await town.h.client.get(path, headers=town.headers())).status_code == 404


async def test_a_code_of_a_bill_that_was_paid_otherwise_brings_its_money_to_suspense(town: Town) -> None:
    reference, number = await live(town)
    bank = await Bank(town.h).enable()
    assert code(await bank.buy(town.who.code)) == "2002500"
    await shows_no_living_code(town)
    await notify(town.acquirer, number, originalPartnerReferenceNo=reference, amount=rupiah(36_800))
    assert await town.suspense() == 36_800
    assert (await town.shown())["state"] == "PAID"


async def shows_no_living_code(town: Town) -> None:
    found = await town.shown()
    assert (found["state"], found["content"], found["reason"]) == ("CLOSED", None, "bill_ended")
    assert (await town.ask()).json()["code"] == "bill_not_open"


async def test_a_code_is_dead_as_soon_as_its_bill_is_replaced(town: Town) -> None:
    await live(town)
    wanted = {"participant_id": str(town.who.participant_id), "months": 3}
    headers = town.h.token(roles=["agent"], agent_id=AGENT)
    assert (await town.h.client.post("/bills", json=wanted, headers=headers)).status_code == 201
    await shows_no_living_code(town)


async def test_a_code_is_dead_from_the_instant_at_which_its_bill_expires(town: Town) -> None:
    await live(town)
    town.h.clock.set(at(2025, 11, 1, 0))
    await shows_no_living_code(town)
