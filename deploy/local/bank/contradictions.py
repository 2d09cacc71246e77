"""A settlement file that contradicts the bank's own books: some payments left out, listed with another amount, listed twice, or spoilt.

Its totals are those of its own lines, so it looks like any other. What was done to which payment is told beside it, for whoever plays the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from deploy.local.bank.books import Payment


@dataclass(frozen=True)
class FalseFile:
    """`lines`: payments as listed; `spoilt`: places in `lines` whose amount nobody can read. The rest: paymentRequestIds by what was done."""

    lines: list[Payment]
    spoilt: frozenset[int]
    omitted: list[str]
    changed: dict[str, int]
    doubled: list[str]


def contradict(payments: Sequence[Payment], each: int, seed: int) -> FalseFile:
    """So many payments of each kind, or as many as there are for, of those that the biller was told of; the lines in an order of their own."""
    chance = Random(seed)
    told = [place for place, payment in enumerate(payments) if payment.told]
    drawn = chance.sample(told, min(4 * each, len(told)))
    omitted, changed, doubled, spoilt = (drawn[n * each : (n + 1) * each] for n in range(4))
    lines = [_listed(payments[n], n in {*changed}) for n in range(len(payments)) if n not in {*omitted}]
    lines += [payments[n] for n in doubled]
    chance.shuffle(lines)
    unreadable = {payments[n].payment_request_id for n in spoilt}
    return FalseFile(
        lines,
        frozenset(place for place, one in enumerate(lines) if one.payment_request_id in unreadable),
        [payments[n].payment_request_id for n in omitted],
        {payments[n].payment_request_id: payments[n].amount + 1 for n in changed},
        [payments[n].payment_request_id for n in doubled],
    )


def _listed(payment: Payment, changed: bool) -> Payment:
    return replace(payment, amount=payment.amount + 1) if changed else payment
