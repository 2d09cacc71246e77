"""The requests a biller receives, read from their raw bytes into what a use case needs, and what an answer echoes.

`partnerServiceId` is trimmed for searching only; the echo is exactly what was received, padding included (snap.md section 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.payments.domain.snap import codes, values
from services.payments.domain.snap.fields import (
    Field,
    Fields,
    Malformed,
    anything,
    bad,
    both_languages,
    check,
    hexadecimal,
    many,
    members,
    moment,
    money,
    number,
    one_of,
    short_code,
    text,
)

VA_KEYS = ("partnerServiceId", "customerNo", "virtualAccountNo")

_ACCOUNT = (
    Field("partnerServiceId", text(8), mandatory=True),
    Field("customerNo", text(20), mandatory=True),
    Field("virtualAccountNo", text(28), mandatory=True),
)
_SOURCE = (Field("hashedSourceAccountNo", text(32)), Field("sourceBankCode", text(11)))
_BILL = members(
    Field("billCode", text(2)),
    Field("billNo", text(18)),
    Field("billName", text(20)),
    Field("billShortName", text(10)),
    Field("billDescription", both_languages(18)),
    Field("billSubCompany", text(5)),
    Field("billAmount", money),
    Field("billReferenceNo", number(15)),
    Field("additionalInfo", anything),
)
INQUIRY = (
    *_ACCOUNT,
    Field("inquiryRequestId", text(128), mandatory=True),
    Field("trxDateInit", moment, other="txnDateInit"),
    Field("channelCode", number(4)),
    Field("language", text(2)),
    Field("amount", money),
    Field("passApp", text(64)),
    *_SOURCE,
    Field("additionalInfo", anything),
)
PAYMENT = (
    *_ACCOUNT,
    Field("paymentRequestId", text(128), mandatory=True),
    Field("paidAmount", money, mandatory=True),
    Field("virtualAccountName", text(255)),
    Field("virtualAccountEmail", text(255)),
    Field("virtualAccountPhone", text(30)),
    Field("trxId", text(64)),
    Field("trxDateTime", moment, other="txnDateTime"),
    Field("channelCode", number(4)),
    Field("totalAmount", money),
    Field("cumulativePaymentAmount", money),
    *_SOURCE,
    Field("subCompany", text(5)),
    Field("referenceNo", text(64)),
    Field("journalNum", text(6)),
    Field("paidBills", hexadecimal(6)),
    Field("paymentType", short_code),
    Field("flagAdvise", one_of("Y", "N")),
    Field("billDetails", many(24, _BILL)),
    Field("freeTexts", many(25, both_languages(32))),
    Field("additionalInfo", anything),
)
STATUS = (
    *_ACCOUNT,
    Field("inquiryRequestId", text(128)),
    Field("paymentRequestId", text(128)),
    Field("additionalInfo", anything),
)
TOKEN = (Field("grantType", one_of("client_credentials"), mandatory=True), Field("additionalInfo", anything))

RULES: Mapping[codes.Service, Sequence[Field]] = {
    codes.Service.INQUIRY: INQUIRY,
    codes.Service.PAYMENT: PAYMENT,
    codes.Service.STATUS: STATUS,
    codes.Service.TOKEN: TOKEN,
}


@dataclass(frozen=True, slots=True)
class VirtualAccount:
    """Prefix and customer number as they are searched for."""

    prefix: str
    customer_no: str


@dataclass(frozen=True, slots=True)
class Inquiry:
    account: VirtualAccount
    inquiry_request_id: str


@dataclass(frozen=True, slots=True)
class Payment:
    """`amount` in whole rupiah; `agrees` is False when the sums inside the request contradict one another."""

    account: VirtualAccount
    payment_request_id: str
    amount: int
    agrees: bool
    paid_at: datetime | None
    advice: bool


@dataclass(frozen=True, slots=True)
class StatusQuestion:
    """Without both ids it asks for all transactions of the number."""

    account: VirtualAccount
    inquiry_request_id: str | None
    payment_request_id: str | None


@dataclass(frozen=True, slots=True)
class Echo:
    """What was received, as far as it could be read; shown to nobody but the sender. Never logged, never stored."""

    fields: Fields = field(default_factory=dict, repr=False)

    def account(self) -> dict[str, str]:
        """The three keys of the number, exactly as received; only those that were texts."""
        return {name: value for name in VA_KEYS if isinstance(value := self.fields.get(name), str)}


def checked(
    service: codes.Service, fields: Fields, *, amount_digits: int, rules: Sequence[Field] | None = None
) -> Fields:
    """The request's known fields, by the official rules where no others are given. Raises Malformed naming the first bad one."""
    found = check(fields, RULES[service] if rules is None else rules, amount_digits=amount_digits)
    if service is not codes.Service.TOKEN:
        _same_number(found)
    return found


def inquiry(found: Fields) -> Inquiry:
    """From checked fields."""
    return Inquiry(_account(found), found["inquiryRequestId"])


def payment(found: Fields) -> Payment:
    """From checked fields."""
    paid = _amount(found["paidAmount"])
    sums = [_amount(found["totalAmount"])] if "totalAmount" in found else []
    bills = [bill["billAmount"] for bill in found.get("billDetails", ()) if bill.get("billAmount") is not None]
    if bills and len(bills) == len(found["billDetails"]):
        sums.append(sum(map(_amount, bills)))
    return Payment(
        account=_account(found),
        payment_request_id=found["paymentRequestId"],
        amount=paid,
        agrees=all(amount == paid for amount in sums),
        paid_at=values.instant(found["trxDateTime"]) if "trxDateTime" in found else None,
        advice=found.get("flagAdvise") == "Y",
    )


def status_question(found: Fields) -> StatusQuestion:
    """From checked fields."""
    return StatusQuestion(_account(found), found.get("inquiryRequestId"), found.get("paymentRequestId"))


def _account(found: Fields) -> VirtualAccount:
    return VirtualAccount(found["partnerServiceId"].strip(), found["customerNo"])


def _amount(value: Any) -> int:
    amount = values.rupiah(value["value"], digits=len(value["value"]))
    if amount is None:
        raise Malformed(codes.BAD_REQUEST)
    return amount


def _same_number(found: Fields) -> None:
    """The number is prefix and customer number in a row, but for blanks on the left."""
    whole = found["partnerServiceId"] + found["customerNo"]
    if found["virtualAccountNo"].lstrip(" ") != whole.lstrip(" "):
        bad("virtualAccountNo")
