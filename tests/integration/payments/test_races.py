"""Transactions that race, as those of several processes do: the log and the unique indexes arbitrate, the loser answers from what won."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from chassis.outcomes import Accepted
from services.payments.commands.bills import IssueBill, IssueBills
from services.payments.commands.inquire import Inquire, Quoted
from services.payments.commands.pay import Pay, Settled
from services.payments.domain.paying import Limits
from services.payments.domain.snap import codes
from services.payments.domain.snap.requests import Inquiry, Payment, VirtualAccount
from services.payments.parameters import Fixed
from tests.integration.payments.bank import at
from tests.integration.payments.people import Somebody
from tests.integration.payments.test_counts import call, people
from tests.support.service import Harness

PAY, INQUIRE = Pay(Limits(), Fixed()), Inquire(Limits(), Fixed())


def payment(h: Harness, who: Somebody, reference: str, number: int) -> Any:
    return call(h, Payment(VirtualAccount("8100", who.code), reference, 36_800, True, None, False), number)


async def raced(h: Harness, use_case: Any, calls: list[Any]) -> list[Any]:
    """Each call in a batch, a transaction and a connection of its own, all at once."""
    return [outcome for (outcome,) in await asyncio.gather(*(h.run(use_case, [call_]) for call_ in calls))]


def case(outcome: Any) -> codes.Case:
    found = outcome.case if isinstance(outcome, Settled) else outcome
    assert isinstance(found, codes.Case), found
    return found


async def count(h: Harness, type_: str) -> int:
    return sum(recorded.event.type == type_ for recorded in await h.events())


async def test_one_payment_in_eight_transactions_is_posted_once(h: Harness) -> None:
    for n, who in enumerate(await people(h, 5)):
        outcomes = await raced(h, PAY, [payment(h, who, f"PAY-{n}", 100 * n + copy) for copy in range(8)])
        assert sorted(case(o).number for o in outcomes) == ["00"] + ["18"] * 7
    assert await count(h, "ContributionPaid") == 5


async def test_one_reference_for_eight_payers_is_posted_once(h: Harness) -> None:
    """No stream is shared: only the unique (partner, reference) stands between them."""
    for n in range(5):
        who = await people(h, 8)
        outcomes = await raced(h, PAY, [payment(h, w, f"PAY-{n}", 100 * n + copy) for copy, w in enumerate(who)])
        assert [case(o) for o in outcomes].count(codes.SUCCESS) == 1
        assert [case(o) for o in outcomes].count(codes.OTHER_ACCOUNT) == 7
    assert await count(h, "ContributionPaid") == 5


async def test_one_bill_paid_by_eight_references_is_paid_once(h: Harness) -> None:
    (who,) = await people(h, 1)
    outcomes = await raced(h, PAY, [payment(h, who, f"PAY-{n}", n) for n in range(8)])
    assert sorted(case(o).number for o in outcomes) == ["00"] + ["14"] * 7


async def test_one_external_id_in_eight_transactions_counts_once(h: Harness) -> None:
    who = await people(h, 8)
    calls = [replace(payment(h, w, f"PAY-{n}", n), external_id="SAME") for n, w in enumerate(who)]
    outcomes = await raced(h, PAY, calls)
    assert [case(o) for o in outcomes].count(codes.SUCCESS) == 1
    assert [case(o) for o in outcomes].count(codes.CONFLICT) == 7
    assert await count(h, "ContributionPaid") == 1


async def test_racing_inquiries_issue_one_bill(h: Harness) -> None:
    (who,) = await people(h, 1)
    h.clock.set(at(2025, 11, 2))
    calls = [call(h, Inquiry(VirtualAccount("8100", who.code), f"INQ-{n}"), n) for n in range(8)]
    outcomes = await raced(h, INQUIRE, calls)
    assert len({o.bill_id for o in outcomes if isinstance(o, Quoted)}) == 1
    assert await count(h, "ContributionBilled") == 2


async def test_a_payment_and_a_new_bill_never_both_win(h: Harness) -> None:
    for n, who in enumerate(await people(h, 8)):
        command = IssueBill(who.participant_id, 3, call(h, None, 0).meta)
        (paid,), (issued,) = await asyncio.gather(
            h.run(PAY, [payment(h, who, f"PAY-{n}", n)]), h.run(IssueBills(Fixed()), [command])
        )
        # whichever came first: the month is paid once, by the payment or not at all
        assert case(paid) in (codes.SUCCESS, codes.WRONG_AMOUNT)
        assert isinstance(issued, Accepted)
    months: list[tuple[object, str]] = []
    for recorded in await h.events("contributions"):
        if recorded.event.type == "ContributionPaid":
            months += [(recorded.envelope.key, str(c.month)) for c in recorded.event.months]  # type: ignore[attr-defined]
    assert len(months) == len(set(months))
