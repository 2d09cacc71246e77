"""Status (26): the truth within the own partner's payments and inquiries (snap.md section 6)."""

from __future__ import annotations

from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import register
from tests.support.service import Harness


async def test_status_finds_payments_first_then_inquiries(h: Harness, bank: Bank) -> None:
    who, other = await register(h), await register(h)
    await bank.inquire(who.code, "REQ-1")
    open_ = await bank.status(who.code, inquiryRequestId="REQ-1")
    assert code(open_) == "2002600"
    assert open_.json()["virtualAccountData"]["paymentFlagStatus"] == "03"
    await bank.pay(who.code, 36_800, "REQ-1")
    for ids in (
        {"paymentRequestId": "REQ-1"},
        {"inquiryRequestId": "REQ-1"},
        {"inquiryRequestId": "x", "paymentRequestId": "REQ-1"},
    ):
        response = await bank.status(who.code, **ids)
        told = response.json()["virtualAccountData"]
        assert code(response) == "2002600"
        assert (told["paymentFlagStatus"], told["paymentRequestId"]) == ("00", "REQ-1")
        assert told["paidAmount"] == {"value": "36800.00", "currency": "IDR"}
        assert told["transactionDate"] == bank.business_now()
    for missing in (
        await bank.status(who.code, paymentRequestId="REQ-2"),
        await bank.status(other.code, paymentRequestId="REQ-1"),
        await bank.status("8800000009999", paymentRequestId="REQ-1"),
        await bank.status(other.code),
    ):
        assert code(missing) == "4042601"


async def test_without_ids_all_payments_of_the_number_are_listed(h: Harness, bank: Bank) -> None:
    other = await Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200").enable()
    who = await register(h)
    await bank.pay(who.code, 36_800, "PAY-1")
    response = await bank.status(who.code)
    assert code(response) == "2002600"
    assert [t["paymentRequestId"] for t in response.json()["additionalInfo"]["transactions"]] == ["PAY-1"]
    assert response.json()["virtualAccountData"]["paymentRequestId"] == "PAY-1"
    assert code(await other.status(who.code)) == "4042601"
    bank.prefix = "9999"
    assert code(await bank.status(who.code)) == "4042601"
