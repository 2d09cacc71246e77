"""Inquiry (24): which bill is quoted, to whom, and what is answered when there is none (snap.md section 12.6, 12.7, 12.10 to 12.12)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from services.payments.tables import inquiries
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.people import AGENT, expire_registration, refuse, register
from tests.integration.payments.test_snap_access import count
from tests.support.service import Harness


async def test_an_inquiry_names_payer_months_and_amount_and_echoes_what_it_got(h: Harness, bank: Bank) -> None:
    who = await register(h)
    for psid, number in (
        ("    8100", f"    8100{who.code}"),
        ("8100", f"8100{who.code}"),
        ("8100", f"    8100{who.code}"),
    ):
        body = {
            "partnerServiceId": psid,
            "customerNo": who.code,
            "virtualAccountNo": number,
            "inquiryRequestId": "R  1",
        }
        response = await bank.send("inquiry", body)
        told = response.json()["virtualAccountData"]
        assert code(response) == "2002400"
        assert told.items() >= body.items()
        assert told["virtualAccountName"].startswith("Contoh")
        assert told["totalAmount"] == {"value": "36800.00", "currency": "IDR"}
        assert [bill["billNo"] for bill in told["billDetails"]] == ["202510"]
        assert (told["virtualAccountTrxType"], told["inquiryStatus"]) == ("C", "00")


async def test_unknown_foreign_and_paid_numbers_have_their_own_codes(h: Harness, bank: Bank) -> None:
    other = await Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200").enable()
    who = await register(h)
    assert code(await bank.inquire("8800000009999")) == "4042412"
    bank.prefix = "8200"  # a prefix of another partner is not found, never forbidden
    assert code(await bank.inquire(who.code)) == "4042412"
    bank.prefix = "9999"
    assert code(await bank.inquire(who.code)) == "4042416"
    bank.prefix = "8100"
    assert code(await other.buy(who.code)) == "2002500"
    response = await bank.inquire(who.code)
    told = response.json()["virtualAccountData"]
    assert code(response) == "4042414"
    assert told["inquiryStatus"] == "01"
    assert set(told["inquiryReason"]) == {"english", "indonesia"}


async def test_a_recurring_number_is_payable_again_next_month(h: Harness, bank: Bank) -> None:
    who = await register(h)
    for month in (10, 11, 12):
        h.clock.set(at(2025, month, 10))
        assert code(await bank.buy(who.code)) == "2002500"
        assert code(await bank.inquire(who.code)) == "4042414"
    h.clock.set(at(2026, 3, 10))
    quoted = (await bank.inquire(who.code)).json()["virtualAccountData"]
    assert [bill["billNo"] for bill in quoted["billDetails"]] == ["202601", "202602", "202603"]
    h.clock.set(at(2026, 4, 1, 0))
    quoted = (await bank.inquire(who.code)).json()["virtualAccountData"]
    assert [bill["billNo"] for bill in quoted["billDetails"]] == ["202604"]
    assert quoted["totalAmount"]["value"] == "28400.00"  # a market trader's discount begins


async def test_an_expired_registration_and_a_blocked_payer_have_their_own_codes(h: Harness, bank: Bank) -> None:
    expired, blocked, closed = await register(h), await register(h), await register(h)
    for who, reason in ((blocked, RefusalReason.NIK_TAKEN), (closed, RefusalReason.PARTICIPANT_CLOSED)):
        paid = (await bank.buy(who.code)).json()["virtualAccountData"]["billDetails"][0]["billerReferenceId"]
        await refuse(h, who, PaymentId(UUID(paid)), reason)
    h.clock.set(at(2025, 11, 6))
    assert code(await bank.inquire(expired.code)) == "4042419"
    await expire_registration(h, expired)
    assert code(await bank.inquire(expired.code)) == "4042419"
    assert code(await bank.inquire(blocked.code)) == "4042412"
    assert code(await bank.inquire(closed.code)) == "4032415"


async def test_a_nik_is_looked_up_and_neither_stored_nor_logged(
    h: Harness, bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    who = await register(h)
    response = await bank.inquire(who.nik, "REQ-1")
    assert code(response) == "2002400"
    assert response.json()["virtualAccountData"]["customerNo"] == who.nik
    assert code(await bank.pay(who.nik, 36_800, "REQ-1")) == "2002500"
    assert code(await bank.pay(who.nik, 36_800, "REQ-1")) == "4042518"
    assert code(await bank.inquire("3671999999999999")) == "4042412"
    assert code(await bank.pay(who.nik, 1, "REQ-1")) == "4042513"  # an alarm goes to the log
    written = capsys.readouterr()
    assert "payment_id_reused" in written.out
    assert who.nik not in written.out + written.err
    async with h.app.read() as conn:
        names = await conn.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        for (table,) in names.all():
            rows = (await conn.exec_driver_sql(f'SELECT * FROM "{table}"')).all()
            assert who.nik not in str(rows), table
            assert who.nik.encode().hex() not in str([bytes(c).hex() for r in rows for c in r if isinstance(c, bytes)])


async def test_of_two_registrations_of_one_nik_the_later_is_meant(h: Harness, bank: Bank) -> None:
    first = await register(h)
    h.clock.set(at(2025, 11, 6))
    await expire_registration(h, first)
    second = await register(h, nik=first.nik)
    assert code(await bank.inquire(first.nik, "REQ-1")) == "2002400"
    assert code(await bank.pay(first.nik, 36_800, "REQ-1")) == "2002500"
    shown = await h.client.get(f"/payments?participant_id={second.participant_id}", headers=h.token(roles=["central"]))
    assert len(shown.json()) == 1


async def test_an_external_id_holds_for_one_day_and_one_partner(h: Harness, bank: Bank) -> None:
    other = await Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200").enable()
    who = await register(h)
    same: dict[str, str | None] = {"X-EXTERNAL-ID": "77"}
    assert code(await bank.inquire(who.code, headers=same)) == "2002400"
    assert code(await bank.inquire(who.code, headers=same)) == "4092400"
    assert code(await other.inquire(who.code, headers=same)) == "2002400"
    h.clock.move_wall(timedelta(hours=15))  # 00:00 of the next day in Jakarta
    for one in (bank, other):
        one.token = (await one.ask_token()).json()["accessToken"]
    assert code(await bank.inquire(who.code, headers=same)) == "2002400"


async def test_a_refused_call_uses_its_external_id_up_too(h: Harness, bank: Bank) -> None:
    same: dict[str, str | None] = {"X-EXTERNAL-ID": "78"}
    assert code(await bank.send("inquiry", b"not json", same)) == "4002400"
    assert code(await bank.inquire("1", headers=same)) == "4092400"


async def test_profile_bca_answers_the_same_inquiry_again_and_another_not(h: Harness) -> None:
    bank = await Bank(h).enable(repeat_profile="BCA")
    who = await register(h)
    same: dict[str, str | None] = {"X-EXTERNAL-ID": "79"}
    first = await bank.inquire(who.code, "REQ-1", headers=same)
    again = await bank.inquire(who.code, "REQ-1", headers=same)
    assert first.json() == again.json()
    assert code(await bank.inquire(who.code, "REQ-2", headers=same)) == "4092400"


async def test_a_quote_stands_for_its_request_while_it_can_be_paid(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.inquire(who.code, "REQ-1")
    wanted = {"participant_id": str(who.participant_id), "months": 3}
    agent = h.token(roles=["agent"], agent_id=AGENT)
    assert (await h.client.post("/bills", json=wanted, headers=agent)).status_code == 201
    first, fresh = await bank.inquire(who.code, "REQ-1"), await bank.inquire(who.code, "REQ-2")
    amounts = [r.json()["virtualAccountData"]["totalAmount"]["value"] for r in (first, fresh)]
    assert amounts == ["36800.00", "110400.00"]
    h.clock.move(timedelta(minutes=16))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    later = await bank.inquire(who.code, "REQ-1")
    assert later.json()["virtualAccountData"]["totalAmount"]["value"] == "110400.00"


async def test_a_bill_that_an_inquiry_issues_is_one_bill(h: Harness, bank: Bank) -> None:
    who = await register(h)
    h.clock.set(at(2025, 11, 2))
    answers = await asyncio.gather(*(bank.inquire(who.code) for _ in range(20)))
    assert {code(a) for a in answers} == {"2002400"}
    billed = [r.event for r in await h.events("contributions") if r.event.type == "ContributionBilled"]
    assert len(billed) == 2  # October's, and one for November
    assert await count(h, inquiries) == 20
