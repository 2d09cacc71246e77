"""Money that a partner lists and the books lack is booked to suspense by two people: once, and whatever file of the day comes later."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.commands.arrive import ArrivedAs
from services.payments.commands.settlement import reconcile
from services.payments.queries.receipts import Booked, Reference, booked_under
from services.payments.tables import payments
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.office import LATE, NEXT_DAY, NOBODY, Office, account, paid, totals
from tests.integration.payments.people import register
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.integration.payments.test_suspense import account as payee
from tests.integration.payments.test_suspense import approve as agree
from tests.integration.payments.test_suspense import open_bill, propose, queue
from tests.support.service import Harness
from tests.support.settlement import DAY, marked

THE_DAY = f"/settlements/days/bank-a/{DAY}"
DAY_AFTER = f"/settlements/days/bank-a/{NEXT_DAY}"
UNREADABLE = f"D,81001,{DAY},{NOBODY},ODD-1,R-ODD-1,36800.00,0.00,at nine"


def wanted(amount: int, **more: str) -> dict[str, Any]:
    return {"amount": amount, "reason": "came", "evidence": "MT940/1"} | more


async def credit(office: Office, amount: int, evidence: str = "MT940/1", day: str = THE_DAY) -> None:
    assert (await office.post(f"{day}/credits", {"amount": amount, "evidence": evidence})).status_code == 201


async def case_of(office: Office, kind: str) -> dict[str, Any]:
    (case,) = await office.cases(kind=kind)
    return case


async def voided(h: Harness, office: Office, payment_id: str) -> None:
    """The day's file lacks the payment, the partner knows nothing of it, and one more file comes."""
    await office.reconcile(marked())
    case = next(one for one in await office.cases(kind="missing_at_bank") if one["payment_id"] == payment_id)
    await office.post(f"/settlements/cases/{case['case_id']}/status", {"answer": "not_known"})
    await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
    await agree(h, await propose(h, "VOID", payment_id, evidence="TICKET-1"))


async def payment_of(h: Harness, line: Sequence[Any]) -> str:
    """What stands under the line's reference."""
    async with h.app.read() as conn:
        query = sa.select(payments.c.payment_id).where(payments.c.channel_reference == line[0])
        return str((await conn.execute(query)).scalar_one())


def once_more(line: Sequence[Any]) -> bytes:
    """The next day's file with a second debit of this payment, at the time of the first."""
    reference, to, amount, *_ = line
    text = f"D,81001,{NEXT_DAY},{to},{reference},R-{reference},{amount}.00,0.00,{DAY}T09:00:00+07:00"
    return marked(text, day=NEXT_DAY, amount=amount)


def bookings(case: dict[str, Any]) -> str:
    return f"/settlements/cases/{case['case_id']}/bookings"


async def decide(h: Harness, path: str, word: str = "approval", who: str = "central-2") -> httpx.Response:
    return await h.client.post(f"{path}/{word}", headers=h.token(roles=["central"], subject=who))


async def book(h: Harness, office: Office, case: dict[str, Any], amount: int, **more: str) -> str:
    """By two people; the payment that waits in suspense."""
    made = await office.post(bookings(case), wanted(amount, **more))
    assert made.status_code == 201, made.text
    answer = await decide(h, f"{bookings(case)}/{made.json()['proposal_id']}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["payment_id"])


async def stands(office: Office, *names: str) -> list[int]:
    return [await office.balance(name) for name in names]


def code_of(answer: httpx.Response) -> tuple[int, str, str | None]:
    found = answer.json()
    return answer.status_code, found["code"], found.get("field")


class TestTwoPeople:
    async def test_a_surplus_that_came_is_booked_by_another_person_and_the_day_is_settled(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked((line[0], line[1], 40_000, 1_000)))
        await credit(office, 39_000)
        case = await case_of(office, "amount_differs")
        made = await office.post(bookings(case), wanted(3_200))
        assert made.status_code == 201
        waiting = (await office.get(f"/settlements/cases/{case['case_id']}"))["booking"]
        assert waiting == wanted(3_200) | {
            "proposal_id": made.json()["proposal_id"],
            "proposed_by": "central-1",
            "reference": None,
        }
        path = f"{bookings(case)}/{waiting['proposal_id']}"
        assert code_of(await decide(h, path, who="central-1"))[:2] == (409, "same_person")
        assert await stands(office, "suspense", "clearing:bank-a") == [0, 36_800 - 39_000]

        booked = (await decide(h, path)).json()
        assert code_of(await decide(h, path))[:2] == (409, "booking_decided")
        assert await stands(office, "suspense", "clearing:bank-a", "bank:bank-a", "fees:bank-a") == [
            -3_200, 0, 39_000, 1_000,
        ]  # fmt: skip
        found = await office.get(f"/settlements/cases/{case['case_id']}")
        assert (found["outcome"], found["evidence"], found["booking"]) == ("booked_to_suspense", "MT940/1", None)
        day = await office.get(THE_DAY)
        assert (day["status"], day["expected"], day["fees"], day["gap"], day["open_cases"]) == (
            "SETTLED", 39_000, 1_000, 0, 0,
        )  # fmt: skip
        (shown,) = day["differences"]
        assert (shown["case_id"], shown["payment_id"], shown["amount"]) == (
            case["case_id"],
            booked["payment_id"],
            3_200,
        )
        (waits,) = await queue(h)
        assert (waits["reason"], waits["partner"], waits["held"]) == ("amount_differs", "bank-a", 3_200)
        assert waits["participant_id"] is not None

    async def test_it_goes_the_ways_of_money_in_suspense(self, h: Harness, bank: Bank, office: Office) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line, line))
        await credit(office, 71_600)
        payment_id = await book(h, office, await case_of(office, "duplicate"), 36_800)
        who = await register(h)
        bill = await open_bill(h, who)
        await agree(
            h,
            await propose(
                h, "MATCH", payment_id, participant_id=str(who.participant_id), bill_id=bill["bill_id"], amount=36_800
            ),
        )
        assert await stands(office, "suspense", "clearing:bank-a") == [0, 0]

    async def test_it_goes_back_to_the_payer_or_to_the_partners_fees(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked((line[0], line[1], 40_000, 1_000)))
        await credit(office, 39_000)
        payment_id = await book(h, office, await case_of(office, "amount_differs"), 3_200)
        await agree(h, await propose(h, "ASSIGN", payment_id, account="fees:bank-a", amount=200))
        await agree(h, await propose(h, "RETURN", payment_id, payee_account_id=await payee(h)))
        assert await stands(office, "suspense", "refunds-payable", "fees:bank-a") == [0, -3_000, 800]

    async def test_a_proposal_waits_alone_and_one_that_was_refused_may_be_made_again(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line, line))
        await credit(office, 71_600)
        case = await case_of(office, "duplicate")
        first = (await office.post(bookings(case), wanted(36_800))).json()["proposal_id"]
        assert code_of(await office.post(bookings(case), wanted(36_800)))[:2] == (409, "booking_waits")
        assert (await decide(h, f"{bookings(case)}/{first}", "refusal")).status_code == 200
        assert await stands(office, "suspense", "clearing:bank-a") == [0, -35_800]
        await book(h, office, case, 36_800)
        assert code_of(await office.post(bookings(case), wanted(36_800)))[:2] == (409, "case_closed")
        assert await stands(office, "suspense", "clearing:bank-a") == [-36_800, 0]

    async def test_what_cannot_be_booked_is_refused_with_its_field(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        more, less = await paid(h, bank, 2)
        await office.reconcile(
            marked((more[0], more[1], 40_000), (less[0], less[1], 30_000), UNREADABLE, amount=106_800)
        )
        surplus, short = await office.cases(kind="amount_differs")
        odd = await case_of(office, "unreadable")
        for case, body, expected in (
            (surplus, wanted(3_200), (409, "credit_unknown", "evidence")),
            (surplus, wanted(3_201), (409, "difference_of_another_amount", "amount")),
            (surplus, wanted(3_200, reference="X"), (422, "difference_reference", "reference")),
            (short, wanted(6_800), (409, "difference_not_bookable", None)),
            (odd, wanted(36_800), (422, "difference_reference", "reference")),
            (odd, wanted(36_800, reference="a b"), (422, "invalid", "reference")),
            (odd, wanted(0, reference="ODD-1"), (422, "invalid", "amount")),
        ):
            assert code_of(await office.post(bookings(case), body)) == expected
        await credit(office, 3_199)
        assert code_of(await office.post(bookings(surplus), wanted(3_200))) == (409, "credit_too_small", "evidence")
        await credit(office, 36_800, "MT940/2")
        receipt_of = wanted(36_800, reference=more[0]) | {"evidence": "MT940/2"}
        assert code_of(await office.post(bookings(odd), receipt_of)) == (
            409, "receipt_known", "reference",
        )  # fmt: skip
        gap = await case_of(office, "credit_gap")
        assert code_of(await office.post(bookings(gap), wanted(1)))[1] == "difference_not_bookable"
        unknown = {"case_id": UUID(int=1)}
        assert (await office.post(bookings(unknown), wanted(1))).status_code == 404

    async def test_an_account_line_carries_no_more_than_came_on_it(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line, line, line))
        await credit(office, 2 * 35_800 - 1)
        second, third = await office.cases(kind="duplicate")
        made = (await office.post(bookings(third), wanted(36_800))).json()["proposal_id"]
        booked = await book(h, office, second, 36_800)
        refused = await decide(h, f"{bookings(third)}/{made}")
        assert code_of(refused) == (409, "credit_too_small", "evidence")
        assert await stands(office, "suspense") == [-36_800]
        await decide(h, f"{bookings(third)}/{made}", "refusal")

        await office.reconcile(marked(line))
        case = await case_of(office, "missing_at_bank")
        await office.post(f"/settlements/cases/{case['case_id']}/status", {"answer": "not_known"})
        await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        await agree(h, await propose(h, "VOID", booked, evidence="TICKET-1"))
        await office.reconcile(marked(line, line) + b"\n")
        _, newer = await office.cases(kind="duplicate")
        await book(h, office, newer, 36_800)
        assert await stands(office, "suspense") == [-36_800]


class TestLaterFiles:
    @pytest.mark.parametrize("kind", ["amount_differs", "duplicate", "unreadable"])
    async def test_the_same_lines_again_book_nothing_and_are_owed_as_before(
        self, h: Harness, bank: Bank, office: Office, kind: str
    ) -> None:
        (line,) = await paid(h, bank)
        lines: dict[str, tuple[list[Any], int, dict[str, str]]] = {
            "amount_differs": ([(line[0], line[1], 40_000, 1_000)], 3_200, {}),
            "duplicate": ([line, line], 36_800, {}),
            "unreadable": ([line, UNREADABLE], 36_800, {"reference": "ODD-1"}),
        }
        listed, amount, more = lines[kind]
        total = 73_600 if kind == "unreadable" else None
        cash = {"amount_differs": 39_000, "duplicate": 71_600, "unreadable": 72_600}[kind]
        await office.reconcile(marked(*listed, amount=total))
        await credit(office, cash)
        payment_id = await book(h, office, await case_of(office, kind), amount, **more)
        for blank in (1, 2):
            again = await office.reconcile(marked(*listed, amount=total) + b"\n" * blank)
            assert set(totals(again)) == {"matched"}
            assert await office.cases() == []
            day = await office.get(THE_DAY)
            assert (day["status"], day["expected"]) == ("SETTLED", cash)
            assert await stands(office, "suspense", "clearing:bank-a") == [-amount, 0]
        assert [one["payment_id"] for one in await queue(h)] == [payment_id]

    async def test_a_line_that_turns_readable_is_what_was_booked(self, h: Harness, bank: Bank, office: Office) -> None:
        who = await register(h)
        await office.reconcile(marked(UNREADABLE, amount=36_800))
        await credit(office, 36_800)
        case = await case_of(office, "unreadable")
        payment_id = await book(h, office, case, 36_800, reference="ODD-1")
        assert (await office.get(THE_DAY))["status"] == "SETTLED"
        readable = ("ODD-1", account(who), 36_800)
        file = await office.reconcile(marked(("LOST-9", account(who), 36_800, 0), readable))
        first, second = await office.lines(file)
        assert (first["outcome"], second["outcome"], second["payment_id"]) == ("missing_here", "matched", payment_id)
        assert await stands(office, "suspense", "clearing:bank-a") == [-36_800, 36_800]
        assert code(await bank.pay(who.code, 36_800, "ODD-1", **LATE)) != "2002500"
        assert await stands(office, "suspense", "clearing:bank-a") == [-36_800, 36_800]

    async def test_a_case_of_a_file_that_was_replaced_is_not_booked(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line, line))
        await credit(office, 71_600)
        case = await case_of(office, "duplicate")
        made = (await office.post(bookings(case), wanted(36_800))).json()["proposal_id"]
        assert (await office.upload(marked(line, line) + b"\n")).status_code == 202
        assert code_of(await decide(h, f"{bookings(case)}/{made}"))[:2] == (409, "settlement_file_replaced")
        await h.due("settlement-files")
        assert code_of(await decide(h, f"{bookings(case)}/{made}"))[:2] == (409, "settlement_file_replaced")
        _, newer = await office.cases(kind="duplicate")
        await book(h, office, newer, 36_800)
        assert await stands(office, "suspense", "clearing:bank-a") == [-36_800, 0]

    @pytest.mark.parametrize("kind", ["amount_differs", "duplicate"])
    async def test_what_a_corrected_file_no_longer_lists_is_missing_there_and_is_voided_like_any_receipt(
        self, h: Harness, bank: Bank, office: Office, kind: str
    ) -> None:
        (line,) = await paid(h, bank)
        listed, amount = (
            ([(line[0], line[1], 40_000, 1_000)], 3_200) if kind == "amount_differs" else ([line, line], 36_800)
        )
        await office.reconcile(marked(*listed))
        await credit(office, 35_800)
        payment_id = await book(h, office, await case_of(office, kind), amount)
        file = await office.reconcile(marked(line))
        assert totals(file) == {"matched": (1, 36_800), "missing_at_bank": (1, amount)}
        day = await office.get(THE_DAY)
        assert (day["expected"], day["status"]) == (35_800, "SETTLED")
        case = await case_of(office, "missing_at_bank")
        assert case["payment_id"] == payment_id

        await office.reconcile(marked(*listed) + b"\n")
        assert (await office.get(f"/settlements/cases/{case['case_id']}"))["outcome"] == "found_in_file"
        await office.reconcile(marked(line) + b"\n")
        case = await case_of(office, "missing_at_bank")
        await office.post(f"/settlements/cases/{case['case_id']}/status", {"answer": "not_known"})
        await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        await agree(h, await propose(h, "VOID", payment_id, evidence="TICKET-1"))
        assert await stands(office, "suspense", "clearing:bank-a") == [0, 0]
        await office.reconcile(marked(*listed) + b"\n\n")
        await book(h, office, await case_of(office, kind), amount)
        assert await stands(office, "suspense") == [-amount]

    async def test_two_people_at_once_book_it_once(self, h: Harness, bank: Bank, office: Office) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line, line))
        await credit(office, 71_600)
        case = await case_of(office, "duplicate")
        made = (await office.post(bookings(case), wanted(36_800))).json()["proposal_id"]
        path = f"{bookings(case)}/{made}"
        answers = await asyncio.gather(*(decide(h, path, who=f"central-{n}") for n in (2, 3)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert await stands(office, "suspense", "clearing:bank-a") == [-36_800, 0]

    async def test_every_further_debit_is_booked_by_itself(self, h: Harness, bank: Bank, office: Office) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line, line, line))
        await credit(office, 107_400)
        second, third = await office.cases(kind="duplicate")
        await book(h, office, second, 36_800)
        await book(h, office, third, 36_800)
        assert await stands(office, "suspense", "clearing:bank-a") == [-73_600, 0]
        again = await office.reconcile(marked(line, line, line) + b"\n")
        assert totals(again) == {"matched": (3, 110_400)}
        fourth = await office.reconcile(marked(line, line, line, line))
        assert await office.outcomes(fourth) == ["matched", "matched", "matched", "duplicate"]
        tomorrow = await office.reconcile(marked(line, day=NEXT_DAY), NEXT_DAY)
        assert await office.outcomes(tomorrow) == ["duplicate"]


class TestReceiptsThatWereVoided:
    """Nothing stands under their reference, or only what two people booked above it."""

    async def test_a_line_of_another_amount_is_booked_whole_and_once(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await voided(h, office, await payment_of(h, line))
        other = (line[0], line[1], 40_000)
        await office.reconcile(marked(other))
        case = await case_of(office, "amount_differs")
        assert (case["amount_here"], case["amount_there"]) == (0, 40_000)
        await credit(office, 40_000)
        await book(h, office, case, 40_000)
        for blank in (1, 2):
            again = await office.reconcile(marked(other) + b"\n" * blank)
            assert totals(again) == {"matched": (1, 40_000)}
            assert await office.cases() == []
            assert await stands(office, "suspense", "clearing:bank-a") == [-40_000, 0]

    async def test_of_one_that_comes_after_all_the_next_file_offers_the_rest(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await voided(h, office, await payment_of(h, line))
        other = (line[0], line[1], 40_000)
        await office.reconcile(marked(other))
        await credit(office, 40_000)
        case = await case_of(office, "amount_differs")
        made = (await office.post(bookings(case), wanted(40_000))).json()["proposal_id"]
        (late,) = await arrive(h, arrival(h, line[1].removeprefix("8100"), line[0], 36_800))
        assert late.outcome is ArrivedAs.SUSPENDED
        assert code_of(await decide(h, f"{bookings(case)}/{made}"))[:2] == (409, "books_changed")
        assert await stands(office, "suspense") == [-36_800]
        await office.reconcile(marked(other) + b"\n")
        _, case = await office.cases(kind="amount_differs")
        await book(h, office, case, 3_200)
        assert await stands(office, "suspense", "clearing:bank-a") == [-40_000, 0]

    async def test_of_one_whose_rest_was_used_the_next_file_offers_what_lacks_still(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        payment_id, more = await payment_of(h, line), (line[0], line[1], 40_000)
        await office.reconcile(marked(more))
        await credit(office, 40_000)
        rest = await book(h, office, await case_of(office, "amount_differs"), 3_200)
        await agree(h, await propose(h, "RETURN", rest, payee_account_id=await payee(h)))
        await voided(h, office, payment_id)
        await office.reconcile(marked(more) + b"\n")
        case = await case_of(office, "amount_differs")
        assert (case["amount_here"], case["amount_there"]) == (3_200, 40_000)
        await book(h, office, case, 36_800)
        again = await office.reconcile(marked(more) + b"\n\n")
        assert totals(again) == {"matched": (1, 40_000)}
        assert await office.cases() == []
        assert await stands(office, "suspense", "refunds-payable", "clearing:bank-a") == [-36_800, -3_200, 0]

    async def test_a_call_that_posts_it_while_the_file_is_worked_off_leaves_the_rest_alone(
        self, h: Harness, bank: Bank, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        who = await register(h)

        async def overtaken(conn: AsyncConnection, references: Collection[Reference]) -> dict[Reference, Booked]:
            found = await booked_under(conn, references)
            assert code(await bank.pay(who.code, 36_800, "PAY-1")) == "2002500"
            return found

        with monkeypatch.context() as patch:
            patch.setattr(reconcile, "booked_under", overtaken)
            await office.reconcile(marked(("PAY-1", account(who), 40_000)))
        case = await case_of(office, "amount_differs")
        assert (case["amount_here"], case["amount_there"]) == (36_800, 40_000)
        await credit(office, 40_000)
        assert code_of(await office.post(bookings(case), wanted(40_000)))[1] == "difference_of_another_amount"
        await book(h, office, case, 3_200)
        assert await stands(office, "suspense", "clearing:bank-a") == [-3_200, 0]


class TestFilesOfOtherDays:
    """A payment of one day that the file of the next lists again."""

    async def test_a_further_debit_is_looked_for_in_the_files_of_its_day_alone(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line))
        await office.reconcile(once_more(line), NEXT_DAY)
        await credit(office, 36_800, day=DAY_AFTER)
        payment_id = await book(h, office, await case_of(office, "duplicate"), 36_800)
        again = await office.reconcile(marked(line) + b"\n")
        assert totals(again) == {"matched": (1, 36_800)}
        assert await office.cases() == []

        without = await office.reconcile(marked(day=NEXT_DAY), NEXT_DAY)
        assert totals(without) == {"missing_at_bank": (1, 36_800)}
        case = await case_of(office, "missing_at_bank")
        assert (case["payment_id"], case["day"]) == (payment_id, str(NEXT_DAY))
        await office.reconcile(once_more(line) + b"\n", NEXT_DAY)
        assert await office.cases() == []
        assert (await office.get(DAY_AFTER))["gap"] == 0

    async def test_a_line_whose_first_listing_was_replaced_is_no_second_debit(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        await office.reconcile(marked(line))
        await office.reconcile(once_more(line), NEXT_DAY)
        await credit(office, 36_800, day=DAY_AFTER)
        case = await case_of(office, "duplicate")
        made = (await office.post(bookings(case), wanted(36_800))).json()["proposal_id"]
        await office.reconcile(marked())
        refused = await decide(h, f"{bookings(case)}/{made}")
        assert code_of(refused)[:2] == (409, "first_listing_replaced")
        assert (await decide(h, f"{bookings(case)}/{made}", "refusal")).status_code == 200
        assert code_of(await office.post(bookings(case), wanted(36_800)))[1] == "first_listing_replaced"

        again = await office.reconcile(once_more(line) + b"\n", NEXT_DAY)
        assert totals(again) == {"matched": (1, 36_800)}
        assert (await office.get(DAY_AFTER))["status"] == "SETTLED"
        assert await stands(office, "suspense", "clearing:bank-a") == [0, 0]

    async def test_a_second_debit_whose_first_listing_is_replaced_later_lists_that_payment_no_more(
        self, h: Harness, bank: Bank, office: Office
    ) -> None:
        (line,) = await paid(h, bank)
        first = await payment_of(h, line)
        await office.reconcile(marked(line))
        await office.reconcile(once_more(line), NEXT_DAY)
        await credit(office, 36_800, day=DAY_AFTER)
        booked = await book(h, office, await case_of(office, "duplicate"), 36_800)
        await office.reconcile(marked())
        (case,) = await office.cases()
        assert (case["kind"], case["payment_id"], case["day"]) == ("missing_at_bank", first, str(DAY))

        again = await office.reconcile(once_more(line) + b"\n", NEXT_DAY)
        assert totals(again) == {"matched": (1, 36_800), "missing_at_bank": (1, 36_800)}
        (case,) = await office.cases()
        assert (case["kind"], case["payment_id"], case["day"]) == ("missing_at_bank", booked, str(NEXT_DAY))
