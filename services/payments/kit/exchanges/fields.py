"""Fields: what is missing, what has the wrong form, and which forms are understood (snap.md section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.payments.kit.cases import Case, Say, Step, single
from services.payments.kit.stage import Message, Stage, changed

LONG = "9" * 129


def inquiry(**more: Any) -> Say:
    return lambda stage: stage.inquiry(stage.any_number(), **more)


def payment(value: Any = "1.00", **more: Any) -> Say:
    """Of a sum that fits no bill: whoever gets past the form is 4042513."""
    return lambda stage: stage.payment(stage.any_number(), value, **more)


def status(**more: Any) -> Say:
    return lambda stage: stage.status(stage.any_number(), **more)


def _sum(name: str, value: Any) -> Say:
    return payment(**{name: {"value": value, "currency": "IDR"}})


def _number_as_number(stage: Stage) -> Message:
    """Leading zeros would be gone."""
    return stage.inquiry(stage.any_number(), customerNo=int(stage.any_number()))


def _unpadded(stage: Stage) -> Message:
    message = stage.inquiry(stage.any_number())
    return changed(message, body={**dict(message.body), **stage.account(stage.any_number(), padded=False)})  # type: ignore[arg-type]


def _padded_apart(stage: Stage) -> Message:
    """The blanks on the left of the whole number are not compared."""
    account = stage.account(stage.any_number())
    return stage.inquiry(stage.any_number(), virtualAccountNo=account["virtualAccountNo"].lstrip())


MISSING = {
    "inquiry": ("partnerServiceId", "customerNo", "virtualAccountNo", "inquiryRequestId"),
    "payment": ("partnerServiceId", "customerNo", "virtualAccountNo", "paymentRequestId", "paidAmount"),
    "status": ("partnerServiceId", "customerNo", "virtualAccountNo"),
}
NUMBERS = {"inquiry": "24", "payment": "25", "status": "26"}
SAYS = {"inquiry": inquiry, "payment": payment, "status": status}
WRONG_SUMS = ("0.00", "-1.00", "36800.50", "36.800,00", "1e5", "9" * 17 + ".00", "16800.000", 16_800, " 16800.00")
WRONG: Sequence[tuple[str, Any]] = (
    ("partnerServiceId", "8" * 9),
    ("customerNo", "8" * 21),
    ("virtualAccountNo", "1"),
    ("inquiryRequestId", LONG),
    ("trxDateInit", "kemarin"),
    ("channelCode", "x"),
    ("channelCode", 12_345),
    ("language", "ind"),
    ("additionalInfo", "text"),
)
WRONG_OF_PAYMENT: Sequence[tuple[str, Any]] = (
    ("paymentRequestId", LONG),
    ("flagAdvise", "X"),
    ("trxDateTime", "2026-11-22 10:15"),
    ("journalNum", "1234567"),
    ("paidBills", "xyz"),
    ("subCompany", "123456"),
    ("referenceNo", "1" * 65),
    ("billDetails", [{}] * 25),
)
WRONG_OF_STATUS: Sequence[tuple[str, Any]] = (
    ("customerNo", "8" * 21),
    ("virtualAccountNo", "1"),
    ("paymentRequestId", LONG),
    ("inquiryRequestId", LONG),
)
UNDERSTOOD: Sequence[tuple[str, dict[str, Any]]] = (
    ("channelCode as a text", {"channelCode": "6011"}),
    ("trxDateInit in Z", {"trxDateInit": "2026-11-22T03:15:30Z"}),
    ("txnDateInit, as the official samples spell it", {"txnDateInit": "20261122T101530+07:00"}),
    ("a field that nobody knows", {"somethingElse": {"deep": [1, 2, 3]}}),
    ("a field that is null", {"channelCode": None, "language": None}),
)

CASES: Sequence[Case] = (
    *(
        single(
            f"{service} without {name} names it", SAYS[service](**{name: None}), f"400{NUMBERS[service]}02", naming=name
        )
        for service, names in MISSING.items()
        for name in names
    ),
    single("a blank field counts as missing", inquiry(customerNo="  "), "4002402", naming="customerNo"),
    *(
        single(f"inquiry: {name} of a wrong form", inquiry(**{name: value}), "4002401", naming=name)
        for name, value in WRONG
    ),
    single("customerNo as a number is refused", _number_as_number, "4002401", naming="customerNo"),
    *(
        single(f"payment: {name} of a wrong form", payment(**{name: value}), "4002501", naming=name)
        for name, value in WRONG_OF_PAYMENT
    ),
    *(
        single(f"paidAmount.value {value!r} is no sum", payment(value), "4002501", naming="paidAmount.value")
        for value in WRONG_SUMS
    ),
    *(
        single(f"status: {name} of a wrong form", status(**{name: value}), "4002601", naming=name)
        for name, value in WRONG_OF_STATUS
    ),
    single("totalAmount with sen is no sum", _sum("totalAmount", "1.50"), "4002501", naming="totalAmount.value"),
    single(
        "another currency",
        payment(paidAmount={"value": "1.00", "currency": "USD"}),
        "4002501",
        naming="paidAmount.currency",
    ),
    single("a sum without value", payment(paidAmount={"currency": "IDR"}), "4002502", naming="paidAmount.value"),
    single("a sum without currency", payment(paidAmount={"value": "1.00"}), "4002502", naming="paidAmount.currency"),
    *(single(f"{what} is understood", inquiry(**more), "2002400") for what, more in UNDERSTOOD),
    single("an unpadded partnerServiceId is understood and echoed as sent", _unpadded, "2002400"),
    single("blanks on the left of virtualAccountNo do not matter", _padded_apart, "2002400"),
    Case(
        "optional fields of a payment come back",
        [
            Step(
                "a well-formed sum that fits no bill",
                payment("1.00", paymentType=1, flagAdvise="N", referenceNo="12345", trxId="T-1"),
                "4042513",
            )
        ],
    ),
)
