"""What a chain of shops does not take: first payments, where they come by other ways, and sums outside its limits (snap.md section 7)."""

from __future__ import annotations

from collections.abc import Sequence

from services.payments.kit import reasons
from services.payments.kit.cases import Case, Say, Step
from services.payments.kit.exchanges.numbers import asks, asks_anew


def _pays_what_a_bank_was_told(kind: str) -> Say:
    return lambda stage: stage.payment(stage.number(kind), stage.quoted(), "shop")


def _not_taken(name: str, kind: str, case: str, reason: str) -> Case:
    """A bill that a bank is quoted, and a shop is not."""
    return Case(
        name,
        [
            Step("a bank is quoted it", asks_anew(kind), "2002400"),
            Step("a shop is not", asks("shop", kind), f"40324{case}", reason=reason),
            Step("and its payment is not taken", _pays_what_a_bank_was_told(kind), f"40325{case}", reason=reason),
        ],
    )


def _deposits(value: str) -> Say:
    return lambda stage: stage.payment(stage.number("deposit"), value, "shop")


CASES: Sequence[Case] = (
    _not_taken("shop: a first payment", "first", "15", reasons.NOT_FOR_FIRST),
    _not_taken("shop: a bill below its limits", "small", "02", reasons.BELOW_SHOPS),
    _not_taken("shop: a bill above its limits", "large", "02", reasons.ABOVE_SHOPS),
    Case(
        "shop: deposits outside its limits",
        [
            Step("below", _deposits("1.00"), "4032502", reason=reasons.BELOW_SHOPS),
            Step("above", _deposits("999999999.00"), "4032502", reason=reasons.ABOVE_SHOPS),
        ],
    ),
)
