"""Repeats, advice, status and X-EXTERNAL-ID (snap.md section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.payments.kit import reasons
from services.payments.kit.cases import Case, Same, Say, Step, single
from services.payments.kit.exchanges.numbers import PAID, QUOTED, asks, pays
from services.payments.kit.stage import Message, Stage, changed

REFERENCE = "virtualAccountData.billDetails.0.billerReferenceId"
FIRST = {
    "virtualAccountData.paymentFlagStatus": "00",
    REFERENCE: Same("the payment is posted", REFERENCE),
    "virtualAccountData.paidAmount.value": Same("the payment is posted", "virtualAccountData.paidAmount.value"),
}
POSTED = Step("the payment is posted", pays(), "2002500", PAID)


def status(side: str = "plain", **ids: str) -> Say:
    """`ids`: field → name of the id in this case."""
    return lambda stage: stage.status(stage.number(), side, **{field: stage.id(name) for field, name in ids.items()})


def _another_sum(stage: Stage) -> Message:
    return stage.payment(stage.number(), "999.00")


def _another_number(stage: Stage) -> Message:
    return stage.payment(stage.any_number(), stage.quoted())


def _voided(**more: Any) -> Say:
    """The payment that the files never showed, once more."""

    def said(stage: Stage) -> Message:
        paid = stage.voided()
        return stage.payment(paid.customer_no, paid.amount, paymentRequestId=paid.payment_request_id, **more)

    return said


def with_id(say: Say, name: str = "external") -> Say:
    """The same X-EXTERNAL-ID through the whole case."""

    def said(stage: Stage) -> Message:
        message = say(stage)
        assert isinstance(message, Message)
        number = str(stage.of_case.setdefault(name, stage.external_id()))
        return changed(message, headers={**message.headers, "X-EXTERNAL-ID": number})

    return said


def as_before(say: Say) -> Say:
    """Signed at this moment, with the very body of the first time."""

    def said(stage: Stage) -> Message:
        message = say(stage)
        assert isinstance(message, Message)
        body: Any = stage.of_case.setdefault("the first body", message.body)
        return changed(message, body=body)

    return said


CASES: Sequence[Case] = (
    Case(
        "the same payment again",
        [
            QUOTED,
            POSTED,
            Step("without advice: inconsistent, with the first result", pays(), "4042518", FIRST),
            Step("with advice: the first result", pays(flagAdvise="Y"), "2002500", FIRST),
            Step("with advice N: as without", pays(flagAdvise="N"), "4042518", FIRST),
            Step("with another sum", _another_sum, "4042513"),
            Step("with another number", _another_number, "4042512", reason=reasons.OTHER_NUMBER),
            Step(
                "its status by paymentRequestId",
                status(paymentRequestId="R"),
                "2002600",
                {"virtualAccountData.paymentFlagStatus": "00"},
            ),
            Step(
                "its status by inquiryRequestId",
                status(inquiryRequestId="R"),
                "2002600",
                {"virtualAccountData.paymentFlagStatus": "00"},
            ),
            Step(
                "all payments of the number",
                status(),
                "2002600",
                {"additionalInfo.transactions": lambda found: isinstance(found, list) and len(found) >= 1},
            ),
        ],
    ),
    Case(
        "a payment that was taken out of the books",
        [
            Step("again", _voided(), "4042512", reason=reasons.VOIDED),
            Step("again, as advice", _voided(flagAdvise="Y"), "4042512", reason=reasons.VOIDED),
            Step(
                "its status",
                lambda stage: stage.status(
                    stage.voided().customer_no, paymentRequestId=stage.voided().payment_request_id
                ),
                "2002600",
                {"additionalInfo.transactions.0.paymentFlagStatus": "01"},
            ),
        ],
    ),
    Case(
        "advice of a payment that never arrived",
        [QUOTED, Step("is a first payment", pays(flagAdvise="Y"), "2002500", PAID)],
    ),
    Case(
        "an inquiry that is not paid yet",
        [
            QUOTED,
            Step(
                "its status says so",
                status(inquiryRequestId="R"),
                "2002600",
                {"virtualAccountData.paymentFlagStatus": "03"},
            ),
            Step("the same inquiry again is quoted again", asks(), "2002400"),
        ],
    ),
    single(
        "status of what nobody asked",
        lambda stage: stage.status(stage.any_number(), paymentRequestId=stage.id("never")),
        "4042601",
    ),
    single(
        "status of an unknown number", lambda stage: stage.status("99999999999999", paymentRequestId="NEVER"), "4042601"
    ),
    Case(
        "X-EXTERNAL-ID, profile SPEC",
        [
            Step("is used once", with_id(asks()), "2002400"),
            Step("and not for an inquiry again", with_id(asks()), "4092400"),
            Step("nor for a payment", with_id(lambda stage: stage.payment(stage.number(), "1.00")), "4092500"),
            Step("nor for a status", with_id(status(paymentRequestId="R")), "4092600"),
            Step("another one is free", asks(), "2002400"),
        ],
    ),
    Case(
        "X-EXTERNAL-ID of a refused call is used up too",
        [
            Step("a call that is refused", with_id(lambda stage: stage.inquiry("99999999999999")), "4042412"),
            Step("the id again", with_id(asks()), "4092400"),
        ],
    ),
    Case(
        "X-EXTERNAL-ID of a call that was not proven is free",
        [
            Step(
                "a forged call",
                with_id(lambda stage: changed(stage.inquiry(stage.number()), secret="not-the-agreed-secret")),
                "4012400",
            ),
            Step("the id again, signed well", with_id(asks()), "2002400"),
        ],
    ),
    Case(
        "X-EXTERNAL-ID, profile BCA",
        [
            Step("the bill is quoted", with_id(as_before(asks("bca")), "first"), "2002400"),
            Step("the same inquiry again: the first answer", with_id(as_before(asks("bca")), "first"), "2002400"),
            Step(
                "another content under it",
                with_id(lambda stage: stage.inquiry(stage.any_number(), "bca"), "first"),
                "4092400",
            ),
            Step("the payment is posted", with_id(pays("bca", trxDateTime=None), "second"), "2002500", PAID),
            Step(
                "the same payment again: the first result",
                with_id(pays("bca", trxDateTime=None), "second"),
                "4042518",
                FIRST,
            ),
            Step(
                "another sum under it",
                with_id(lambda stage: stage.payment(stage.number(), "1.00", "bca"), "second"),
                "4092500",
            ),
        ],
    ),
)
