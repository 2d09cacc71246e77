"""What the tests of incentives do over and over: people who pay, statements that are read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.records import Record
from contracts.values import PaymentId
from tests.integration.payments.agency import Worker
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import Somebody, registered
from tests.support.service import Harness


async def enrol(h: Harness, worker: Worker, count: int, **changes: Any) -> list[Somebody]:
    """So many people whom this agent registered, each with a first bill."""
    made: list[tuple[Somebody, Record]] = [registered(h, scope=worker.scope, **changes) for _ in range(count)]
    await h.deliver(*(record for _, record in made))
    return [who for who, _ in made]


async def acquire(h: Harness, bank: Bank, worker: Worker, count: int, **changes: Any) -> list[Somebody]:
    """They pay their first bill over SNAP."""
    people = await enrol(h, worker, count, **changes)
    for who in people:
        await buy(bank, who)
    return people


async def buy(bank: Bank, who: Somebody) -> PaymentId:
    """Pays what is owed now; gives our id of the payment."""
    answer = await bank.buy(who.code)
    assert code(answer) == "2002500", answer.text
    return PaymentId(UUID(answer.json()["virtualAccountData"]["billDetails"][0]["billerReferenceId"]))


async def ahead(h: Harness, bank: Bank, worker: Worker, who: Somebody, months: int) -> PaymentId:
    """Asks for a bill of so many months and pays it."""
    wanted = {"participant_id": str(who.participant_id), "months": months}
    answer = await h.client.post("/bills", json=wanted, headers=worker.token(h))
    assert answer.status_code == 201, answer.text
    return await buy(bank, who)


async def statement(h: Harness, worker: Worker, month: str) -> dict[str, Any]:
    path = f"/incentives/agents/{worker.agent_id}/statements/{month}"
    response = await h.client.get(path, headers=worker.token(h))
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def lines(h: Harness, worker: Worker, month: str) -> list[dict[str, Any]]:
    """All pages."""
    path, found, after = f"/incentives/agents/{worker.agent_id}/statements/{month}/lines", list[dict[str, Any]](), 0
    while True:
        page = (await h.client.get(path, params={"after": after}, headers=worker.token(h))).json()
        found += page["items"]
        if page["next"] is None:
            return found
        after = page["next"]


async def wadah_statement(h: Harness, worker: Worker, month: str) -> dict[str, Any]:
    headers = h.token(roles=["coordinator"], wadah_id=worker.scope.wadah_id)
    path = f"/incentives/wadah/{worker.scope.wadah_id}/statements/{month}"
    response = await h.client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found
