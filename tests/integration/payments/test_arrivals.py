"""Money that arrived by another door than SNAP: on its bill or in suspense, once, whatever came before or beside it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chassis.ids import new_id
from chassis.transaction import Meta
from contracts.events.participants import RefusalReason
from services.payments.commands.arrive import Arrival, Arrived, ArrivedAs, BookArrivals
from services.payments.domain.parameters import PaymentChannel
from services.payments.parameters import Fixed
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.people import Somebody, refuse, register
from tests.integration.payments.test_counts import CHECK, people
from tests.integration.payments.test_races import PAY, case, payment
from tests.support.service import Harness

POSTED, SUSPENDED, KNOWN, DIFFERS = ArrivedAs
BOOK = BookArrivals(Fixed())


def arrival(h: Harness, who: Somebody | str, reference: str, amount: int = 36_800, **more: Any) -> Arrival:
    facts: dict[str, Any] = {
        "partner": "bank-a",
        "channel": "settlement-file",
        "channel_reference": reference,
        "amount": amount,
        "effective_at": h.clock.business(),
        "code": who if isinstance(who, str) else who.code,
        "meta": Meta("tests", new_id()),
        "came_by": PaymentChannel.BANK_VA,
    }
    return Arrival(**facts | more)


async def arrive(h: Harness, *items: Arrival) -> list[Arrived]:
    found = await h.run(BOOK, items)
    assert all(isinstance(outcome, Arrived) for outcome in found), found
    return found  # type: ignore[return-value]


async def books(h: Harness) -> dict[str, int]:
    """What each account holds: credit minus debit."""
    response = await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))
    assert response.json()["imbalance"] == 0
    return {a["account"]: -a["balance"] for a in response.json()["accounts"] if a["balance"]}


async def test_money_pays_its_bill_or_waits_with_its_reason(h: Harness) -> None:
    who, other = await people(h, 2)
    outcomes = await arrive(
        h,
        arrival(h, who, "R1"),
        arrival(h, who, "R2"),
        arrival(h, other, "R3", 40_000),
        arrival(h, "9999999999999", "R4"),
        arrival(h, other, "R1"),
        arrival(h, other, "R3", 40_001),
        arrival(h, other, "R5", effective_at=at(2025, 9, 1)),
    )
    assert [(o.outcome, o.reason) for o in outcomes] == [
        (POSTED, None),
        (SUSPENDED, "bill_paid"),
        (SUSPENDED, "wrong_amount"),
        (SUSPENDED, "unknown_code"),
        (KNOWN, None),
        (DIFFERS, "wrong_amount"),
        (SUSPENDED, "payment_too_old"),
    ]
    again = await arrive(h, arrival(h, who, "R1"), arrival(h, who, "R2"), arrival(h, "9999999999999", "R4", 7))
    assert [o.outcome for o in again] == [KNOWN, KNOWN, DIFFERS]
    assert again[0].payment_ids == outcomes[0].payment_ids
    assert await books(h) == {
        "clearing:bank-a": -(36_800 * 4 + 40_000),
        "contributions:jkk": 10_000,
        "contributions:jkm": 6_800,
        "contributions:jht": 20_000,
        "suspense": 36_800 * 3 + 40_000,
    }


async def test_a_receipt_is_one_over_all_doors(h: Harness, bank: Bank) -> None:
    who, other = await people(h, 2)
    assert code(await bank.pay(who.code, 36_800, "SAME-1")) == "2002500"
    assert [o.outcome for o in await arrive(h, arrival(h, who, "SAME-1"))] == [KNOWN]
    assert [o.outcome for o in await arrive(h, arrival(h, other, "SAME-2", 1))] == [SUSPENDED]
    assert code(await bank.pay(other.code, 36_800, "SAME-2"))[:3] == "404"
    assert (await books(h))["clearing:bank-a"] == -36_801


async def test_money_that_lost_its_protection_is_known_and_not_booked_again(h: Harness) -> None:
    who = await register(h)
    (paid,) = await arrive(h, arrival(h, who, "R1"))
    await refuse(h, who, paid.payment_ids[0], RefusalReason.NIK_TAKEN)
    assert [(o.outcome, o.reason) for o in await arrive(h, arrival(h, who, "R1"))] == [(KNOWN, "nik_taken")]
    assert [(o.outcome, o.reason) for o in await arrive(h, arrival(h, who, "R2"))] == [(SUSPENDED, "payer_blocked")]
    assert (await books(h)) == {"clearing:bank-a": -73_600, "suspense": 73_600}


async def test_a_bank_call_and_a_file_line_of_one_payment_never_both_book_it(h: Harness) -> None:
    """The line misfits (suspense) or fits (posted); either way one of the two finds the other."""
    for n, who in enumerate(await people(h, 8)):
        amount = 36_800 if n % 2 else 1
        (paid,), (arrived,) = await asyncio.gather(
            h.run(PAY, [payment(h, who, f"PAY-{n}", n)]), h.run(BOOK, [arrival(h, who, f"PAY-{n}", amount)])
        )
        assert isinstance(arrived, Arrived)
        posted_by_bank = case(paid).succeeded
        assert (arrived.outcome in (POSTED, SUSPENDED)) != posted_by_bank, (case(paid), arrived)
    taken = -(await books(h))["clearing:bank-a"]
    events = [r.event for r in await h.events() if r.event.type in ("ContributionPaid", "PaymentUnmatched")]
    assert len(events) == 8
    assert taken == sum(event.amount for event in events)  # type: ignore[attr-defined]


async def test_one_arrival_in_eight_transactions_is_booked_once(h: Harness) -> None:
    for n, who in enumerate(await people(h, 4)):
        amount = 36_800 if n % 2 else 5
        item = arrival(h, who, f"R-{n}", amount)
        found = await asyncio.gather(*(h.run(BOOK, [item]) for _ in range(8)))
        outcomes = [o.outcome for (o,) in found if isinstance(o, Arrived)]
        assert sorted(outcomes) == [KNOWN] * 7 + [POSTED if n % 2 else SUSPENDED]


@pytest.mark.parametrize("size", [1, 300])
async def test_a_batch_of_arrivals_takes_at_most_12_statements(h: Harness, size: int) -> None:
    who = await people(h, size)
    items = [arrival(h, w, f"R-{n}", 36_800 if n % 3 else 1) for n, w in enumerate(who)]
    before, _ = await h.statements()
    outcomes = await arrive(h, *items)
    after, _ = await h.statements()
    assert {o.outcome for o in outcomes} <= {POSTED, SUSPENDED}
    assert after - before - CHECK <= 14
