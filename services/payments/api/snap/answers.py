"""Answers to banks, written exactly by the tables: strings as strings, two decimals, keys of the number echoed as received.

Business errors carry `virtualAccountData` with status "01" (unknown outcome "02") and both reason languages; a 401 is bare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.events.contributions import MonthCharge
from services.payments.domain.paying import Posted
from services.payments.domain.snap import codes, values
from services.payments.domain.snap.codes import Case, Reason, Service
from services.payments.domain.snap.fields import Fields
from services.payments.domain.snap.offers import Offer, Receipt
from services.payments.domain.snap.requests import Echo
from services.payments.queries.deciding import Asked

Body = dict[str, Any]

PAID, REFUSED, NOT_KNOWN, NOT_PAID = "00", "01", "02", "03"
NAMELESS = "PESERTA BPJS KETENAGAKERJAAN"
"""Shown where the payer's name is forgotten; the field is mandatory."""

_REQUEST_IDS = {
    Service.INQUIRY: ("inquiryRequestId",),
    Service.PAYMENT: ("paymentRequestId",),
    Service.STATUS: ("inquiryRequestId", "paymentRequestId"),
}
_ECHOED = (
    "virtualAccountEmail",
    "virtualAccountPhone",
    "trxDateTime",
    "journalNum",
    "paidBills",
    "flagAdvise",
    "freeTexts",
)
_ECHOED_IF_SHORT = {"trxId": 32, "referenceNo": 15}
"""Fields whose limit in the answer is lower than in the request."""


def plain(service: Service, case: Case) -> Body:
    """Code and message alone."""
    return {"responseCode": case.code(service), "responseMessage": case.message}


def refused(service: Service, case: Case, echo: Echo) -> Body:
    """An error with what could be read of the request."""
    data: Body = echo.account()
    for name in _REQUEST_IDS.get(service, ()):
        if isinstance(value := echo.fields.get(name), str):
            data[name] = value
    status = NOT_KNOWN if case is codes.TIMEOUT else REFUSED
    if service is Service.INQUIRY:
        data |= {"inquiryStatus": status, "inquiryReason": _both(case.reason)}
    else:
        data |= {"paymentFlagStatus": status, "paymentFlagReason": _both(case.reason)}
    return plain(service, case) | {"virtualAccountData": data}


def quoted(offer: Offer, name: str | None, found: Fields, *, sub_company: str) -> Body:
    """2002400: what may be paid, line by line; an open amount is shown as 0.00."""
    data = {
        **Echo(found).account(),
        "virtualAccountName": name or NAMELESS,
        "inquiryRequestId": found["inquiryRequestId"],
        "totalAmount": values.decimal(offer.amount),
        "subCompany": sub_company,
        "billDetails": _lines(offer.months, offer.title, offer.heads, offer.amount),
        "virtualAccountTrxType": offer.kind.letter,
        "inquiryStatus": PAID,
        "inquiryReason": _both(codes.SUCCESS.reason),
    }
    return plain(Service.INQUIRY, codes.SUCCESS) | {"virtualAccountData": data, "additionalInfo": _months(offer.months)}


def settled(
    case: Case, posted: Receipt, name: str | None, found: Fields, *, title: str = "Iuran", heads: int = 0
) -> Body:
    """2002500, or 4042518 for a repeat: the first result, with the optional fields of this request echoed. `title` and `heads` as in
    `Offer`.
    """
    done = {"billerReferenceId": str(posted.payment_id), "status": PAID, "reason": _both(codes.SUCCESS.reason)}
    data = {
        **Echo(found).account(),
        "virtualAccountName": name or NAMELESS,
        "paymentRequestId": posted.channel_reference,
        "paidAmount": values.decimal(posted.amount),
        "totalAmount": values.decimal(posted.amount),
        **_echo(found),
        "paymentFlagStatus": PAID,
        "paymentFlagReason": _both(codes.SUCCESS.reason),
        "billDetails": [line | done for line in _lines(posted.months, title, heads, posted.amount)],
    }
    given: Mapping[str, Any] = found.get("additionalInfo", {})
    more = {**given, **_months(posted.months)}
    return plain(Service.PAYMENT, case) | {"virtualAccountData": data, "additionalInfo": more}


def told(payments: Sequence[Posted], asked: Asked | None, found: Fields) -> Body:
    """2002600: the newest payment in `virtualAccountData`, all of them in `additionalInfo.transactions`; "03" when unpaid."""
    if payments:
        data = _transaction(payments[0], found)
    else:
        assert asked is not None
        ids = {name: found[name] for name in _REQUEST_IDS[Service.STATUS] if name in found}
        data = {
            **ids,
            "totalAmount": values.decimal(asked.amount),
            "paymentFlagStatus": NOT_PAID,
            "paymentFlagReason": _both(codes.NOT_PAID_YET),
        }
    data = {**Echo(found).account(), **data}
    more = {"transactions": [_transaction(payment, {}) for payment in payments]}
    return plain(Service.STATUS, codes.SUCCESS) | {"virtualAccountData": data, "additionalInfo": more}


def _transaction(payment: Posted, found: Fields) -> Body:
    """What was found never to have reached us is no payment: "01", and nothing paid."""
    status, why = (REFUSED, codes.VOIDED) if payment.voided else (PAID, codes.SUCCESS)
    return {
        "inquiryRequestId": found.get("inquiryRequestId", payment.channel_reference),
        "paymentRequestId": payment.channel_reference,
        "paidAmount": values.decimal(0 if payment.voided else payment.amount),
        "totalAmount": values.decimal(payment.amount),
        "transactionDate": values.timestamp(payment.effective_at),
        "paymentFlagStatus": status,
        "paymentFlagReason": _both(why.reason),
    }


def _echo(found: Fields) -> Body:
    echoed = {name: found[name] for name in _ECHOED if name in found}
    if "paymentType" in found:
        echoed["paymentType"] = str(found["paymentType"])
    for name, length in _ECHOED_IF_SHORT.items():
        if name in found and len(found[name]) <= length:
            echoed[name] = found[name]
    return echoed


def _lines(months: Sequence[MonthCharge], title: str, heads: int, amount: int) -> list[Body]:
    """One line per month; what has no months of its own is one line."""
    if months:
        return [_month(number, charge) for number, charge in enumerate(months, start=1)]
    said = ("In one sum", "Sekaligus") if not heads else (f"For {heads} people", f"Untuk {heads} orang")
    line = {
        "billCode": "01",
        "billNo": "01",
        "billName": title[:20],
        "billShortName": title[:10],
        "billDescription": dict(zip(("english", "indonesia"), said, strict=True)),
        "billAmount": values.decimal(amount),
    }
    return [line] if amount else []


def _month(number: int, charge: MonthCharge) -> Body:
    return {
        "billCode": f"{number:02d}",
        "billNo": f"{charge.month.year:04d}{charge.month.month:02d}",
        "billName": f"Iuran {charge.month}",
        "billShortName": str(charge.month),
        "billDescription": {"english": f"Month {charge.month}", "indonesia": f"Iuran {charge.month}"},
        "billAmount": values.decimal(charge.due),
    }


def _months(months: Sequence[MonthCharge]) -> Body:
    return {"contributionMonths": [str(charge.month) for charge in months]}


def _both(reason: Reason) -> dict[str, str]:
    return {"english": reason.english, "indonesia": reason.indonesia}
