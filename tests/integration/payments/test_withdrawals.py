"""What is left of an agent's balance goes back to the agent, as two people decide; never more than is in it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from tests.integration.payments.agency import engage, hire
from tests.integration.payments.bank import Bank
from tests.integration.payments.groups import ELSEWHERE, accounts, register_many
from tests.integration.payments.people import AGENT, WADAH, Somebody, register
from tests.integration.payments.test_balances import MINE, balance, charge, opened, statement
from tests.integration.payments.test_suspense import account, approve, head, officer, post
from tests.support.service import Harness

PRICE = 36_800
PATH = f"/agent-balances/{AGENT}/withdrawals"


async def deposited(h: Harness, bank: Bank, amount: int) -> Somebody:
    """The agent's own participation; `amount` lies in the balance."""
    own = await register(h)
    await hire(h, await engage(h, wadah=WADAH), participant_id=own.participant_id, agent=AGENT)
    await bank.pay(await opened(h), amount)
    return own


async def propose(h: Harness, payee: str, amount: int | None = None, expected: int = 201, **how: Any) -> Any:
    wanted = {"reason": "on_request", "payee_account_id": payee} | ({} if amount is None else {"amount": amount})
    return await post(h, PATH, wanted, how.get("headers") or officer(h), expected)


async def theirs(h: Harness, own: Somebody) -> str:
    return await account(h, "PARTICIPANT", own.participant_id)


async def confirm(h: Harness, order_id: str) -> None:
    paid = {"partner": "bank-a", "paid_on": h.clock.business().date().isoformat(), "evidence": "mutasi 1"}
    await post(h, f"/transfer-orders/{order_id}/confirmation", paid, officer(h), 200)


async def test_two_people_send_the_whole_balance_back_to_the_agent(h: Harness, bank: Bank) -> None:
    own = await deposited(h, bank, 50_000)
    proposal = await propose(h, await theirs(h, own))
    assert await balance(h) == 50_000  # nothing happens before another person agreed
    (waiting,) = (await h.client.get("/proposals?status=PENDING", headers=head(h))).json()["proposals"]
    assert (waiting["action"], waiting["amount"], waiting["agent_id"]) == ("WITHDRAW", 50_000, str(AGENT))
    same = await approve(h, proposal, 409, headers=h.token(roles=["central"], subject="officer-1"))
    assert same["code"] == "same_person"
    order = await approve(h, proposal)
    assert await balance(h) == 0
    found = await accounts(h)
    assert (found[MINE], found["refunds-payable"], found["clearing:bank-a"]) == (0, 50_000, -50_000)
    await confirm(h, order["order_id"])
    found = await accounts(h)
    assert (found[MINE], found["refunds-payable"], found["bank:bank-a"]) == (0, 0, 50_000)
    lines = [(line["kind"], line["amount"], line["balance"]) for line in await statement(h)]
    assert lines == [("DEPOSIT", 50_000, 50_000), ("WITHDRAWAL", -50_000, 0)]


async def test_a_transfer_that_failed_puts_the_money_back_into_the_balance(h: Harness, bank: Bank) -> None:
    await deposited(h, bank, 50_000)
    board = await account(h, "WADAH", WADAH)
    order = await approve(h, await propose(h, board, 30_000))
    path = f"/transfer-orders/{order['order_id']}/failure"
    await post(h, path, {"reason": "account_closed"}, officer(h), 200)
    assert await balance(h) == 50_000
    found = await accounts(h)
    assert (found[MINE], found["refunds-payable"]) == (50_000, 0)
    assert [(line["kind"], line["amount"]) for line in await statement(h)] == [
        ("DEPOSIT", 50_000),
        ("WITHDRAWAL", -30_000),
        ("RESTORED", 30_000),
    ]
    await approve(h, await propose(h, board, 50_000))
    assert await balance(h) == 0


async def test_it_goes_to_nobody_else_and_only_to_a_verified_account(h: Harness, bank: Bank) -> None:
    own = await deposited(h, bank, 50_000)
    other = await register(h)
    for stranger in (
        await account(h, "PARTICIPANT", other.participant_id),
        await account(h, "WADAH", (await engage(h)).wadah_id),
        await account(h),
    ):
        assert (await propose(h, stranger, expected=409))["code"] == "wrong_payee"
    unverified = await account(h, "PARTICIPANT", own.participant_id, verified=False)
    assert (await propose(h, unverified, expected=409))["code"] == "payee_not_verified"


async def test_no_more_than_there_is_and_only_by_the_branch(h: Harness, bank: Bank) -> None:
    own = await deposited(h, bank, 50_000)
    payee = await theirs(h, own)
    assert (await propose(h, payee, 50_001, 409))["code"] == "withdrawal_above_balance"
    for headers in (officer(h, branch=ELSEWHERE), h.token(roles=["agent"], agent_id=AGENT), head(h)):
        status = (await h.client.post(PATH, json={}, headers=headers)).status_code
        assert status in (403, 422), status
    foreign = {"reason": "on_request", "payee_account_id": payee}
    await post(h, PATH, foreign, officer(h, branch=ELSEWHERE), 404)
    await post(h, f"/agent-balances/{new_id()}/withdrawals", foreign, officer(h), 404)
    bad = await post(h, PATH, {**foreign, "amount": 0}, officer(h), 422)
    assert bad["errors"][0]["field"] == "amount"


async def test_a_first_payment_between_proposal_and_approval_is_not_undone(h: Harness, bank: Bank) -> None:
    own = await deposited(h, bank, 50_000)
    proposal, who = await propose(h, await theirs(h, own)), await register(h)
    assert (await charge(h, who)).status_code == 201
    assert (await approve(h, proposal, 409))["code"] == "withdrawal_above_balance"
    assert await balance(h) == 50_000 - PRICE
    await approve(h, await propose(h, await theirs(h, own)))
    assert await balance(h) == 0


async def test_charges_and_withdrawals_at_once_never_take_more_than_there_is(h: Harness, bank: Bank) -> None:
    own = await deposited(h, bank, 3 * PRICE)
    people, payee = await register_many(h, 3), await theirs(h, own)
    proposals = [await propose(h, payee, PRICE) for _ in range(3)]
    approvals = [f"/proposals/{one['proposal_id']}/approval" for one in proposals]
    answers = await asyncio.gather(
        *(h.client.post(path, headers=head(h)) for path in approvals),
        *(charge(h, who) for who in people),
    )
    assert sorted(one.status_code // 100 for one in answers) == [2, 2, 2, 4, 4, 4], [one.text for one in answers]
    lines = await statement(h)
    assert [line["balance"] for line in lines] == [3 * PRICE, 2 * PRICE, PRICE, 0]
    assert sum(line["amount"] for line in lines) == 0
    withdrawn = sum(1 for one in answers[:3] if one.status_code == 200)
    found = await accounts(h)
    assert (found[MINE], found.get("refunds-payable", 0)) == (0, withdrawn * PRICE)
    orders = (await h.client.get("/transfer-orders", headers=officer(h))).json()["orders"]
    assert len({UUID(one["order_id"]) for one in orders}) == withdrawn
