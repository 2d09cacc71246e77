"""S12 for what leaves to a Wadah: "not ordered", "ordered" and "left, and not noted" are states of their own, under one reference, paid once.

Others had one status for both and paid twice (open-bank-oss #4218, #4275). Here the process dies before its order is durable (L4) and before it
notes what a bank's evidence confirmed (L5), and the answer to that confirmation gets lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import SystemClock
from services.payments.app import SERVICE
from tests.faults.evidence import Evidence, Violation
from tests.faults.stories.facts import wrong
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, wadah_statement
from tests.integration.payments.test_incentive_payouts import PAYOUT, account, officer, treasurer, work_off
from tests.support.killed import killed_at
from tests.support.service import Harness, harness
from tests.support.stack import Stack

WAITING, PAID = "NOT_ORDERED", "paid"
EVIDENCE = {"partner": "bank-a", "paid_on": "2025-11-04", "evidence": "Mutasi 7"}


@pytest.fixture
async def h(stack: Stack) -> AsyncIterator[Harness]:
    async with harness(SERVICE, stack) as found:
        yield found


@pytest.fixture
async def worker(h: Harness) -> Worker:
    """Of a Wadah with a verified account, to which October's statement pays out; the day of the order has begun."""
    bank = await Bank(h).enable()
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 4, 1))
    await account(h, worker)
    return worker


async def dies_at(h: Harness, point: str, log: Path) -> None:
    """A process that works the timers and does nothing else kills itself at the point."""
    offset = h.clock.business() - SystemClock().wall()
    await killed_at(h, point, log, roles="timers", offset=offset, within_s=120)


async def state(h: Harness) -> str:
    """What the officer is shown of the one payout."""
    found = (await h.client.get("/incentives/payouts", headers=officer(h))).json()["items"]
    return found[0]["hindrance"] if found else PAID


async def orders(h: Harness) -> list[dict[str, Any]]:
    found = (await h.client.get("/transfer-orders", headers=officer(h))).json()["orders"]
    return [one for one in found if one["purpose"] == "INCENTIVE"]


async def confirm(h: Harness, order_id: str, headers: dict[str, str]) -> tuple[int, Any]:
    answer = await h.client.post(f"/transfer-orders/{order_id}/confirmation", json=EVIDENCE, headers=headers)
    return answer.status_code, answer.json()


async def judge(h: Harness, worker: Worker, evidence: Evidence) -> None:
    """I5: one reference, one order in force, and the money left once; noted once."""
    reference = f"{worker.scope.wadah_id}:2025-10"
    found: list[Violation] = []
    given = [(one["reference"], one["status"]) for one in await orders(h)]
    if given != [(reference, "CONFIRMED")]:
        found.append(wrong("transfer_orders", reference, "one, confirmed", given))
    told = Counter(recorded.event.type for recorded in await h.events())
    for kind in ("TransferConfirmed", "IncentivePaidOut"):
        if told[kind] != 1:
            found.append(wrong("event_log", kind, 1, told[kind]))
    books = (await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))).json()
    left = {one["account"]: one["balance"] for one in books["accounts"]}.get("bank:bank-a", 0)
    if left != -PAYOUT:
        found.append(wrong("balances", "bank:bank-a", -PAYOUT, left))
    if (is_ := await state(h)) != PAID:
        found.append(wrong("incentives/payouts", reference, PAID, is_))
    evidence.holds("I5", checked=5, violations=found)
    outcome = await h.replay()
    differences = [wrong(d.table, d.key, "live", d.kind) for d in outcome.differences]
    evidence.holds("I7", checked=outcome.events, violations=differences)


@pytest.mark.cell("story.S12", fault="S12", service="payments")
async def test_who_dies_before_the_order_is_durable_has_ordered_nothing_and_orders_once(
    h: Harness, worker: Worker, evidence: Evidence, tmp_path: Path
) -> None:
    await dies_at(h, "before_commit:timer.incentive-orders", tmp_path / "fired")
    evidence.fired(int(await orders(h) == [] and await state(h) == WAITING), of=1, unit="kill")
    await work_off(h)
    assert await state(h) == "NOT_CONFIRMED"
    (order,) = await orders(h)
    assert (await confirm(h, order["order_id"], treasurer(h)))[0] == 200
    await work_off(h)
    await judge(h, worker, evidence)


@pytest.mark.cell("story.S12", fault="S12", service="payments")
async def test_who_dies_before_a_confirmed_payout_is_noted_neither_pays_again_nor_forgets_it(
    h: Harness, worker: Worker, evidence: Evidence, tmp_path: Path
) -> None:
    await work_off(h)
    (order,) = await orders(h)
    assert (await confirm(h, order["order_id"], treasurer(h)))[0] == 200
    await dies_at(h, "before_commit:timer.incentive-payouts", tmp_path / "fired")
    unnoted = (await wadah_statement(h, worker, "2025-10"))["paid_at"] is None
    evidence.fired(int(unnoted and await state(h) == PAID), of=1, unit="kill")
    await work_off(h)
    await judge(h, worker, evidence)


@pytest.mark.cell("story.S12", fault="S12", service="payments")
async def test_a_confirmation_whose_answer_was_lost_is_given_again_and_counts_once(
    h: Harness, worker: Worker, evidence: Evidence
) -> None:
    await work_off(h)
    (order,) = await orders(h)
    headers = treasurer(h)
    unheard = await confirm(h, order["order_id"], headers)
    again = await confirm(h, order["order_id"], headers)
    other = await confirm(h, order["order_id"], treasurer(h))
    evidence.fired(3, of=3, unit="request")
    assert unheard == again, "the first answer"
    assert (other[0], other[1]["code"]) == (409, "order_confirmed")
    await work_off(h)
    await judge(h, worker, evidence)


@pytest.mark.cell("story.S12", fault="S12", service="payments")
async def test_an_order_that_certainly_failed_is_given_anew_under_its_reference(
    h: Harness, worker: Worker, evidence: Evidence
) -> None:
    """The control: only who says so makes a second order, and the first can no longer be confirmed."""
    await work_off(h)
    (first,) = await orders(h)
    path = f"/transfer-orders/{first['order_id']}/failure"
    failed = await h.client.post(path, json={"reason": "account_closed"}, headers=treasurer(h))
    evidence.fired(int(failed.status_code == 200 and await state(h) == WAITING), of=1, unit="request")
    h.clock.set(at(2025, 11, 4, 6))
    await work_off(h)
    (second,) = await orders(h)
    assert second["order_id"] != first["order_id"]
    assert (await confirm(h, first["order_id"], treasurer(h)))[0] in (404, 409)
    assert (await confirm(h, second["order_id"], treasurer(h)))[0] == 200
    await work_off(h)
    await judge(h, worker, evidence)
