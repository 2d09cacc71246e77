"""What leaves for a Wadah: each order is one of its statement, for its sum; confirmed once at most, and noted as paid when it is, never before.

That it is late is told once at most.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from tests.faults.checker.incentives import Told as Plain

INCENTIVE = "INCENTIVE"
JUDGED = ("WadahStatementIssued", "IncentivePayoutOrdered", "IncentivePayoutOverdue", "IncentivePaidOut")
Order = tuple[str, int]
"""Order id and whole rupiah."""


class Told(Plain, Protocol):
    @property
    def key(self) -> str: ...


def offences(log: Sequence[Told], paid_out: Collection[str] = ()) -> Iterator[tuple[str, str, str]]:
    """(Wadah:month, expected, actual) of everything that is not so at the end of a run. `paid_out`: whose payout somebody confirmed."""
    due = {event.key: event.data["payout"] for event in log if event.type == "WadahStatementIssued"}
    ordered, given = _orders(log, "IncentivePayoutOrdered"), _orders(log, "TransferOrdered")
    noted, left = _orders(log, "IncentivePaidOut"), _orders(log, "TransferConfirmed")
    for statement, times in Counter(event.key for event in log if event.type == "IncentivePayoutOverdue").items():
        if times > 1:
            yield statement, "told once that it is late", f"told {times} times"
    for statement in paid_out:
        if not noted[statement]:
            yield statement, "its payout ordered, confirmed and noted", _sums(noted[statement])
    for statement in {*ordered, *given, *noted, *left}:
        if ordered[statement] != given[statement]:
            yield statement, f"transfers {_sums(ordered[statement])} as ordered", _sums(given[statement])
        if noted[statement] != left[statement]:
            yield statement, f"{_sums(left[statement])} noted as paid out", _sums(noted[statement])
        if (paid := left[statement].total()) > 1:
            yield statement, "paid once", f"{paid} times"
        for _, amount in ordered[statement] | given[statement] | left[statement] | noted[statement]:
            if amount != due.get(statement):
                yield statement, f"{due.get(statement)} rupiah", f"{amount}"


def _orders(log: Sequence[Told], type_: str) -> defaultdict[str, Counter[Order]]:
    """By the statement that they are for: the key of the Wadah's month, which is the reference of its transfer."""
    found: defaultdict[str, Counter[Order]] = defaultdict(Counter)
    for event in log:
        if event.type == type_ and event.data.get("purpose", INCENTIVE) == INCENTIVE:
            found[event.data.get("reference", event.key)][event.data["order_id"], event.data["amount"]] += 1
    return found


def _sums(orders: Counter[Order]) -> str:
    return " + ".join(str(amount) for (_, amount), number in orders.items() for _ in range(number)) or "nothing"
