"""Service 52: what an acquirer tells of a QR code, and what it is answered (snap.md sections 3 to 5 and 10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from services.payments.kit import reasons
from services.payments.kit.cases import Case, Say, Step, single
from services.payments.kit.exchanges.access import HEADERS, MALFORMED
from services.payments.kit.exchanges.repeats import as_before, with_id
from services.payments.kit.stage import Message, Stage, changed

OK = "2005200"
PAID, INITIATED, PAYING, PENDING, REFUNDED, CANCELLED, FAILED, UNKNOWN = (f"{number:02d}" for number in range(8))
WITHOUT_MONEY = (INITIATED, PAYING, PENDING, CANCELLED, FAILED, UNKNOWN)
NOBODYS = "NOBODY-S-REFERENCE"
WRONG: Sequence[tuple[str, Any]] = (
    ("originalReferenceNo", "1" * 65),
    ("originalReferenceNo", 12_345),
    ("latestTransactionStatus", "99"),
    ("latestTransactionStatus", 0),
    ("originalPartnerReferenceNo", "1" * 65),
    ("transactionStatusDesc", "x" * 51),
    ("customerNumber", "1" * 65),
    ("accountType", "x" * 26),
    ("destinationNumber", "1" * 26),
    ("destinationAccountName", "x" * 26),
    ("sessionId", "1" * 26),
    ("bankCode", "1" * 12),
    ("externalStoreId", "1" * 65),
    ("amount", "36800.00"),
    ("additionalInfo", "text"),
)
WRONG_SUMS = ("0.00", "-1.00", "1.50", "1,00", "1e5", "9" * 17 + ".00", 16_800)


def rupiah(value: Any) -> dict[str, Any]:
    return {"value": value, "currency": "IDR"}


def tells(told: str = PENDING, side: str = "acquirer", **more: Any) -> Say:
    """Of a code that is nobody's; a status that moves no money, where none is given."""
    return lambda stage: stage.notice(told, side, **{"originalPartnerReferenceNo": NOBODYS, **more})


def tells_so(**deviations: Any) -> Say:
    """Well formed, of a code that is nobody's, and so deviating."""
    return lambda stage: changed(stage.notice(PENDING, originalPartnerReferenceNo=NOBODYS), **deviations)


def tells_with(name: str, value: Any) -> Say:
    """With this value in the field; None leaves it out."""

    def said(stage: Stage) -> Message:
        message = stage.notice(PENDING)
        assert isinstance(message.body, dict)
        given = {**message.body, name: value}
        return changed(message, body={field: one for field, one in given.items() if one is not None})

    return said


def tells_without(name: str) -> Say:
    return tells_with(name, None)


def tells_of_ours(told: str, more: int | None = 0) -> Say:
    """Of the code of this case, with so many rupiah more than it says; None: without a sum."""

    def said(stage: Stage) -> Message:
        code = stage.code()
        value = None if more is None else rupiah(f"{int(code.amount.removesuffix('.00')) + more}.00")
        return stage.notice(told, originalPartnerReferenceNo=code.reference, amount=value)

    return said


def asks(name: str) -> Say:
    """A bank, of the number that owes the bill."""
    return lambda stage: stage.inquiry(stage.code().customer_no, inquiryRequestId=stage.id(name))


def _without_a_token(stage: Stage) -> Message:
    return changed(stage.notice(PENDING), token="", headers={"Authorization": None})


def _of_another_partner(stage: Stage) -> Message:
    return changed(stage.notice(PENDING), headers={"X-PARTNER-ID": stage.side("bca").partner_id})


def _strange(stage: Stage) -> Message:
    return changed(stage.notice(PENDING, "acquirer-key"), key=stage.strange_key())


def _altered(side: str) -> Callable[[Stage], Message]:
    """The sum is another one than the one that was signed."""

    def said(stage: Stage) -> Message:
        message = stage.notice(PAID, side, amount=rupiah("36800.00"))
        return changed(message, body=message.raw().replace(b"36800", b"99999"), signed=message.raw())

    return said


CASES: Sequence[Case] = (
    Case(
        "notice: a code is paid, once",
        [
            Step("the bill is owed", asks("before"), "2002400"),
            Step("its code is paid", tells_of_ours(PAID), OK),
            Step("and so is the bill", asks("after"), "4042414"),
            Step("the same notice again", tells_of_ours(PAID), OK),
            *(Step(f"status {told} after it was paid", tells_of_ours(told), OK) for told in WITHOUT_MONEY),
            Step("another sum than the one before", tells_of_ours(PAID, 1), OK),
            Step("given back after it was paid", tells_of_ours(REFUNDED), OK),
            Step("the bill stays paid", asks("at last"), "4042414"),
        ],
    ),
    Case(
        "notice: another sum than the code's",
        [
            Step("is taken, as the money has moved", tells_of_ours(PAID, 1), OK),
            Step("and the bill is not paid by it", asks("after"), "2002400"),
        ],
    ),
    Case(
        "notice: without a sum",
        [
            Step("is taken, and asked about", tells_of_ours(PAID, None), OK),
            Step("before the bill is paid by it", asks("after"), "2002400"),
        ],
    ),
    single("notice: a code that is nobody's", tells(PAID, amount=rupiah("12000.00")), OK),
    *(single(f"notice: status {told} of a code that is nobody's", tells(told), OK) for told in WITHOUT_MONEY),
    single("notice: a field that nobody knows", tells(somethingElse={"deep": [1, 2, 3]}), OK),
    single("notice: asymmetric, without a token", tells(side="acquirer-key"), OK),
    Case(
        "notice: X-EXTERNAL-ID, profile SPEC",
        [
            Step("is used once", with_id(tells()), OK),
            Step("and not for the same notice again", with_id(tells()), "4095200"),
            Step("nor for another one", with_id(tells(INITIATED)), "4095200"),
            Step("another one is free", tells(), OK),
        ],
    ),
    Case(
        "notice: X-EXTERNAL-ID of a refused notice is used up too",
        [
            Step("a notice that is refused", with_id(tells("99")), "4005201", naming="latestTransactionStatus"),
            Step("the id again", with_id(tells()), "4095200"),
        ],
    ),
    Case(
        "notice: X-EXTERNAL-ID, profile BCA",
        [
            Step("is used once", with_id(as_before(tells(side="bca"))), OK),
            Step("the same notice again", with_id(as_before(tells(side="bca"))), OK),
            Step("another content under it", with_id(tells(INITIATED, "bca")), "4095200"),
        ],
    ),
    single("notice: without a token", _without_a_token, "4015201"),
    single("notice: an unknown token", tells_so(token="nobody-s-token"), "4015201"),
    single(
        "notice: an unknown token, by agreement",
        lambda stage: changed(stage.notice(PENDING, "strict"), token="nobody-s-token"),
        "4015203",
    ),
    single("notice: the partner id of another", _of_another_partner, "4015200"),
    single("notice: signed with another secret", tells_so(secret="not-the-agreed-secret"), "4015200"),
    single("notice: a blank signature", tells_so(headers={"X-SIGNATURE": ""}), "4015200"),
    single("notice: signed over another path", tells_so(signed_path="/v1.0/transfer-va/payment"), "4015200"),
    single("notice: a timestamp of six minutes ago", tells_so(skew_s=-360), "4015200", naming=reasons.STALE),
    single("notice: a sum that was not signed", _altered("acquirer"), "4015200"),
    single("notice: asymmetric, a sum that was not signed", _altered("acquirer-key"), "4015200"),
    single("notice: asymmetric, signed with another key", _strange, "4015200"),
    single(
        "notice: asymmetric, stale",
        lambda stage: changed(stage.notice(PENDING, "acquirer-key"), skew_s=-360),
        "4015200",
        naming=reasons.STALE,
    ),
    *(
        single(f"notice: without {name} it names it", tells_so(headers={name: None}), "4005202", naming=name)
        for name in HEADERS
    ),
    *(
        single(f"notice: {name}: {value[:20]} is a wrong form", tells_so(headers={name: value}), "4005201", naming=name)
        for name, value in MALFORMED
    ),
    *(
        single(f"notice: {what} is a bad request", tells_so(body=body), "4005200")
        for what, body in (
            ("no JSON", b"originalReferenceNo=1"),
            ("no object", b"[]"),
            ("an empty body", b""),
            ("a member that stands twice", b'{"originalReferenceNo":"1","originalReferenceNo":"2"}'),
        )
    ),
    *(
        single(f"notice: without {name} it names it", tells_without(name), "4005202", naming=name)
        for name in ("originalReferenceNo", "latestTransactionStatus")
    ),
    single("notice: a blank status counts as missing", tells(""), "4005202", naming="latestTransactionStatus"),
    *(
        single(f"notice: {name} of a wrong form: {str(value)[:9]}", tells_with(name, value), "4005201", naming=name)
        for name, value in WRONG
    ),
    *(
        single(
            f"notice: amount.value {value!r} is no sum",
            tells(amount=rupiah(value)),
            "4005201",
            naming="amount.value",
        )
        for value in WRONG_SUMS
    ),
    single(
        "notice: another currency",
        tells(amount={"value": "1.00", "currency": "USD"}),
        "4005201",
        naming="amount.currency",
    ),
    single("notice: a sum without value", tells(amount={"currency": "IDR"}), "4005202", naming="amount.value"),
    single("notice: GET is not supported", tells_so(method="GET"), "4055200"),
    single("notice: a version that was not agreed", tells_so(path="/v2.0/qr/qr-mpm-notify"), "4055200"),
)
