"""The checker's own arithmetic of money: where each receipt stands, what events move, what statements come to; and it sees what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.events import OWNERS, TOPICS
from tests.faults.checker import incentives
from tests.faults.checker.effects import STREAMS
from tests.faults.checker.lines import lines_of, stated
from tests.faults.checker.receipts import folded, offences
from tests.faults.checker.tally import Tally
from tests.faults.checker.transitions import MACHINES, open_at_once

MONTH = {"month": "2025-10", "jkk": 10_000, "jkm": 6_800, "jht": 20_000}
PRICE = 36_800
NEW = "perisai-incentive-new/2022-04"


@dataclass
class Told:
    """An event as the log has it."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    rules: str = ""
    stream: str = "contributions"
    key: str = "payer"


def paid(payment: str = "p1", **more: Any) -> Told:
    data = {
        "payment_id": payment,
        "bill_id": f"bill-{payment}",
        "partner": "bank",
        "channel_reference": f"ref-{payment}",
    }
    return Told("ContributionPaid", {**data, "amount": PRICE, "months": [MONTH], **more})


def of(type_: str, payment: str = "p1", amount: int = PRICE, **more: Any) -> Told:
    data = {
        "payment_id": payment,
        "partner": "bank",
        "channel_reference": f"ref-{payment}",
        "bill_id": None,
        "amount": amount,
    }
    return Told(type_, data | more)


def wrong(*events: Told) -> list[str]:
    return [what for _, what in offences(folded(events))]


def balances(*events: Told) -> dict[str, int]:
    """Credit minus debit per account that is not zero."""
    net: Counter[str] = Counter()
    for event in events:
        for debit, credit, amount, _, _ in lines_of(event):
            net[debit] -= amount
            net[credit] += amount
    return {account: amount for account, amount in net.items() if amount}


WHOLE = of("CollectiveBillPaid", "w", 2 * PRICE, bill_id="group")
MATCH = of("PaymentMatched", matched_as="m")
PATHS = {
    "a payment on its bill": [paid()],
    "refused protection": [
        paid(),
        of("ContributionReversed", bill_id="bill-p1", months=[MONTH]),
        of("PaymentUnmatched", bill_id="bill-p1"),
    ],
    "voided": [paid(), of("ContributionReversed", bill_id="bill-p1", months=[MONTH])],
    "voided, and arrived after all": [
        paid(),
        of("ContributionReversed", bill_id="bill-p1", months=[MONTH]),
        of("PaymentUnmatched", bill_id="bill-p1"),
    ],
    "money nobody can place": [of("PaymentUnmatched")],
    "matched": [of("PaymentUnmatched"), MATCH, paid("m")],
    "matched, and never came": [
        of("PaymentUnmatched"),
        MATCH,
        paid("m"),
        of("ContributionReversed", "m", bill_id="bill-m", months=[MONTH], reason="missing_at_bank"),
        of("PaymentVoided", amount=0),
    ],
    "matched, never came, and came after all": [
        of("PaymentUnmatched"),
        MATCH,
        paid("m"),
        of("ContributionReversed", "m", bill_id="bill-m", months=[MONTH], reason="missing_at_bank"),
        of("PaymentVoided", amount=0),
        of("PaymentUnmatched"),
    ],
    "returned": [of("PaymentUnmatched"), of("PaymentReturned"), of("PaymentReturnFailed"), of("PaymentReturned")],
    "assigned in part": [of("PaymentUnmatched"), of("PaymentAssigned", amount=800, account="fees:bank")],
    "given as credit": [of("PaymentUnmatched"), of("PaymentCredited")],
    "given back before its protection was refused": [
        paid(),
        of("ContributionRefunded", amount=800, months=[MONTH]),
        of("ContributionReversed", amount=PRICE - 800, months=[MONTH]),
        of("PaymentUnmatched", amount=PRICE - 800, bill_id="bill-p1"),
    ],
    "voided in suspense": [of("PaymentUnmatched"), of("PaymentVoided")],
    "a collective bill": [WHOLE, paid("s1", share_of="group"), of("PaymentUnmatched", "s2", share_of="group")],
    "a collective bill taken back while it was being posted": [
        WHOLE,
        paid("s1", share_of="group"),
        of("CollectiveBillReversed", "w", PRICE, bill_id="group"),
        of("ContributionReversed", "s1", bill_id="bill-s1", months=[MONTH]),
        of("CollectiveSharesReversed", "w", bill_id="group"),
    ],
    "an agent's balance": [
        of("AgentBalanceDeposited", "d", 100_000, agent_id="a"),
        paid("c", partner="agent-balance"),
        of("AgentBalanceCharged", "c", agent_id="a"),
    ],
    "months given back": [paid(), of("ContributionRefunded", months=[MONTH])],
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_money_on_an_allowed_way_stands_in_one_place_and_balances(path: list[Told]) -> None:
    assert wrong(*path) == []
    found = balances(*path)
    assert sum(found.values()) == 0
    assert found.get("clearing:agent-balance", 0) == 0


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ([paid(), paid()], "recorded 2 times"),
        (
            [
                paid(),
                of("ContributionReversed", bill_id="b", months=[MONTH]),
                of("ContributionReversed", months=[MONTH]),
            ],
            f"{-PRICE} rupiah in bill",
        ),
        (
            [of("PaymentUnmatched"), of("PaymentReturned"), of("PaymentAssigned", account="fees:bank")],
            f"{-PRICE} rupiah in suspense",
        ),
        ([MATCH], "moved, and never recorded"),
        ([WHOLE, paid("s1", share_of="group")], f"{PRICE} rupiah of a whole in no share"),
        ([WHOLE, *(paid(f"s{n}", share_of="group") for n in range(3))], f"{-PRICE} rupiah in collective"),
        ([paid("s1", share_of="group")], "moved, and never recorded"),
        ([paid(), of("PaymentUnmatched", bill_id="bill-p1")], "recorded 2 times"),
    ],
)
def test_money_that_is_lost_or_doubled_is_named(path: list[Told], what: str) -> None:
    assert what in wrong(*path)


def test_a_wadah_is_owed_its_statement_less_the_tax() -> None:
    issued = Told("WadahStatementIssued", {"wadah_id": "w", "gross": 1_128_600, "tax": 100_000})
    owed = {"incentive-expense": -1_128_600, "incentives-payable:w": 1_028_600, "tax-withheld": 100_000}
    assert balances(issued) == owed
    assert stated(issued) == 1_228_600


def test_a_second_open_bill_of_a_payer_is_named_and_a_share_is_none() -> None:
    def billed(bill: str, **more: Any) -> Told:
        return Told("ContributionBilled", {"bill_id": bill, "share_of": None, **more})

    share = billed("s", share_of="group")
    assert (
        list(open_at_once([billed("a"), share, paid(bill_id="s"), Told("BillExpired", {"bill_id": "a"}), billed("b")]))
        == []
    )
    assert list(open_at_once([billed("a"), billed("b")])) == [("payer", "b")]


def statement(people: int, **changes: Any) -> list[Told]:
    """An agent's month of so many new people under the NEW set, and the Wadah's (domain.md section 13)."""
    received = people * PRICE
    acquisition = 15_000 * people if people >= 25 else 0
    agent = acquisition + received * 1_500 // 10_000
    earned = {"acquisitions": people, "received": received, "acquisition_pay": acquisition, "agent": agent, "carved": 0}
    earned |= {"contribution_pay": agent - acquisition}
    lines = [
        {"payment_id": f"p{n}", "month": "2025-10", "k": 1, "bps": 1_500, "received": PRICE} for n in range(people)
    ]
    heads = [{"payment_id": f"p{n}", "with_jht": True} for n in range(people)]
    month = {"agent_id": "a", "wadah_id": "w", "month": "2025-10", "run": "2025-10"}
    own = {
        "adjustments": [],
        "carried_in": 0,
        "payable": agent,
        "carried_out": 0,
        "lines": 2 * people,
        "earned": earned,
    }
    share = agent // 10
    whole = {"agents_payable": agent, "share": share, "gross": agent + share, "tax_bps": 0, "payout": agent + share}
    more: dict[str, Any] = {"adjustments": [], "carried_in": 0}
    return [
        *(paid(f"p{n}") for n in range(people)),
        Told("IncentiveEarned", {**month, "acquisitions": heads, "contributions": lines}, NEW),
        Told("IncentiveStatementIssued", {**month, **own} | {k: v for k, v in changes.items() if k in own}, NEW),
        Told(
            "WadahStatementIssued", {**month, **whole, **more} | {k: v for k, v in changes.items() if k in whole}, NEW
        ),
    ]


def violations(log: list[Told]) -> int:
    tally = Tally("I5")
    incentives.check(log, tally)
    assert tally.checked
    return tally.violations


@pytest.mark.parametrize(
    ("people", "agent", "wadah"), [(50, 1_026_000, 102_600), (30, 615_600, 61_560), (24, 132_480, 13_248)]
)
def test_the_official_statements_pass(people: int, agent: int, wadah: int) -> None:
    log = statement(people)
    assert (log[-2].data["payable"], log[-1].data["share"]) == (agent, wadah)
    assert violations(log) == 0


@pytest.mark.parametrize(
    "changes", [{"payable": 1_026_001}, {"lines": 99}, {"share": 102_601}, {"payout": 1}, {"agents_payable": 0}]
)
def test_a_statement_that_is_not_its_lines_is_named(changes: dict[str, Any]) -> None:
    assert violations(statement(50, **changes)) > 0


def test_a_line_without_its_payment_and_a_statement_twice_are_named() -> None:
    log = statement(50)
    assert violations(log[1:]) > 0
    assert violations([*log, log[-2]]) > 0


def test_every_stream_has_its_owner_its_topic_and_its_machine() -> None:
    assert {name: (one["owner"], one["topic"]) for name, one in STREAMS.items() if name in OWNERS} == {
        name: (owner, TOPICS[name]) for name, owner in OWNERS.items()
    }
    assert {machine["stream"] for machine in MACHINES} >= OWNERS.keys()
