"""Payment (25): once, in full, or not at all; the table of snap.md section 8, and 12.8, 12.9, 12.14 and 12.15."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.service import App
from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from services.payments.app import SERVICE
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.people import AGENT, expire_registration, refuse, register
from tests.support.service import Harness, harness, settings_for
from tests.support.stack import Stack


async def posted(h: Harness) -> list[str]:
    return [r.event.channel_reference for r in await h.events() if r.event.type == "ContributionPaid"]  # type: ignore[attr-defined]


async def books(h: Harness) -> dict[str, Any]:
    response = await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))
    found: dict[str, Any] = response.json()
    assert found["imbalance"] == 0
    return found


async def issue(h: Harness, who: Any, months: int) -> None:
    wanted = {"participant_id": str(who.participant_id), "months": months}
    response = await h.client.post("/bills", json=wanted, headers=h.token(roles=["agent"], agent_id=AGENT))
    assert response.status_code == 201


async def test_the_exact_amount_posts_once_and_optional_fields_come_back(h: Harness, bank: Bank) -> None:
    who = await register(h)
    optional: dict[str, Any] = {
        "trxId": "T-1",
        "referenceNo": "123456789012345",
        "journalNum": "000001",
        "paymentType": 1,
        "flagAdvise": "N",
        "paidBills": "95000",
        "virtualAccountEmail": "contoh@example.com",
        "virtualAccountPhone": "081200000000",
        "freeTexts": [{"english": "thanks", "indonesia": "terima kasih"}],
        "additionalInfo": {"terminal": "7"},
        "totalAmount": {"value": "36800", "currency": "IDR"},
    }
    response = await bank.pay(who.code, "36800", "PAY-1", **optional)
    told = response.json()["virtualAccountData"]
    assert code(response) == "2002500"
    assert told["paidAmount"] == told["totalAmount"] == {"value": "36800.00", "currency": "IDR"}
    assert told["paymentFlagStatus"] == "00"
    assert told["paymentType"] == "1"
    for name in ("trxId", "referenceNo", "journalNum", "flagAdvise", "paidBills", "virtualAccountEmail", "freeTexts"):
        assert told[name] == optional[name]
    assert response.json()["additionalInfo"]["terminal"] == "7"
    assert (await books(h))["contributions"] == 36_800
    assert await posted(h) == ["PAY-1"]


async def test_the_event_tells_who_when_and_under_which_rules(h: Harness, bank: Bank) -> None:
    who = await register(h)
    earlier = (h.clock.business() - timedelta(minutes=3)).isoformat(timespec="seconds")
    await bank.pay(who.code, 36_800, "PAY-1", trxDateTime=earlier)
    (paid,) = [r for r in await h.events("contributions") if r.event.type == "ContributionPaid"]
    assert paid.envelope.actor == "partner:bank-a"
    assert (paid.envelope.branch_id, paid.envelope.agent_id) == (UUID(int=0xB), AGENT)
    assert paid.event.effective_at == h.clock.business() - timedelta(minutes=3)  # type: ignore[attr-defined]
    assert paid.event.posted_at == h.clock.business()  # type: ignore[attr-defined]


async def test_refusals_book_nothing(h: Harness, bank: Bank) -> None:
    who, paid, expired = await register(h), await register(h), await register(h)
    await bank.buy(paid.code)
    refusals = [
        (await bank.pay(who.code, 36_799), "4042513"),
        (await bank.pay(who.code, 36_801), "4042513"),
        (await bank.pay(who.code, 36_800, totalAmount={"value": "36801.00", "currency": "IDR"}), "4042513"),
        (await bank.pay("8800000009999", 36_800), "4042512"),
        (await bank.pay(paid.code, 36_800), "4042514"),
        (await bank.pay(paid.code, 36_800, flagAdvise="Y"), "4042514"),
    ]
    long_ago = (h.clock.business() - timedelta(days=8)).isoformat(timespec="seconds")
    refusals.append((await bank.pay(who.code, 36_800, trxDateTime=long_ago), "4042519"))
    h.clock.set(at(2025, 11, 10))
    await expire_registration(h, expired)
    refusals.append((await bank.pay(expired.code, 36_800), "4042519"))
    for response, expected in refusals:
        assert code(response) == expected
        told = response.json()["virtualAccountData"]
        assert told["paymentFlagStatus"] == "01"
        assert set(told["paymentFlagReason"]) == {"english", "indonesia"}
    assert len(await posted(h)) == 1
    found = await books(h)
    assert (found["contributions"], found["suspense"]) == (36_800, 0)


async def test_the_table_of_repeats(h: Harness, bank: Bank) -> None:
    who, other = await register(h), await register(h)
    first = await bank.pay(who.code, 36_800, "PAY-1")
    again = await bank.pay(who.code, 36_800, "PAY-1")
    advice = await bank.pay(who.code, 36_800, "PAY-1", flagAdvise="Y")
    assert [code(r) for r in (first, again, advice)] == ["2002500", "4042518", "2002500"]
    for response in (again, advice):
        told = response.json()["virtualAccountData"]
        assert told["paymentFlagStatus"] == "00"
        assert told["billDetails"] == first.json()["virtualAccountData"]["billDetails"]
    assert code(await bank.pay(who.code, 36_801, "PAY-1")) == "4042513"
    assert code(await bank.pay(other.code, 36_800, "PAY-1")) == "4042512"
    assert code(await bank.pay("8800000009999", 36_800, "PAY-1")) == "4042512"
    assert code(await bank.pay(who.code, 36_800, "PAY-2")) == "4042514"
    assert code(await bank.pay(other.code, 36_800, "ADV-1", flagAdvise="Y")) == "2002500"  # our answer got lost
    assert await posted(h) == ["PAY-1", "ADV-1"]


async def test_an_id_that_was_refused_is_judged_afresh(h: Harness, bank: Bank) -> None:
    who = await register(h)
    assert code(await bank.pay(who.code, 1, "PAY-1")) == "4042513"
    assert code(await bank.pay(who.code, 36_800, "PAY-1")) == "2002500"


async def test_a_payment_is_never_taken_for_a_repeat_of_its_inquiry(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.inquire(who.code, "SAME")
    assert code(await bank.pay(who.code, 36_800, "SAME")) == "2002500"


async def test_one_hundred_parallel_copies_post_once(h: Harness, bank: Bank) -> None:
    who = await register(h)
    answers = await asyncio.gather(*(bank.pay(who.code, 36_800, "PAY-1") for _ in range(100)))
    found = sorted(code(a) for a in answers)
    assert found == ["2002500"] + ["4042518"] * 99
    assert await posted(h) == ["PAY-1"]
    assert (await books(h))["contributions"] == 36_800


async def test_racing_payments_of_one_bill_post_one_and_tell_the_others(h: Harness, bank: Bank) -> None:
    who = await register(h)
    answers = await asyncio.gather(*(bank.pay(who.code, 36_800, f"PAY-{n}") for n in range(50)))
    assert sorted(code(a) for a in answers) == ["2002500"] + ["4042514"] * 49
    assert len(await posted(h)) == 1


async def test_one_id_racing_for_two_numbers_posts_one(h: Harness, bank: Bank) -> None:
    one, other = await register(h), await register(h)
    answers = await asyncio.gather(*(bank.pay(who.code, 36_800, "PAY-1") for who in (one, other) for _ in range(5)))
    assert sorted(code(a) for a in answers).count("2002500") == 1
    assert {code(a) for a in answers} == {"2002500", "4042518", "4042512"}
    assert len(await posted(h)) == 1


async def test_repeats_of_the_whole_call_follow_the_profile(h: Harness, bank: Bank) -> None:
    bca = await Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200").enable(
        repeat_profile="BCA"
    )
    one, other = await register(h), await register(h)
    same: dict[str, str | None] = {"X-EXTERNAL-ID": "77"}
    assert code(await bank.pay(one.code, 36_800, "PAY-1", headers=same)) == "2002500"
    assert code(await bank.pay(one.code, 36_800, "PAY-1", headers=same)) == "4092500"
    assert code(await bca.pay(other.code, 36_800, "PAY-1", headers=same)) == "2002500"
    assert code(await bca.pay(other.code, 36_800, "PAY-1", headers=same)) == "4042518"
    assert code(await bca.pay(other.code, 36_800, "PAY-1", headers=same, flagAdvise="Y")) == "4092500"
    assert len(await posted(h)) == 2


async def test_two_partners_use_the_same_ids_without_meeting(h: Harness, bank: Bank) -> None:
    other = await Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200").enable()
    one, two = await register(h), await register(h)
    assert code(await bank.pay(one.code, 36_800, "PAY-1")) == "2002500"
    assert code(await other.pay(two.code, 36_800, "PAY-1")) == "2002500"
    assert code(await other.status(one.code, paymentRequestId="PAY-1")) == "4042601"


class TestTime:
    async def test_a_first_bill_is_not_carried_across_its_month(self, h: Harness, bank: Bank) -> None:
        h.clock.set(at(2025, 10, 31, 23, 55))
        who = await register(h)
        await bank.inquire(who.code, "REQ-1")
        h.clock.set(at(2025, 11, 1, 0, 5))
        assert code(await bank.pay(who.code, 36_800, "REQ-1")) == "4042519"
        in_time = at(2025, 10, 31, 23, 59).isoformat()
        assert code(await bank.pay(who.code, 36_800, "REQ-1", trxDateTime=in_time)) == "2002500"

    async def test_a_standard_quote_is_honoured_for_fifteen_minutes(self, h: Harness, bank: Bank) -> None:
        one, two = await register(h), await register(h)
        for who in (one, two):
            await bank.buy(who.code)
        h.clock.set(at(2025, 11, 30, 23, 50))
        for n, who in enumerate((one, two)):
            assert code(await bank.inquire(who.code, f"REQ-{n}")) == "2002400"
        await h.due("bill-expiry")
        h.clock.set(at(2025, 12, 1, 0, 5))
        await h.due("bill-expiry")
        assert code(await bank.pay(one.code, 36_800, "REQ-0")) == "2002500"
        h.clock.set(at(2025, 12, 1, 0, 6))
        assert code(await bank.pay(two.code, 36_800, "REQ-1")) == "4042519"
        quoted = (await bank.inquire(two.code)).json()["virtualAccountData"]
        assert quoted["totalAmount"]["value"] == "73600.00"

    async def test_offsets_are_understood_and_the_future_is_cut_down_to_now(self, h: Harness, bank: Bank) -> None:
        one, two, three = await register(h), await register(h), await register(h)
        now = h.clock.business()
        for who, time in (
            (one, now.isoformat(timespec="seconds").replace("+00:00", "Z")),
            (two, (now + timedelta(hours=3)).isoformat(timespec="seconds")),
            (three, "20251006T015959Z"),
        ):
            assert code(await bank.pay(who.code, 36_800, trxDateTime=time)) == "2002500"
        effective = [r.event.effective_at for r in await h.events() if r.event.type == "ContributionPaid"]  # type: ignore[attr-defined]
        assert effective == [now, now, now - timedelta(seconds=1)]

    async def test_without_a_time_the_receipt_counts(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        body = bank.payment(who.code, 36_800, "PAY-1")
        del body["trxDateTime"]
        assert code(await bank.send("payment", body)) == "2002500"

    async def test_a_late_payment_of_an_expired_registration_reaches_suspense_when_refused(
        self, h: Harness, bank: Bank
    ) -> None:
        """T2 and "late and losing payments": in time by effective_at, refused by registration, never lost."""
        h.clock.set(at(2025, 10, 6))
        who = await register(h)
        h.clock.set(at(2025, 11, 4))
        await bank.inquire(who.code)
        h.clock.set(at(2025, 11, 7))
        await expire_registration(h, who)
        in_time = at(2025, 11, 4, 10).isoformat()
        response = await bank.pay(who.code, 36_800, "LATE-1", trxDateTime=in_time)
        assert code(response) == "2002500"
        payment_id = PaymentId(UUID(response.json()["virtualAccountData"]["billDetails"][0]["billerReferenceId"]))
        await refuse(h, who, payment_id, RefusalReason.NIK_TAKEN)
        found = await books(h)
        assert (found["contributions"], found["suspense"]) == (0, 36_800)
        assert code(await bank.status(who.code, paymentRequestId="LATE-1")) == "2002600"
        assert code(await bank.pay(who.code, 36_800, "LATE-1")) == "4042518"


async def test_a_replaced_bill_can_still_be_paid_as_quoted(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.inquire(who.code, "REQ-1")
    await issue(h, who, 3)
    assert code(await bank.pay(who.code, 36_800, "REQ-1")) == "2002500"
    assert code(await bank.pay(who.code, 110_400)) == "4042514"
    shown = await h.client.get(f"/bills?participant_id={who.participant_id}", headers=h.token(roles=["central"]))
    assert [(b["status"], b["reason"]) for b in shown.json()] == [("CANCELLED", "superseded"), ("PAID", None)]


async def test_a_year_is_paid_at_once_month_by_month_in_the_books(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await issue(h, who, 12)
    assert code(await bank.buy(who.code)) == "2002500"
    statement = await h.client.get("/ledger/accounts/contributions:jkk/transfers", headers=h.token(roles=["auditor"]))
    assert [t["month"] for t in statement.json()["transfers"]] == [
        *(f"2025-{m}" for m in (10, 11, 12)),
        *(f"2026-{m:02d}" for m in range(1, 10)),
    ]


@asynccontextmanager
async def in_a_hurry(h: Harness) -> AsyncIterator[Harness]:
    """Another process of the service, whose time for an answer is over soon."""
    app = App(SERVICE, settings_for(SERVICE, h.app.settings.database_url, answer_budget_s=0.5), clock=h.clock)
    app.keys.cache.update(h.app.keys.cache)
    other = Harness(SERVICE, app, h.clock)
    try:
        yield other
    finally:
        await other.client.aclose()
        await app.close()


class TestTrouble:
    async def test_an_unknown_outcome_is_504_and_found_later(self, stack: Stack) -> None:
        async with harness(SERVICE, stack) as h:
            bank = await Bank(h).enable()
            who = await register(h)
            await bank.inquire(who.code, "PAY-1")
            async with in_a_hurry(h) as hurried, h.app.engine.connect() as blocking:
                await blocking.exec_driver_sql("LOCK TABLE payments IN EXCLUSIVE MODE")
                response = await replace(bank, h=hurried).pay(who.code, 36_800, "PAY-1")
                assert code(response) == "5042500"
                assert response.json()["virtualAccountData"]["paymentFlagStatus"] == "02"
            assert code(await bank.pay(who.code, 36_800, "PAY-1", flagAdvise="Y")) == "2002500"
            assert code(await bank.status(who.code, paymentRequestId="PAY-1")) == "2002600"
            assert await posted(h) == ["PAY-1"]

    async def test_without_its_database_nothing_is_posted_and_it_recovers_by_itself(self, stack: Stack) -> None:
        async with harness(SERVICE, stack) as h:
            bank = await Bank(h).enable()
            who = await register(h)
            name = h.app.engine.url.database
            async with stack.admin() as admin:
                await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
                await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
                response = await bank.pay(who.code, 36_800, "PAY-1")
                assert code(response) == "5002500"
                assert code(await bank.inquire(who.code)) == "5002400"
                assert code(await bank.ask_token()) == "5007300"
                await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            assert await posted(h) == []
            assert code(await bank.pay(who.code, 36_800, "PAY-1")) == "2002500"

    async def test_kafka_is_not_needed_to_answer_a_bank(self, h: Harness, bank: Bank) -> None:
        """The harness has no broker at all: its address leads nowhere."""
        assert h.app.settings.kafka_bootstrap == "127.0.0.1:1"
        assert code(await bank.buy((await register(h)).code)) == "2002500"
