"""A bank's bad days, on request: for one payment, or as a mode for all that follow."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Behaviour(BaseModel):
    """How a payment misbehaves; the defaults are a bank on a good day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Send the payment twice, one after another or at the same moment, each with its own X-EXTERNAL-ID.
    double: Literal["no", "after", "at_once"] = "no"
    # The second copy repeats the X-EXTERNAL-ID of the first; without a copy, the payment that of its inquiry.
    repeat_external_id: bool = False
    # Lose this many answers to the payment and its advices: as far as the bank knows, none came.
    drop_answers: Annotated[int, Field(ge=0, le=1000)] = 0
    # Send the payment so long after the money was taken; trxDateTime stays.
    hold_s: Annotated[float, Field(ge=0, le=86_400)] = 0
    # Give trxDateTime as so much earlier than it is.
    earlier_s: Annotated[int, Field(ge=0, le=31_536_000)] = 0
    # Send this many rupiah more (or fewer) than were asked.
    amount_off: Annotated[int, Field(ge=-10_000_000, le=10_000_000)] = 0
    # Spoil X-SIGNATURE of the payment.
    corrupt_signature: bool = False
    # Sign the payment with an X-TIMESTAMP that much in the past (negative: in the future).
    stale_s: Annotated[int, Field(ge=-31_536_000, le=31_536_000)] = 0
    # Take the money and tell the biller nothing; it appears in the settlement file only.
    never_call: bool = False
    # Send the payment without an inquiry; needs an amount.
    skip_inquiry: bool = False


class Mode:
    """The behaviour of payments that do not bring their own, for as many as were asked."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.left: int | None = None

    def set(self, behaviour: Behaviour, payments: int | None) -> None:
        """For the next `payments`, or until changed."""
        self.behaviour, self.left = behaviour, payments

    def next(self) -> Behaviour:
        """The behaviour of one payment; falls back to good days when the count is used up."""
        found = self.behaviour
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.set(Behaviour(), None)
        return found
