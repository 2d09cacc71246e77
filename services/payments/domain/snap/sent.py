"""Every response code that we send: to calls of which services, and when (snap.md section 7). Data; a test holds it and `codes` together."""

from __future__ import annotations

from collections.abc import Sequence

from services.payments.domain.snap import codes
from services.payments.domain.snap.codes import Case, Service

_TOKEN, _INQUIRY, _PAYMENT, _STATUS = Service.TOKEN, Service.INQUIRY, Service.PAYMENT, Service.STATUS
_CALLS = (_INQUIRY, _PAYMENT, _STATUS, Service.QR_NOTICE)
_EVERY = (_TOKEN, *_CALLS)
_ASKS = (_INQUIRY, _PAYMENT)

SENT: Sequence[tuple[Case, Sequence[Service], str]] = (
    (codes.SUCCESS, _EVERY, "done, durably"),
    (codes.BAD_REQUEST, _EVERY, "the body is no JSON object, too large, too deep, or holds a member twice"),
    (codes.INVALID_FORMAT, _EVERY, "a header or field has the wrong form or length; it is named"),
    (codes.MANDATORY_MISSING, _EVERY, "a header or field is missing or blank; it is named"),
    (
        codes.UNAUTHORIZED,
        _EVERY,
        "`[Signature]`: it is wrong, or of nobody; `[Unknown Client]`: partner id, address or channel that was not agreed; "
        f"`[{codes.STALE}]`: the signature is right, and our clock further from the timestamp than is allowed",
    ),
    (codes.INVALID_TOKEN, _CALLS, "the token is missing, unknown or expired, or its partner is disabled"),
    (codes.TOKEN_NOT_FOUND, _CALLS, "the same, by agreement"),
    (codes.ABOVE_LIMIT, (_PAYMENT,), "a deposit above the agreed sum"),
    (codes.BELOW_RETAIL, _ASKS, "a chain of shops: the sum is below what shops take"),
    (codes.ABOVE_RETAIL, _ASKS, "a chain of shops: the sum is above what shops take"),
    (codes.TOO_OFTEN, (_PAYMENT,), "more payments of one number in a day than agreed"),
    (codes.NOT_AT_THIS_TIME, _ASKS, "outside the agreed hours"),
    (codes.CLOSED, _ASKS, "the participation is closed"),
    (codes.NOT_FOR_FIRST, _ASKS, "first payments of an agent's participants are not taken by this channel"),
    (codes.TRANSACTION_NOT_FOUND, (_STATUS,), "nothing of yours is known under this id or number"),
    (
        codes.UNKNOWN_BILL,
        _ASKS,
        "nobody has this number, its one bill was cancelled or replaced, or another partner's prefix was used",
    ),
    (codes.BLOCKED_BILL, _ASKS, "payments of this number are held"),
    (codes.OTHER_ACCOUNT, (_PAYMENT,), "this paymentRequestId paid another number"),
    (
        codes.VOIDED,
        (_PAYMENT,),
        "your files never showed the money of this paymentRequestId, so it was taken out of the books",
    ),
    (codes.WRONG_AMOUNT, (_PAYMENT,), "the sum is not that of the bill, or the sums of the request disagree"),
    (codes.PAID, _ASKS, "inquiry: nothing is owed; payment: another request paid the bill"),
    (codes.PARTNER_NOT_FOUND, _ASKS, "nobody has this prefix"),
    (codes.ALREADY_POSTED, (_PAYMENT,), "this payment is posted; the answer carries its result"),
    (codes.EXPIRED, _ASKS, "the bill had ended at the transaction time, or that time is too long ago"),
    (codes.REGISTRATION_EXPIRED, (_INQUIRY,), "the registration was not paid in time"),
    (codes.NOT_SUPPORTED, (*_EVERY, Service.UNKNOWN), "wrong method or path, or a version that was not agreed"),
    (codes.CONFLICT, _CALLS, "this X-EXTERNAL-ID was used today"),
    (codes.TOO_MANY, _EVERY, "above the rate, or too many at once"),
    (codes.GENERAL_ERROR, _EVERY, "our fault; nothing is promised, repeat it"),
    (codes.TIMEOUT, _EVERY, "we could not learn the outcome in time; it may still be posted"),
)
