"""How offers and receipts of every kind stand on the wire (snap.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from contracts.events.contributions import MonthCharge
from contracts.values import ContributionMonth, Rupiah
from services.payments.api.snap import answers
from services.payments.domain.snap import codes
from services.payments.domain.snap.offers import Offer, VaKind

FOUND: dict[str, Any] = {
    "partnerServiceId": "    8100",
    "customerNo": "8800000000001",
    "virtualAccountNo": "    81008800000000001",
    "inquiryRequestId": "I-1",
    "paymentRequestId": "P-1",
}
SEVEN = UUID(int=7)
OCTOBER = MonthCharge(
    month=ContributionMonth(2025, 10),
    base=Rupiah(1_000_000),
    jkk=Rupiah(10_000),
    jkm=Rupiah(6_800),
    jht=Rupiah(20_000),
    discounted=False,
)


@dataclass(frozen=True)
class Paid:
    amount: int
    months: tuple[MonthCharge, ...] = ()
    payment_id: UUID = SEVEN
    channel_reference: str = "P-1"


def offered(offer: Offer) -> dict[str, Any]:
    body = answers.quoted(offer, "Contoh", FOUND, sub_company="00000")
    data: dict[str, Any] = body["virtualAccountData"]
    return data


def test_a_contribution_code_is_closed_at_what_is_owed_month_by_month() -> None:
    data = offered(Offer(VaKind.RECURRING, 36_800, (OCTOBER,)))
    assert (data["virtualAccountTrxType"], data["totalAmount"]["value"]) == ("C", "36800.00")
    assert [line["billNo"] for line in data["billDetails"]] == ["202510"]


def test_a_collective_bill_is_closed_and_one_line_whatever_its_heads() -> None:
    data = offered(Offer(VaKind.CLOSED, 368_000_000, title="Iuran kolektif", heads=10_000))
    (line,) = data["billDetails"]
    assert (data["virtualAccountTrxType"], line["billAmount"]["value"]) == ("C", "368000000.00")
    assert line["billDescription"] == {"english": "For 10000 people", "indonesia": "Untuk 10000 orang"}


def test_deposits_are_open_and_shown_as_nothing_to_pay() -> None:
    data = offered(Offer(VaKind.OPEN, 0, title="Saldo agen"))
    assert (data["virtualAccountTrxType"], data["totalAmount"]) == ("O", {"value": "0.00", "currency": "IDR"})
    assert data["billDetails"] == []


@pytest.mark.parametrize("paid", [Paid(36_800, (OCTOBER,)), Paid(50_000)])
def test_a_receipt_adds_up_and_names_our_payment(paid: Paid) -> None:
    data = answers.settled(codes.SUCCESS, paid, None, FOUND, title="Saldo agen")["virtualAccountData"]
    assert sum(int(line["billAmount"]["value"].removesuffix(".00")) for line in data["billDetails"]) == paid.amount
    assert {line["billerReferenceId"] for line in data["billDetails"]} == {str(paid.payment_id)}
    assert (data["paymentFlagStatus"], data["virtualAccountName"]) == ("00", answers.NAMELESS)


def test_lines_keep_the_limits_of_the_table() -> None:
    limits = {"billCode": 2, "billNo": 18, "billName": 20, "billShortName": 10}
    for offer in (
        Offer(VaKind.RECURRING, 36_800, (OCTOBER,)),
        Offer(VaKind.CLOSED, 1, title="Sebuah judul yang jauh lebih panjang", heads=10_000),
    ):
        for line in offered(offer)["billDetails"]:
            assert all(len(line[name]) <= most for name, most in limits.items())
            assert all(len(text) <= 18 for text in line["billDescription"].values())
