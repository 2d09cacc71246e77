"""What each event moves between accounts, by this file's own arithmetic: the contracts and domain.md sections 5 to 7, nothing of the service.

A debit is money coming to an account that others owe us (`clearing:`, `bank:`, `fees:`, `incentive-expense`) or leaving one that we owe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

CLEARING, BANK, FEES, BALANCE, INCENTIVES = "clearing:", "bank:", "fees:", "agent-balance:", "incentives-payable:"
SUSPENSE, COLLECTIVE, REFUNDS, CREDIT = "suspense", "collective", "refunds-payable", "carry-forward"
EXPENSE, TAX = "incentive-expense", "tax-withheld"
COMPONENTS = {"jkk": "contributions:jkk", "jkm": "contributions:jkm", "jht": "contributions:jht"}
OF_AGENTS = "agent-balance"
"""The partner of a payment that an agent's deposits make."""
OF_CREDIT = "perisai"
"""The partner of a payment that a participant's credit makes."""
OWED = (*COMPONENTS.values(), SUSPENSE, COLLECTIVE, REFUNDS, CREDIT, BALANCE)
"""Accounts of what people gave us and we owe them; a name that ends with a colon stands for all that begin with it."""
Line = tuple[str, str, int, str | None, str | None]
"""Debit, credit, amount (> 0), payment, contribution month."""


class Told(Protocol):
    """An event as the log has it."""

    @property
    def type(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


def lines_of(event: Told) -> Iterator[Line]:
    """Every line of one event; none of one that moves nothing."""
    data = event.data
    payment = data.get("payment_id")
    match event.type:
        case "ContributionPaid":
            yield from _months(data, _source(data), forward=True)
        case "ContributionReversed":
            yield from _months(data, CLEARING + data["partner"], forward=False)
        case "ContributionRefunded":
            yield from _months(
                {**data, "months": [{**charge, "credit": 0} for charge in data["months"]]}, REFUNDS, forward=False
            )
        case "CreditGranted" | "CreditWithdrawn":
            yield from _months(data, CREDIT, forward=event.type == "CreditWithdrawn")
        case "PaymentUnmatched":
            yield _source(data), SUSPENSE, data["amount"], payment, None
        case "PaymentMatched" | "PaymentVoided" if data["amount"]:
            yield SUSPENSE, CLEARING + data["partner"], data["amount"], payment, None
        case "PaymentCredited":
            yield SUSPENSE, CREDIT, data["amount"], payment, None
        case "CreditReleased":
            yield CREDIT, REFUNDS, data["amount"], payment, None
        case "PaymentReturned":
            yield SUSPENSE, REFUNDS, data["amount"], payment, None
        case "PaymentReturnFailed":
            yield REFUNDS, SUSPENSE, data["amount"], payment, None
        case "PaymentAssigned":
            yield SUSPENSE, data["account"], data["amount"], payment, None
        case "TransferConfirmed":
            yield data["account"], BANK + data["partner"], data["amount"], payment, None
        case "CollectiveBillPaid":
            yield CLEARING + data["partner"], COLLECTIVE, data["amount"], payment, None
        case "CollectiveBillReversed":
            if data["amount"]:
                yield COLLECTIVE, CLEARING + data["partner"], data["amount"], payment, None
        case "AgentBalanceDeposited":
            yield CLEARING + data["partner"], BALANCE + data["agent_id"], data["amount"], payment, None
        case "AgentBalanceCharged":
            yield BALANCE + data["agent_id"], CLEARING + OF_AGENTS, data["amount"], payment, None
        case "AgentBalanceWithdrawn":
            yield BALANCE + data["agent_id"], REFUNDS, data["amount"], payment, None
        case "AgentBalanceRestored":
            yield REFUNDS, BALANCE + data["agent_id"], data["amount"], payment, None
        case "SettlementReceived":
            for account, amount in ((BANK, data["amount"]), (FEES, data["fees"])):
                if amount:
                    yield account + data["partner"], CLEARING + data["partner"], amount, None, None
        case "SettlementFeesCorrected":
            fees, clearing, more = (
                FEES + data["partner"],
                CLEARING + data["partner"],
                data["fees"] - data["fees_before"],
            )
            if more:
                yield *((fees, clearing) if more > 0 else (clearing, fees)), abs(more), None, None
        case "CreditCorrected":
            cash, clearing, more = (
                BANK + data["partner"],
                CLEARING + data["partner"],
                data["amount"] - data["amount_before"],
            )
            if more:
                yield *((cash, clearing) if more > 0 else (clearing, cash)), abs(more), None, None
        case "WadahStatementIssued":
            payable = INCENTIVES + data["wadah_id"]
            for debit, credit, amount in ((EXPENSE, payable, data["gross"]), (payable, TAX, data["tax"])):
                if amount:
                    yield debit, credit, amount, None, None


def stated(event: Told) -> int:
    """What an event that moves money says it moves, whole rupiah."""
    names = ("gross", "tax") if event.type == "WadahStatementIssued" else ("amount", "fees")
    credit = event.type in ("ContributionPaid", "ContributionReversed")
    by_credit = sum(charge.get("credit", 0) for charge in event.data["months"]) if credit else 0
    return int(by_credit) + sum(int(event.data.get(name, 0)) for name in names)


def _source(data: Mapping[str, Any]) -> str:
    """Where money comes from: the partner that took it, or the paid collective bill that it is a share of."""
    return CLEARING + str(data["partner"]) if data.get("share_of") is None else COLLECTIVE


def _months(data: Mapping[str, Any], other: str, *, forward: bool) -> Iterator[Line]:
    """Each component of each month, from `other` to its account or back; what a month uses of its payer's credit is of that account."""
    for charge in data["months"]:
        credit = charge.get("credit", 0)
        for component, account in COMPONENTS.items():
            amount = charge.get(component, 0)
            used = 0 if component == "jht" else min(credit, amount)
            credit -= used
            for source, part in ((CREDIT, used), (other, amount - used)):
                if part:
                    pair = (source, account) if forward else (account, source)
                    yield *pair, part, data["payment_id"], charge["month"]


def owed(account: str) -> bool:
    """Whether we owe it to those who gave it."""
    return any(account.startswith(name) if name.endswith(":") else account == name for name in OWED)


def total(lines: Iterable[Line]) -> int:
    return sum(line[2] for line in lines)
