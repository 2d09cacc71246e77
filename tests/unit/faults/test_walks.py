"""The checker's eyes for walks of several steps: shares taken back, payouts that leave, people of an agent who left. It passes what is right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults.checker import managers, payouts, wholes
from tests.faults.checker.receipts import folded
from tests.unit.faults.test_money import MONTH, WHOLE, of, paid

ORDER = {"order_id": "o1", "amount": 900}
STATEMENT = "wadah:2025-10"


@dataclass
class Told:
    """An event as the log has it."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    key: str = STATEMENT
    rules: str = ""


def shares(type_: str, *numbers: int, kept: int = 0) -> Any:
    found: list[dict[str, Any]] = [{"number": n, "payment_id": f"s{n}"} for n in numbers]
    if type_ == "CollectiveSharesReversed":
        found = [share | {"kept_for": "partly_used" if share["number"] == kept else None} for share in found]
    return of(type_, "w", bill_id="group", shares=found)


def gone(number: int) -> Any:
    return of("ContributionReversed", f"s{number}", bill_id=f"bill-s{number}", months=[MONTH])


FORWARD = [
    WHOLE,
    *(paid(f"s{n}", share_of="group") for n in (1, 2)),
    shares("CollectiveSharesPosted", 1),
    shares("CollectiveSharesPosted", 2),
    of("CollectiveBillReversed", "w", 0, bill_id="group"),
]


def of_wholes(*events: Any) -> list[str]:
    return [actual for _, _, actual in wholes.offences(events, folded(events))]


@pytest.mark.parametrize(
    "back",
    [
        [gone(1), shares("CollectiveSharesReversed", 1), gone(2), shares("CollectiveSharesReversed", 2)],
        [gone(2), shares("CollectiveSharesReversed", 1, 2, kept=1)],
    ],
)
def test_a_whole_that_was_walked_back_is_gone_or_says_what_it_kept(back: list[Any]) -> None:
    assert of_wholes(*FORWARD, *back) == []


@pytest.mark.parametrize(
    ("back", "told"),
    [
        ([gone(1), shares("CollectiveSharesReversed", 1)], "1 lines, 1 of them different"),  # one was lost
        ([], "0 lines, 0 of them different"),
        (
            [gone(1), gone(2), shares("CollectiveSharesReversed", 1, 2), shares("CollectiveSharesReversed", 2)],
            "3 lines, 2 of them different",
        ),
        ([gone(1), shares("CollectiveSharesReversed", 1, 2)], "its money stands"),  # noted, and never taken back
        ([gone(1), gone(2), shares("CollectiveSharesReversed", 1, 2, kept=2)], "no money stands"),
    ],
)
def test_a_share_that_was_lost_or_dealt_with_twice_is_named(back: list[Any], told: str) -> None:
    assert told in of_wholes(*FORWARD, *back)


def test_a_line_posted_twice_and_a_share_taken_back_alone_are_named() -> None:
    twice = shares("CollectiveSharesPosted", 1)
    assert of_wholes(*FORWARD[:3], twice, twice) == ["2 lines, 1 of them different"]
    assert of_wholes(*FORWARD[:5], gone(1), shares("CollectiveSharesReversed", 1)) == ["1"]


ISSUED = Told("WadahStatementIssued", {"payout": 900})
ORDERED, PAID = Told("IncentivePayoutOrdered", ORDER), Told("IncentivePaidOut", ORDER)
LATE = Told("IncentivePayoutOverdue", {})
SENT = {"purpose": "INCENTIVE", "reference": STATEMENT, **ORDER}
GIVEN, LEFT = Told("TransferOrdered", SENT, "INCENTIVE:x"), Told("TransferConfirmed", SENT, "INCENTIVE:x")


@pytest.mark.parametrize(
    "log",
    [
        [ISSUED],
        [ISSUED, ORDERED, GIVEN],
        [ISSUED, ORDERED, GIVEN, LEFT, PAID],
        [ISSUED, LATE, ORDERED, GIVEN, LEFT, PAID],
        [Told("TransferOrdered", SENT | {"purpose": "REFUND"})],
    ],
)
def test_a_payout_that_is_due_ordered_or_noted_is_right(log: list[Told]) -> None:
    assert [*payouts.offences(log)] == []


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ([ISSUED, ORDERED], "nothing"),  # nobody was told to send it
        ([ISSUED, GIVEN], "900"),  # sent, and the statement does not know
        ([ISSUED, ORDERED, GIVEN, LEFT], "nothing"),  # it left, and was never noted
        ([ISSUED, ORDERED, GIVEN, PAID], "900"),  # noted, and it never left
        ([ISSUED, ORDERED, GIVEN, LEFT, PAID, LEFT, PAID], "2 times"),
        ([ISSUED, LATE, ORDERED, GIVEN, LATE], "told 2 times"),
        ([Told("WadahStatementIssued", {"payout": 800}), ORDERED, GIVEN], "900"),
    ],
)
def test_a_payout_that_is_lost_doubled_or_of_another_sum_is_named(log: list[Told], told: str) -> None:
    found = {actual for _, _, actual in payouts.offences(log)}
    assert any(told in one for one in found), found


def test_a_payout_that_somebody_confirmed_and_the_log_does_not_know_is_named() -> None:
    assert [*payouts.offences([ISSUED, ORDERED, GIVEN, LEFT, PAID], [STATEMENT])] == []
    assert [actual for _, _, actual in payouts.offences([ISSUED], [STATEMENT])] == ["nothing"]


def passed(agent: str | None, reason: str) -> Told:
    return Told("ParticipantReassigned", {"agent": agent, "reason": reason}, "p")


DROPPED = Told("AgentDropped", {"agent_id": "a"}, "a")
SWEPT = passed(None, "agent_dropped")


@pytest.mark.parametrize(
    ("log", "stands", "wrong"),
    [
        ([DROPPED, SWEPT], None, 0),
        ([DROPPED, SWEPT, passed("b", "on_request"), SWEPT], None, 0),
        ([DROPPED, SWEPT, Told("ProtectionStarted", {"agent": "b"}, "p")], "b", 0),
        ([DROPPED, Told("AgentReinstated", {"agent_id": "a"}, "a")], "a", 0),
        ([DROPPED], "a", 1),  # forgotten
        ([DROPPED, SWEPT, SWEPT], None, 1),  # doubled
        ([DROPPED, SWEPT], "b", 1),  # the table says another
        ([DROPPED, SWEPT], "a", 2),
    ],
)
def test_people_of_an_agent_who_left_stand_with_the_branch_and_came_there_once(
    log: list[Told], stands: str | None, wrong: int
) -> None:
    assert len([*managers.offences(log, {"p": stands})]) == wrong
