"""What leaves for people leaves once: the checker passes every allowed way, and names each double that is planted."""

from __future__ import annotations

import pytest

from tests.faults.checker.departures import offences
from tests.unit.faults.test_money import Told

AMOUNT = 40_000


def approved(proposal: str = "p") -> Told:
    return Told("ProposalApproved", {"proposal_id": proposal, "approved_by": "head-1"})


def taken(type_: str = "PaymentReturned", order: str = "o", proposal: str = "p", amount: int = AMOUNT) -> Told:
    return Told(type_, {"payment_id": "m", "order_id": order, "proposal_id": proposal, "amount": amount})


def transfer(type_: str, order: str = "o", reference: str = "p", purpose: str = "RETURN", amount: int = AMOUNT) -> Told:
    return Told(type_, {"order_id": order, "reference": reference, "purpose": purpose, "amount": amount})


def back(type_: str = "PaymentReturnFailed", order: str = "o") -> Told:
    return Told(type_, {"payment_id": "m", "order_id": order, "amount": AMOUNT})


def owed(type_: str = "ContributionRefunded") -> Told:
    return Told(type_, {"payment_id": "m", "amount": AMOUNT})


def refund(type_: str, order: str = "o", amount: int = AMOUNT) -> Told:
    return transfer(type_, order, "m", "REFUND", amount)


OUT = [approved(), taken(), transfer("TransferOrdered")]
OWED = [owed(), refund("TransferOrdered")]
ALLOWED = {
    "nothing": [],
    "ordered": OUT,
    "left": [*OUT, transfer("TransferConfirmed")],
    "failed, and back in suspense": [*OUT, transfer("TransferFailed"), back()],
    "out of a balance, and back": [
        approved(), taken("AgentBalanceWithdrawn"), transfer("TransferOrdered"), transfer("TransferFailed"), back("AgentBalanceRestored"),
    ],
    "a refund that failed and was ordered again": [
        *OWED, refund("TransferFailed"), refund("TransferOrdered", "o2"), refund("TransferConfirmed", "o2"),
    ],
    "credit that was left": [owed("CreditReleased"), refund("TransferOrdered")],
}  # fmt: skip
PLANTED = {
    "two orders of one approval": [*OUT, transfer("TransferOrdered", "o2")],
    "taken twice for one approval": [*OUT, taken(order="o2"), transfer("TransferOrdered", "o2")],
    "an order that nobody approved": [taken(), transfer("TransferOrdered")],
    "an approval carried out by half": [approved(), taken()],
    "more ordered than taken": [approved(), taken(amount=1), transfer("TransferOrdered")],
    "left twice": [*OUT, transfer("TransferConfirmed"), transfer("TransferConfirmed")],
    "left, and back as well": [*OUT, transfer("TransferConfirmed"), transfer("TransferFailed"), back()],
    "back without having failed": [*OUT, back()],
    "back twice": [*OUT, transfer("TransferFailed"), back(), back()],
    "more left than was ordered": [*OUT, transfer("TransferConfirmed", amount=AMOUNT + 1)],
    "a refund in two orders": [*OWED, refund("TransferOrdered", "o2")],
    "a refund that nobody is owed": [refund("TransferOrdered")],
    "a refund of another sum": [owed(), refund("TransferOrdered", amount=AMOUNT + 1)],
}


@pytest.mark.parametrize("log", ALLOWED.values(), ids=ALLOWED)
def test_an_allowed_way_is_no_offence(log: list[Told]) -> None:
    assert list(offences(log)) == []


@pytest.mark.parametrize("log", PLANTED.values(), ids=PLANTED)
def test_a_planted_double_is_named(log: list[Told]) -> None:
    assert list(offences(log))
