"""What an acquirer tells of a QR payment (service 52), and what it answers to generate (47) and query (51); snap.md section 10."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.payments.domain.snap import values
from services.payments.domain.snap.fields import Field, Fields, anything, check, money, one_of, text


class QrStatus(StrEnum):
    """`latestTransactionStatus`."""

    SUCCESS = "00"
    INITIATED = "01"
    PAYING = "02"
    PENDING = "03"
    REFUNDED = "04"
    CANCELLED = "05"
    FAILED = "06"
    NOT_FOUND = "07"


NOTICE = (
    Field("originalReferenceNo", text(64), mandatory=True),
    Field("latestTransactionStatus", one_of(*QrStatus), mandatory=True),
    Field("originalPartnerReferenceNo", text(64)),
    Field("transactionStatusDesc", text(50)),
    Field("customerNumber", text(64)),
    Field("accountType", text(25)),
    Field("destinationNumber", text(25)),
    Field("destinationAccountName", text(25)),
    Field("sessionId", text(25)),
    Field("bankCode", text(11)),
    Field("externalStoreId", text(64)),
    Field("amount", money),
    Field("additionalInfo", anything),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the acquirer says of one code. `acquirer_reference` is its own number; `reference` is ours. Whole rupiah, UTC.

    `paid_at` is None where it does not say; then the moment of receipt counts.
    """

    acquirer_reference: str
    status: QrStatus
    reference: str | None = None
    amount: int | None = None
    paid_at: datetime | None = None


def read_notice(fields: Fields, *, amount_digits: int) -> Told:
    """Raises Malformed naming the first bad field."""
    found = check(fields, NOTICE, amount_digits=amount_digits)
    return Told(
        acquirer_reference=found["originalReferenceNo"],
        status=QrStatus(found["latestTransactionStatus"]),
        reference=found.get("originalPartnerReferenceNo"),
        amount=values.rupiah(found["amount"]["value"], digits=amount_digits) if "amount" in found else None,
    )
