"""What an answer of the biller means for the money, and what it leaves open.

A refusal of one call (wrong signature, used X-EXTERNAL-ID, too many requests) says nothing about an earlier call of
the same payment; only success, or a refusal of the payment itself, closes a payment that has been sent before.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

INQUIRY, PAYMENT, STATUS = "24", "25", "26"
PAID, NOT_PAID_YET = "00", "03"


@dataclass(frozen=True)
class Reply:
    """One answer; `code` is "" when none came or what came could not be read, and `message` then says why."""

    code: str
    message: str
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """`virtualAccountData`, or nothing."""
        found = self.body.get("virtualAccountData")
        return found if isinstance(found, dict) else {}

    @property
    def case(self) -> str:
        """HTTP status and case without the service: `40418` for 4042518."""
        return self.code[:3] + self.code[5:]


class Verdict(StrEnum):
    """`done`, `refused`: final. `doubtful`: the call may have worked. `not_processed`: it surely did not;
    `try_again` likewise, and the same call may work later. `not_there`: the biller does not hold the payment."""

    DONE = "done"
    REFUSED = "refused"
    DOUBTFUL = "doubtful"
    NOT_PROCESSED = "not_processed"
    TRY_AGAIN = "try_again"
    NOT_THERE = "not_there"


def judge_payment(reply: Reply, payment_request_id: str) -> Verdict:
    """The meaning of an answer to payment (25). 404xx18 counts as success: it is already posted (snap.md section 7)."""
    if reply.case == "40418":
        return Verdict.DONE
    if reply.code == "2002500":
        return _by_flag(reply, payment_request_id)
    return _by_status(reply)


def judge_status(reply: Reply, payment_request_id: str) -> Verdict:
    """The meaning of an answer to status (26). Nothing found, or known and unpaid, is `not_there`."""
    if reply.case == "40401" or (reply.code == "2002600" and reply.data.get("paymentFlagStatus") == NOT_PAID_YET):
        return Verdict.NOT_THERE
    if reply.code == "2002600":
        return _by_flag(reply, payment_request_id)
    # Whatever else it says, it is not about the payment.
    return Verdict.DOUBTFUL


def _by_flag(reply: Reply, payment_request_id: str) -> Verdict:
    if reply.data.get("paymentRequestId", payment_request_id) != payment_request_id:
        return Verdict.DOUBTFUL  # an answer about another payment answers nothing
    match reply.data.get("paymentFlagStatus"):
        case "00":
            return Verdict.DONE
        case "01":
            return Verdict.REFUSED
        case None if reply.code == "2002500":  # the flag is optional in the payment answer
            return Verdict.DONE
        case _:
            return Verdict.DOUBTFUL


def _by_status(reply: Reply) -> Verdict:
    match reply.code[:3]:
        case "403" | "404":
            return Verdict.REFUSED
        case "409" | "429":
            return Verdict.TRY_AGAIN
        case "400" | "401" | "405":
            return Verdict.NOT_PROCESSED
        case _:  # none, 202 in progress, 5xx, 504 timeout, anything unknown
            return Verdict.DOUBTFUL
