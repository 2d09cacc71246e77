"""Numbers and bills: what can be paid, what cannot and why (snap.md sections 7 and 12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from services.payments.kit import reasons
from services.payments.kit.cases import Case, Same, Say, Step, single
from services.payments.kit.stage import Message, Stage, iso

UNKNOWN = "99999999999999"
MONTH = {"virtualAccountData.billDetails.0.billAmount.currency": "IDR"}


def asks(side: str = "plain", kind: str = "owing", which: int = 1) -> Say:
    return lambda stage: stage.inquiry(stage.number(kind, which), side)


def pays(side: str = "plain", kind: str = "owing", which: int = 1, **more: Any) -> Say:
    """The sum that the inquiry before it was told."""
    return lambda stage: stage.payment(stage.number(kind, which), stage.quoted(), side, **more)


def pays_anew(value: str = "", side: str = "plain", **more: Any) -> Say:
    """Under another request id."""
    return lambda stage: stage.payment(
        stage.number(), value or stage.quoted(), side, paymentRequestId=stage.id("anew"), **more
    )


def asks_anew(kind: str) -> Say:
    """Under another request id."""
    return lambda stage: stage.inquiry(stage.number(kind), inquiryRequestId=stage.id(f"ask {kind}"))


def _pays_another(kind: str) -> Say:
    """The sum that was quoted, under another request id."""
    return lambda stage: stage.payment(stage.number(kind), stage.quoted(), paymentRequestId=stage.id(f"pay {kind}"))


def _pays_blindly(kind: str) -> Say:
    """A sum that nobody quoted."""
    return lambda stage: stage.payment(stage.number(kind), "36800.00")


def _decimals(text: Any) -> bool:
    return isinstance(text, str) and text.endswith(".00") and text[:-3].isdigit()


def _without_decimals(stage: Stage) -> Message:
    return stage.payment(stage.number(), stage.quoted().removesuffix(".00"))


def _one_decimal(stage: Stage) -> Message:
    return stage.payment(stage.number(), stage.quoted().removesuffix("0"))


def _more(stage: Stage) -> Message:
    return _more_of("owing")(stage)


def _more_of(kind: str) -> Callable[[Stage], Message]:
    """A rupiah more than was quoted."""
    return lambda stage: stage.payment(stage.number(kind), f"{int(stage.quoted().removesuffix('.00')) + 1}.00")


def _sums_disagree(stage: Stage) -> Message:
    return stage.payment(stage.number(), stage.quoted(), totalAmount={"value": "1.00", "currency": "IDR"})


def _last_week(stage: Stage) -> Message:
    return stage.payment(stage.number(), stage.quoted(), trxDateTime=iso(stage.business_now() - timedelta(days=8)))


def _in_z(stage: Stage) -> Message:
    moment = (stage.business_now() - timedelta(hours=7)).replace(tzinfo=None)
    return stage.payment(stage.number(), stage.quoted(), trxDateTime=f"{moment:%Y-%m-%dT%H:%M:%S}Z")


def _unknown(service: str) -> Say:
    def said(stage: Stage) -> Message:
        return stage.inquiry(UNKNOWN) if service == "inquiry" else stage.payment(UNKNOWN, "1.00")

    return said


def _prefix(service: str, prefix_of: str) -> Say:
    """A prefix of another partner, or one that nobody has."""

    def said(stage: Stage) -> Message:
        shown = (stage.side(prefix_of).prefix if prefix_of else "9" * 8).rjust(8)
        number = stage.any_number()
        account = {"partnerServiceId": shown, "virtualAccountNo": shown + number}
        return stage.inquiry(number, **account) if service == "inquiry" else stage.payment(number, "1.00", **account)

    return said


QUOTE = {
    "virtualAccountData.virtualAccountTrxType": "C",
    "virtualAccountData.totalAmount.value": _decimals,
    "virtualAccountData.totalAmount.currency": "IDR",
    "virtualAccountData.virtualAccountName": lambda name: isinstance(name, str) and 0 < len(name) <= 255,
    "virtualAccountData.inquiryStatus": "00",
    "virtualAccountData.billDetails.0.billAmount.value": _decimals,
}
PAID = {
    "virtualAccountData.paymentFlagStatus": "00",
    "virtualAccountData.paidAmount.value": Same("the bill is quoted", "virtualAccountData.totalAmount.value"),
    "virtualAccountData.billDetails.0.status": "00",
    "virtualAccountData.billDetails.0.billerReferenceId": lambda found: isinstance(found, str) and 0 < len(found) <= 64,
}
_THE_SAME = {
    "virtualAccountData.totalAmount.value": Same("the bill is quoted", "virtualAccountData.totalAmount.value"),
    "virtualAccountData.virtualAccountName": Same("the bill is quoted", "virtualAccountData.virtualAccountName"),
    "additionalInfo.contributionMonths": Same("the bill is quoted", "additionalInfo.contributionMonths"),
}
QUOTED = Step("the bill is quoted", asks(), "2002400", QUOTE)

CASES: Sequence[Case] = (
    Case(
        "recurring: a bill is paid once, exactly",
        [
            QUOTED,
            Step("one rupiah more posts nothing", _more, "4042513"),
            Step("sums that disagree post nothing", _sums_disagree, "4042513"),
            Step(
                "the exact sum is posted",
                pays(additionalInfo={"branch": "7"}),
                "2002500",
                {**PAID, "additionalInfo.branch": "7"},
            ),
            Step("the next inquiry finds nothing owed", asks(), "4042414"),
            Step("another payment of the paid bill", pays_anew(), "4042514"),
        ],
    ),
    Case("a sum without decimals", [QUOTED, Step("is understood", _without_decimals, "2002500", PAID)]),
    Case("a sum with one decimal", [QUOTED, Step("is understood", _one_decimal, "2002500", PAID)]),
    Case("a transaction time in Z", [QUOTED, Step("is understood", _in_z, "2002500", PAID)]),
    Case("a payment of eight days ago", [QUOTED, Step("is too old for its bill", _last_week, "4042519")]),
    Case(
        "asymmetric: the same services",
        [
            Step("the bill is quoted", asks("key"), "2002400", QUOTE),
            Step("and paid", pays("key"), "2002500", PAID),
            Step(
                "and its status told",
                lambda stage: stage.status(stage.number(), "key", paymentRequestId=stage.id()),
                "2002600",
                {"virtualAccountData.paymentFlagStatus": "00"},
            ),
        ],
    ),
    single("inquiry of an unknown number", _unknown("inquiry"), "4042412", reason=reasons.UNKNOWN),
    single("payment of an unknown number", _unknown("payment"), "4042512", reason=reasons.UNKNOWN),
    single("inquiry under the prefix of another partner", _prefix("inquiry", "bca"), "4042412", reason=reasons.UNKNOWN),
    single("payment under the prefix of another partner", _prefix("payment", "bca"), "4042512", reason=reasons.UNKNOWN),
    single("inquiry under a prefix that nobody has", _prefix("inquiry", ""), "4042416"),
    single("payment under a prefix that nobody has", _prefix("payment", ""), "4042516"),
    *(
        Case(
            f"a number that is {kind}",
            [
                Step("inquiry", asks(kind=kind), f"{http}24{number}", reason=reason),
                Step("payment", _pays_blindly(kind), f"{http}25{number}", reason=reason),
            ],
        )
        for kind, http, number, reason in (
            ("blocked", "404", "12", reasons.BLOCKED),
            ("closed", "403", "15", reasons.CLOSED),
        )
    ),
    *(
        Case(
            what,
            [
                Step("inquiry", asks(kind=kind), "4042419", reason=reason),
                Step("payment", _pays_blindly(kind), "4042519", reason=reasons.BILL_EXPIRED),
            ],
        )
        for what, kind, reason in (
            ("a registration that was not paid in time", "expired", reasons.REGISTRATION_EXPIRED),
            ("closed: the own number of its bill", "overdue", reasons.REGISTRATION_EXPIRED),
            ("closed: a collective bill whose people all paid alone", "ended", reasons.BILL_EXPIRED),
        )
    ),
    Case(
        "closed: a collective bill",
        [
            Step("the bill is quoted", asks(kind="collective"), "2002400", QUOTE),
            Step("and paid", pays(kind="collective"), "2002500", PAID),
        ],
    ),
    Case(
        "closed: a bill's own number",
        [
            Step("the bill is quoted", asks(kind="single"), "2002400", QUOTE),
            Step("its contribution code quotes the same", asks_anew("standing"), "2002400", _THE_SAME),
            Step("one rupiah more posts nothing", _more_of("single"), "4042513"),
            Step("the exact sum is posted", pays(kind="single"), "2002500", PAID),
            Step("again, as advice", pays(kind="single", flagAdvise="Y"), "2002500", PAID),
            Step("again, without advice", pays(kind="single"), "4042518", PAID),
            Step(
                "the same id at the contribution code",
                pays(kind="standing"),
                "4042512",
                reason=reasons.OTHER_NUMBER,
            ),
            Step("another payment of it", _pays_another("single"), "4042514"),
            Step("the next inquiry says paid", asks(kind="single"), "4042414"),
            Step("so does that of the contribution code", asks_anew("standing"), "4042414"),
            Step("and a payment there", _pays_another("standing"), "4042514"),
            Step(
                "its status is told",
                lambda stage: stage.status(stage.number("single"), paymentRequestId=stage.id()),
                "2002600",
                {"virtualAccountData.paymentFlagStatus": "00"},
            ),
            Step(
                "at the contribution code nothing is known of it",
                lambda stage: stage.status(stage.number("standing"), paymentRequestId=stage.id()),
                "4042601",
            ),
        ],
    ),
    Case(
        "closed: a bill that is paid at the contribution code",
        [
            Step("its own number is quoted", asks_anew("single"), "2002400", QUOTE),
            Step("the bill is quoted", asks(kind="standing"), "2002400", QUOTE),
            Step("and paid at the contribution code", pays(kind="standing"), "2002500", PAID),
            Step("its own number says paid", asks_anew("single"), "4042414"),
            Step("and takes no payment", _pays_another("single"), "4042514"),
        ],
    ),
    Case(
        "closed: the number of a bill that was cancelled",
        [
            Step("inquiry", asks(kind="withdrawn"), "4042412", reason=reasons.UNKNOWN),
            Step("payment", _pays_blindly("withdrawn"), "4042512", reason=reasons.UNKNOWN),
        ],
    ),
    Case(
        "open: an agent's deposit",
        [
            Step(
                "any sum is asked for",
                asks(kind="deposit"),
                "2002400",
                {"virtualAccountData.virtualAccountTrxType": "O", "virtualAccountData.totalAmount.value": "0.00"},
            ),
            Step(
                "and any is taken",
                lambda stage: stage.payment(stage.number("deposit"), "12345.00"),
                "2002500",
                {"virtualAccountData.paidAmount.value": "12345.00"},
            ),
        ],
    ),
)
