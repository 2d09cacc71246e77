"""Calls of a bank that are well formed and still cannot be served: each case has its code, and a refusal books nothing.

What is posted is what the first result of each payment id says, whatever comes after it under the same id.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd
from tests.faults.inputs.test_http_callers import away
from tests.faults.inputs.test_snap_rows import PRICE, USED_UP, answered, body_of
from tests.faults.threats.canaries import in_database, spilt
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.served import served
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.people import expire_registration, refuse, register
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
ADVICE: Sequence[Mapping[str, Any]] = ({}, {"flagAdvise": "Y"}, {"flagAdvise": "N"})


async def _posted(h: Harness) -> list[str]:
    return sorted(
        str(vars(r.event)["channel_reference"]) for r in await h.events() if r.event.type == "ContributionPaid"
    )


async def _suspense(h: Harness) -> int:
    books = await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))
    assert books.json()["imbalance"] == 0
    return int(books.json()["suspense"])


@pytest.mark.cell("input.snap.external-id", fault="inputs", service="payments")
async def test_an_external_id_counts_once_a_day_of_jakarta(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    """SPEC refuses every reuse; BCA answers the same content again and refuses another. Tomorrow both may use it anew."""
    dice, each, wrong = random.Random(seed), scale(test=3, long=100), list[Violation]()
    async with served("payments", stack) as h:
        spec = await Bank(h).enable()
        bca = await Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200").enable(
            repeat_profile="BCA"
        )
        for turn in range(each):
            one, two = await register(h), await register(h)
            same: dict[str, str | None] = {"X-EXTERNAL-ID": f"{dice.randrange(10**12)}{turn}"}
            pairs = ((spec, one), (bca, two))
            first, again = list[httpx.Response](), list[httpx.Response]()
            for bank, who in pairs:
                first.append(await bank.pay(who.code, PRICE, f"P-{turn}", headers=same))
            before = await picture(h)
            for bank, who in pairs:
                again.append(await bank.pay(who.code, PRICE, f"P-{turn}", headers=same))
            other = [await bank.pay(two.code, PRICE + 1, f"Q-{turn}", headers=same) for bank in (spec, bca)]
            found = [code(answer) for answer in (*first, *again, *other)]
            if found != ["2002500", "2002500", "4092500", "4042518", "4092500", "4092500"]:
                wrong.append(odd("external id", turn, "posted, then 409 or the first result", found))
            wrong += changes(before, await picture(h))
            h.clock.move_wall(timedelta(days=1))
            for bank in (spec, bca):
                bank.token = (await bank.ask_token()).json()["accessToken"]
                if (tomorrow := code(await bank.inquire(one.code, headers=same))) != "4042414":
                    wrong.append(odd("external id", "tomorrow", "judged afresh", tomorrow))
    evidence.fired(8 * each, of=8 * each, unit="request")
    evidence.holds("inputs.answers", checked=8 * each, violations=wrong)


@pytest.mark.cell("input.snap.number", fault="inputs", service="payments")
async def test_a_number_that_cannot_be_paid_has_the_code_of_its_reason_and_books_nothing(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    dice, each = random.Random(seed), scale(test=2, long=100)
    async with served("payments", stack) as h:
        bank = await Bank(h).enable()
        await Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200").enable()
        blocked, expired, paid, owing = [await register(h) for _ in range(4)]
        bought = (await bank.buy(blocked.code)).json()["virtualAccountData"]["billDetails"][0]["billerReferenceId"]
        await refuse(h, blocked, PaymentId(UUID(bought)), RefusalReason.NIK_TAKEN)
        assert code(await bank.buy(paid.code)) == "2002500"
        h.clock.set(at(2025, 11, 10))
        unpaid = await register(h)
        await expire_registration(h, expired)
        await bank.buy(paid.code)
        before, held, money = await picture(h), await _posted(h), await _suspense(h)
        wrong, tried = list[Violation](), 0
        for _ in range(each):
            unknown, off = f"99{dice.randrange(10**11):011d}", PRICE + dice.choice([-1, 1]) * dice.randrange(1, PRICE)
            cases: Sequence[tuple[str, str, int, str, str | None]] = (
                ("unknown", unknown, PRICE, "12", "12"),
                ("blocked", blocked.code, PRICE, "12", "12"),
                ("expired", expired.code, PRICE, "19", "19"),
                ("wrong amount", unpaid.code, off, "13", None),
                ("paid", paid.code, PRICE, "14", "14"),
            )
            for row, number, amount, paying, asking in cases:
                flag: Mapping[str, Any] = dice.choice(ADVICE)
                wrong += answered(row, await bank.pay(number, amount, **flag), f"40425{paying}")
                wrong += answered(row, await bank.inquire(number), f"40424{asking}") if asking else []
                tried += 1 + bool(asking)
            foreign = body_of(bank, "payment", owing.code, "F-1")
            for prefix, number in (("8200", "12"), ("9999", "16")):
                named = {"partnerServiceId": prefix, "virtualAccountNo": prefix + owing.code}
                wrong += answered("foreign", await bank.send("payment", foreign | named), f"40425{number}")
                tried += 1
        if (await _posted(h), await _suspense(h)) != (held, money):
            wrong.append(odd("books", "", "nothing", "something"))
        changed = changes(before, await picture(h), grown=USED_UP)
    evidence.fired(tried, of=tried, unit="request")
    evidence.holds("inputs.answers", checked=tried, violations=wrong)
    evidence.holds("inputs.unchanged", checked=before.rows, violations=changed)


@pytest.mark.cell("input.snap.repeat", fault="inputs", service="payments")
async def test_a_payment_id_keeps_its_first_result(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    dice, each, wrong = random.Random(seed), scale(test=4, long=200), list[Violation]()
    async with served("payments", stack) as h:
        bank, alarms = await Bank(h).enable(), 0
        for turn in range(each):
            who, other, name = await register(h), await register(h), f"P-{turn}"
            first = await bank.pay(who.code, PRICE, name)
            before = await picture(h)
            capsys.readouterr()
            repeats: list[tuple[str, dict[str, Any], str]] = [
                (who.code, {"amount": PRICE}, "4042518"),
                (who.code, {"amount": PRICE, "flagAdvise": "Y"}, "2002500"),
                (who.code, {"amount": PRICE + dice.randrange(1, 10**6)}, "4042513"),
                (other.code, {"amount": PRICE}, "4042512"),
                (f"99{dice.randrange(10**11):011d}", {"amount": PRICE}, "4042512"),
            ]
            dice.shuffle(repeats)
            for number, content, expected in repeats:
                answer = await bank.pay(number, request_id=name, **content)
                if code(answer) != expected:
                    wrong.append(odd("repeat", expected, expected, code(answer)))
                elif expected in ("4042518", "2002500"):
                    told = [one.json()["virtualAccountData"] for one in (first, answer)]
                    if told[0]["billDetails"] != told[1]["billDetails"] or told[1]["paymentFlagStatus"] != "00":
                        wrong.append(odd("repeat", expected, "the first result", "another"))
            alarms += capsys.readouterr().out.count("payment_id_reused")
            wrong += changes(before, await picture(h), grown=USED_UP)
        if alarms != 3 * each:
            wrong.append(odd("alarms", "", 3 * each, alarms))
    evidence.fired(5 * each, of=5 * each, unit="request")
    evidence.holds("inputs.answers", checked=5 * each, violations=wrong)


@pytest.mark.cell("input.snap.nik", fault="inputs", service="payments")
async def test_a_nik_as_customer_number_is_a_number_like_any_and_lies_nowhere(
    stack: Stack, evidence: Evidence, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    each, wrong, niks = scale(test=4, long=200), list[Violation](), list[bytes]()
    async with served("payments", stack) as h:
        bank = await Bank(h).enable()
        capsys.readouterr()
        for turn in range(each):
            who = await register(h)
            unknown = str(int(who.nik) + 5_000_000_000)
            calls = [
                (await bank.inquire(unknown), "4042412"),
                (await bank.pay(unknown, PRICE), "4042512"),
                (await bank.inquire(who.nik, f"N-{turn}"), "2002400"),
                (await bank.pay(who.nik, PRICE + 1, f"N-{turn}"), "4042513"),
                (await bank.pay(who.nik, PRICE, f"N-{turn}"), "2002500"),
                (await bank.status(who.nik, paymentRequestId=f"N-{turn}"), "2002600"),
                (await bank.inquire(who.nik), "4042414"),
            ]
            wrong += [odd("nik", expected, expected, code(one)) for one, expected in calls if code(one) != expected]
            niks += [who.nik.encode(), unknown.encode()]
        wrong += spilt("logs", [capsys.readouterr().out.encode()], niks)
        looked, stored = await in_database(h, niks)
    evidence.fired(7 * each, of=7 * each, unit="request")
    evidence.holds("inputs.answers", checked=7 * each + looked, violations=[*wrong, *stored])


@pytest.mark.cell("input.snap.outage", fault="inputs", service="payments")
async def test_an_outage_posts_nothing_or_is_found_by_status(stack: Stack, evidence: Evidence, scale: Scale) -> None:
    """Database away: 500 and nothing posted. A lock held past the budget: 504, and the repeat and the status tell what became of it."""
    each, wrong = scale(test=2, long=50), list[Violation]()
    async with served("payments", stack, answer_budget_s=0.5) as h:
        bank = await Bank(h).enable()
        for turn in range(each):
            who, late = await register(h), await register(h)
            before = await picture(h)
            async with away(h, stack):
                for answer, expected in (
                    (await bank.pay(who.code, PRICE, f"A-{turn}"), "5002500"),
                    (await bank.inquire(who.code), "5002400"),
                    (await bank.status(who.code, paymentRequestId=f"A-{turn}"), "5002600"),
                ):
                    wrong += answered("away", answer, expected)
                wrong += answered("away", await bank.ask_token(), "5007300")
            wrong += changes(before, await picture(h))
            async with h.app.engine.connect() as blocking:
                await blocking.exec_driver_sql("LOCK TABLE payments IN EXCLUSIVE MODE")
                wrong += answered("late", await bank.pay(late.code, PRICE, f"L-{turn}"), "5042500")
            for person, name in ((who, f"A-{turn}"), (late, f"L-{turn}")):
                repeat = code(await bank.pay(person.code, PRICE, name, flagAdvise="Y"))
                status = code(await bank.status(person.code, paymentRequestId=name))
                if (repeat, status) != ("2002500", "2002600"):
                    wrong.append(odd("afterwards", name[0], "2002500, 2002600", f"{repeat}, {status}"))
        if (posted := await _posted(h)) != sorted(f"{kind}-{turn}" for turn in range(each) for kind in "AL"):
            wrong.append(odd("posted", "", 2 * each, len(posted)))
    evidence.fired(5 * each, of=5 * each, unit="request")
    evidence.holds("inputs.answers", checked=9 * each, violations=wrong)
