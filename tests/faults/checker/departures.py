"""What leaves for people, as two of them decided: money of suspense or of an agent's balance goes out once for each proposal that was approved,
what is owed for months given back goes out once; a transfer that failed brings the money back, and never left as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.faults.checker.incentives import Told

RETURN, REFUND = "RETURN", "REFUND"
TAKEN = ("PaymentReturned", "AgentBalanceWithdrawn")
OWED = ("ContributionRefunded", "CreditReleased")
Sums = defaultdict[str, Counter[tuple[str, int]]]
"""By what a transfer is for: order id and whole rupiah."""


def offences(log: Sequence[Told]) -> Iterator[tuple[str, str, str]]:
    """(what it is for, expected, actual) of everything that is not so at the end of a run."""
    yield from _returns(log)
    yield from _refunds(log)
    yield from _closed_twice(log)


def _returns(log: Sequence[Told]) -> Iterator[tuple[str, str, str]]:
    """Keyed by the proposal, which is the reference of its transfer."""
    approved = Counter(event.data["proposal_id"] for event in log if event.type == "ProposalApproved")
    ordered, taken = _transfers(log, "TransferOrdered", RETURN), Sums(Counter)
    for event in log:
        if event.type in TAKEN:
            taken[event.data["proposal_id"]][event.data["order_id"], event.data["amount"]] += 1
    for proposal in {*ordered, *taken}:
        if ordered[proposal] != taken[proposal]:
            yield proposal, f"{_sums(taken[proposal])} to leave", _sums(ordered[proposal])
        if (orders := ordered[proposal].total()) != approved[proposal]:
            yield proposal, f"an order for each of {approved[proposal]} approvals", f"{orders}"
    back, failed = Counter[str](), Counter[str]()
    for event in log:
        if event.type in ("PaymentReturnFailed", "AgentBalanceRestored"):
            back[event.data["order_id"]] += event.data["amount"]
        elif event.type == "TransferFailed" and event.data["purpose"] == RETURN:
            failed[event.data["order_id"]] += event.data["amount"]
    for order in {*back, *failed}:
        if back[order] != failed[order]:
            yield order, f"{failed[order]} rupiah back", f"{back[order]}"


def _refunds(log: Sequence[Told]) -> Iterator[tuple[str, str, str]]:
    """Keyed by the payment of whose months it is, which is the reference of its transfers: as often as they fail, one more."""
    owed: Counter[str] = Counter()
    for event in log:
        if event.type in OWED:
            owed[event.data["payment_id"]] += event.data["amount"]
    ordered, failed = (_transfers(log, type_, REFUND) for type_ in ("TransferOrdered", "TransferFailed"))
    for payment, orders in ordered.items():
        leaves = _total(orders) - _total(failed[payment])
        if leaves not in (0, owed[payment]):
            yield payment, f"{owed[payment]} rupiah to leave", f"{leaves}"


def _closed_twice(log: Sequence[Told]) -> Iterator[tuple[str, str, str]]:
    """Keyed by the order, which ends once: it left, or it failed."""
    ordered = {event.data["order_id"]: event.data["amount"] for event in log if event.type == "TransferOrdered"}
    ends: defaultdict[str, list[str]] = defaultdict(list)
    for event in log:
        if event.type in ("TransferConfirmed", "TransferFailed"):
            order, amount = event.data["order_id"], event.data["amount"]
            ends[order].append(event.type)
            if amount != ordered.get(order):
                yield order, f"{ordered.get(order)} rupiah", f"{amount}"
    for order, types in ends.items():
        if len(types) > 1:
            yield order, "one end", ", ".join(types)


def _transfers(log: Sequence[Told], type_: str, purpose: str) -> Sums:
    found = Sums(Counter)
    for event in log:
        if event.type == type_ and event.data["purpose"] == purpose:
            found[event.data["reference"]][event.data["order_id"], event.data["amount"]] += 1
    return found


def _total(orders: Counter[tuple[str, int]]) -> int:
    return sum(amount * number for (_, amount), number in orders.items())


def _sums(orders: Counter[tuple[str, int]]) -> str:
    return " + ".join(str(amount) for (_, amount), number in orders.items() for _ in range(number)) or "nothing"
