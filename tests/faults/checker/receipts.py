"""Where the money of every receipt stands, folded from payments' own log: on its bill, as a whole of many shares, in an agent's balance, in
suspense, or what became of it there. Whatever happens to it, the parts of one receipt are its amount, and none is below zero.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.faults.checker.lines import OF_AGENTS, OF_CREDIT

BILL, WHOLE, BALANCE, SUSPENSE = "bill", "collective", "balance", "suspense"
SHARED, REFUNDED = "shares", "refunded"
LEFT = {
    "PaymentMatched": "matched",
    "PaymentCredited": "credited",
    "PaymentReturned": "returned",
    "PaymentAssigned": "assigned",
    "PaymentVoided": "voided",
}
"""What becomes of money in suspense, by the event."""
Reference = tuple[str, str]


class Told(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclass
class Receipt:
    """`at`: place → whole rupiah. `own`: it came from outside; else it is made of money that came before (a share, a match, an agent's balance)."""

    payment_id: str
    reference: Reference
    amount: int
    own: bool
    bill_id: str | None = None
    at: Counter[str] = field(default_factory=Counter)
    reversed: bool = False
    recorded: int = 0
    """How often it was recorded as new."""
    unmatched: int = 0
    """How often it came to suspense."""

    @property
    def wrong(self) -> str:
        """What is wrong with it, or nothing."""
        if self.recorded != 1:
            return f"recorded {self.recorded} times"
        if below := [place for place, amount in self.at.items() if amount < 0]:
            return f"{self.at[below[0]]} rupiah in {below[0]}"
        if (stands := self.at.total()) not in (self.amount, 0) or (stands == 0 and not self.reversed):
            return f"{stands} rupiah"
        if self.at[BILL] and self.at[SUSPENSE]:
            return "on its bill and in suspense"
        return f"{self.at[WHOLE]} rupiah of a whole in no share" if self.at[WHOLE] else ""

    @property
    def stands(self) -> bool:
        """Whether its money is here: it was not taken back for good."""
        return self.at.total() != 0


@dataclass
class Fold:
    """All receipts by payment id. `early`: what was done to a payment that nobody had recorded."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    wholes: dict[str, str] = field(default_factory=dict)
    """Collective bill → the payment that paid it."""
    early: list[str] = field(default_factory=list)
    _matched: dict[str, str] = field(default_factory=dict)
    """Payment → the receipt that it was made of."""

    def by_reference(self) -> Mapping[Reference, list[Receipt]]:
        found: defaultdict[Reference, list[Receipt]] = defaultdict(list)
        for receipt in self.receipts.values():
            found[receipt.reference].append(receipt)
        return found

    def take(self, event: Told) -> None:
        """One event, in the order of the log."""
        data = event.data
        match event.type:
            case "ContributionPaid":
                self._new(data, BILL, own=self._comes_from_outside(data), bill_id=data["bill_id"])
                self._share(data)
            case "CollectiveBillPaid":
                self.wholes[data["bill_id"]] = data["payment_id"]
                self._new(data, WHOLE, own=True, bill_id=data["bill_id"])
            case "CollectiveBillReversed":
                if receipt := self._known(data):
                    receipt.at[WHOLE] -= data["amount"]
                    receipt.at[SHARED] = 0  # each share goes back as a receipt of its own
                    receipt.reversed = True
            case "AgentBalanceDeposited":
                self._new(data, BALANCE, own=True)
            case "PaymentUnmatched":
                self._unmatched(data)
            case "ContributionReversed":
                if receipt := self._known(data):
                    receipt.at[BILL] -= data["amount"]
                    receipt.reversed = True
                if data.get("reason") == "missing_at_bank" and data["payment_id"] in self._matched:
                    origin = self.receipts[self._matched[data["payment_id"]]]
                    origin.at[LEFT["PaymentMatched"]] -= data["amount"]  # it goes with the receipt, which is voided now
            case "ContributionRefunded":
                self._move({**data, "amount": data["amount"] - _by_credit(data)}, BILL, REFUNDED)
            case "PaymentReturnFailed":
                self._move(data, LEFT["PaymentReturned"], SUSPENSE)
            case "PaymentVoided":
                if receipt := self._known(data):
                    receipt.at[SUSPENSE] -= data["amount"]
                    receipt.reversed = True
            case "PaymentMatched":
                self._matched[data["matched_as"]] = data["payment_id"]
                self._move(data, SUSPENSE, LEFT[event.type])
            case "PaymentCredited" | "PaymentReturned" | "PaymentAssigned":
                self._move(data, SUSPENSE, LEFT[event.type])

    def _comes_from_outside(self, data: Mapping[str, Any]) -> bool:
        return (
            data.get("share_of") is None
            and data["partner"] not in (OF_AGENTS, OF_CREDIT)
            and data["payment_id"] not in self._matched
        )

    def _new(self, data: Mapping[str, Any], place: str, *, own: bool, bill_id: str | None = None) -> Receipt:
        payment = data["payment_id"]
        receipt = self.receipts.get(payment)
        if receipt is None:
            reference = (data["partner"], data["channel_reference"])
            receipt = self.receipts[payment] = Receipt(payment, reference, data["amount"], own, bill_id)
        receipt.recorded += 1
        receipt.at[place] += data["amount"]
        return receipt

    def _share(self, data: Mapping[str, Any]) -> None:
        """A share takes its part of the whole."""
        if (bill := data.get("share_of")) is not None:
            whole = self.receipts.get(self.wholes.get(bill, ""))
            if whole is None:
                self.early.append(data["payment_id"])
                return
            whole.at[WHOLE] -= data["amount"]
            whole.at[SHARED] += data["amount"]

    def _unmatched(self, data: Mapping[str, Any]) -> None:
        """New money, a share that was never a payment, or what left its bill."""
        receipt = self.receipts.get(data["payment_id"])
        if receipt is not None and receipt.reversed and not (receipt.at[BILL] or receipt.at[SUSPENSE]):
            receipt.at[SUSPENSE] += data["amount"]
        else:
            receipt = self._new(data, SUSPENSE, own=data.get("share_of") is None)
            self._share(data)
        receipt.unmatched += 1

    def _move(self, data: Mapping[str, Any], out_of: str, into: str) -> None:
        if receipt := self._known(data):
            receipt.at[out_of] -= data["amount"]
            receipt.at[into] += data["amount"]

    def _known(self, data: Mapping[str, Any]) -> Receipt | None:
        receipt = self.receipts.get(data["payment_id"])
        if receipt is None:
            self.early.append(data["payment_id"])
        return receipt


def _by_credit(data: Mapping[str, Any]) -> int:
    """How much of these months was paid from credit: money of other receipts."""
    return sum(charge.get("credit", 0) for charge in data["months"])


def folded(log: Sequence[Told]) -> Fold:
    """All receipts, from the whole log by position."""
    fold = Fold()
    for event in log:
        fold.take(event)
    return fold


def offences(fold: Fold) -> Iterator[tuple[str, str]]:
    """(payment, what is wrong) of every receipt that does not come to its amount in one place."""
    for receipt in fold.receipts.values():
        if receipt.wrong:
            yield receipt.payment_id, receipt.wrong
    for payment in fold.early:
        yield payment, "moved, and never recorded"
