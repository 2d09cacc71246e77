"""Calls of a bank that are well formed and still cannot be served: each case has its code, and a refusal books nothing.

What is posted is what the first result of each payment id says, whatever comes after it under the same id.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import unlike
from tests.faults.inputs.test_http_callers import away
from tests.faults.inputs.test_snap_rows import PRICE, USED_UP, answered, body_of, other_bank
from tests.faults.threats.canaries import in_database, spilt
from tests.faults.threats.served import served
from tests.faults.trial import Trial, nothing_changes, unchanged
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
    bank: Bank, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """SPEC refuses every reuse; BCA answers the same content again and refuses another. Tomorrow both may use it anew."""
    h, trial, bca = bank.h, Trial(), await other_bank(bank.h).enable(repeat_profile="BCA")
    for turn in range(scale(test=3, long=100)):
        one, two = await register(h), await register(h)
        same: dict[str, str | None] = {"X-EXTERNAL-ID": f"{dice.randrange(10**12)}{turn}"}
        pairs = ((bank, one), (bca, two))
        first = [await own.pay(who.code, PRICE, f"P-{turn}", headers=same) for own, who in pairs]
        async with unchanged(h, trial.wrong):
            again = [await own.pay(who.code, PRICE, f"P-{turn}", headers=same) for own, who in pairs]
            other = [await own.pay(two.code, PRICE + 1, f"Q-{turn}", headers=same) for own in (bank, bca)]
        found = [code(answer) for answer in (*first, *again, *other)]
        told = ["2002500", "2002500", "4092500", "4042518", "4092500", "4092500"]
        trial.take(unlike(("posted, then 409 or the first result", told, found)), tries=len(told))
        h.clock.move_wall(timedelta(days=1))
        for own in (bank, bca):
            own.token = (await own.ask_token()).json()["accessToken"]
            tomorrow = code(await own.inquire(one.code, headers=same))
            trial.take(unlike(("judged afresh tomorrow", "4042414", tomorrow)))
    trial.ends(evidence)


@pytest.mark.cell("input.snap.number", fault="inputs", service="payments")
async def test_a_number_that_cannot_be_paid_has_the_code_of_its_reason_and_books_nothing(
    bank: Bank, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    h = bank.h
    await other_bank(h).enable()
    blocked, expired, paid, owing = [await register(h) for _ in range(4)]
    bought = (await bank.buy(blocked.code)).json()["virtualAccountData"]["billDetails"][0]["billerReferenceId"]
    await refuse(h, blocked, PaymentId(UUID(bought)), RefusalReason.NIK_TAKEN)
    assert code(await bank.buy(paid.code)) == "2002500"
    h.clock.set(at(2025, 11, 10))
    unpaid = await register(h)
    await expire_registration(h, expired)
    await bank.buy(paid.code)
    books = await _posted(h), await _suspense(h)
    async with nothing_changes(h, evidence, grown=USED_UP) as trial:
        for _ in range(scale(test=2, long=100)):
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
                trial.take(answered(row, await bank.pay(number, amount, **flag), f"40425{paying}"))
                if asking:
                    trial.take(answered(row, await bank.inquire(number), f"40424{asking}"))
            foreign = body_of(bank, "payment", owing.code, "F-1")
            for prefix, number in (("8200", "12"), ("9999", "16")):
                named = {"partnerServiceId": prefix, "virtualAccountNo": prefix + owing.code}
                trial.take(answered("foreign", await bank.send("payment", foreign | named), f"40425{number}"))
        trial.wrong += unlike(("books", books, (await _posted(h), await _suspense(h))))


@pytest.mark.cell("input.snap.repeat", fault="inputs", service="payments")
async def test_a_payment_id_keeps_its_first_result(
    bank: Bank, evidence: Evidence, dice: random.Random, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    each, trial, alarms = scale(test=4, long=200), Trial(), 0
    for turn in range(each):
        who, other, name = await register(bank.h), await register(bank.h), f"P-{turn}"
        first = await bank.pay(who.code, PRICE, name)
        async with unchanged(bank.h, trial.wrong, grown=USED_UP):
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
                trial.take(wrong := unlike(("repeat", expected, code(answer))))
                if not wrong and expected in ("4042518", "2002500"):
                    told = [one.json()["virtualAccountData"] for one in (first, answer)]
                    same = told[0]["billDetails"] == told[1]["billDetails"] and told[1]["paymentFlagStatus"] == "00"
                    trial.wrong += unlike((f"the first result, told by {expected}", True, same))
            alarms += capsys.readouterr().out.count("payment_id_reused")
    trial.wrong += unlike(("alarms", 3 * each, alarms))
    trial.ends(evidence)


@pytest.mark.cell("input.snap.nik", fault="inputs", service="payments")
async def test_a_nik_as_customer_number_is_a_number_like_any_and_lies_nowhere(
    bank: Bank, evidence: Evidence, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    each, wrong, niks = scale(test=4, long=200), list[Violation](), list[bytes]()
    capsys.readouterr()
    for turn in range(each):
        who = await register(bank.h)
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
        wrong += unlike(*(("nik", expected, code(answer)) for answer, expected in calls))
        niks += [who.nik.encode(), unknown.encode()]
    wrong += spilt("logs", [capsys.readouterr().out.encode()], niks)
    looked, stored = await in_database(bank.h, niks)
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
            async with unchanged(h, wrong), away(h, stack):
                for answer, expected in (
                    (await bank.pay(who.code, PRICE, f"A-{turn}"), "5002500"),
                    (await bank.inquire(who.code), "5002400"),
                    (await bank.status(who.code, paymentRequestId=f"A-{turn}"), "5002600"),
                ):
                    wrong += answered("away", answer, expected)
                wrong += answered("away", await bank.ask_token(), "5007300")
            async with h.app.engine.connect() as blocking:
                await blocking.exec_driver_sql("LOCK TABLE payments IN EXCLUSIVE MODE")
                wrong += answered("late", await bank.pay(late.code, PRICE, f"L-{turn}"), "5042500")
            for person, name in ((who, f"A-{turn}"), (late, f"L-{turn}")):
                repeat = code(await bank.pay(person.code, PRICE, name, flagAdvise="Y"))
                status = code(await bank.status(person.code, paymentRequestId=name))
                wrong += unlike((f"{name[0]} afterwards", ("2002500", "2002600"), (repeat, status)))
        wrong += unlike(("posted", sorted(f"{kind}-{turn}" for kind in "AL" for turn in range(each)), await _posted(h)))
    evidence.fired(5 * each, of=5 * each, unit="request")
    evidence.holds("inputs.answers", checked=9 * each, violations=wrong)
