"""What the tests of collective bills and balances share: the people who issue them, and what the books then say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx

from chassis.ids import new_id
from tests.integration.payments.people import AGENT, BRANCH, WADAH, Somebody, registered
from tests.support.service import Harness

ELSEWHERE = UUID(int=0xE)


def coordinator(h: Harness, wadah_id: UUID = WADAH) -> dict[str, str]:
    return h.token(roles=["coordinator"], wadah_id=wadah_id, branch_id=BRANCH)


def officer(h: Harness, branch_id: UUID = BRANCH) -> dict[str, str]:
    return h.token(roles=["officer"], branch_id=branch_id)


def agent(h: Harness, agent_id: UUID = AGENT) -> dict[str, str]:
    return h.token(roles=["agent"], agent_id=agent_id, wadah_id=WADAH, branch_id=BRANCH)


async def register_many(h: Harness, count: int) -> list[Somebody]:
    """In one batch, as a consumer's poll brings them."""
    found = [registered(h) for _ in range(count)]
    await h.deliver(*(record for _, record in found))
    return [who for who, _ in found]


async def issue(
    h: Harness, people: Sequence[Somebody], headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    body = {"participants": [who.code for who in people], "funding_source": "DONOR", **more}
    return await h.client.post("/collective-bills", json=body, headers=headers or coordinator(h))


async def bill(h: Harness, people: Sequence[Somebody], **more: Any) -> dict[str, Any]:
    """The answer to a bill that was issued."""
    response = await issue(h, people, **more)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def progress(h: Harness, bill_id: str) -> dict[str, Any]:
    response = await h.client.get(f"/collective-bills/{bill_id}", headers=coordinator(h))
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def lines(h: Harness, bill_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = await h.client.get(f"/collective-bills/{bill_id}/lines?after={after}", headers=coordinator(h))
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        after = page.json()["next"]
    return found


async def accounts(h: Harness) -> dict[str, int]:
    """Account → what it holds on the credit side, whole rupiah; balanced, or the test fails."""
    response = await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))
    assert response.json()["imbalance"] == 0
    return {one["account"]: -one["balance"] for one in response.json()["accounts"]}


async def payments_of(h: Harness, who: Somebody) -> list[dict[str, Any]]:
    path = f"/payments?participant_id={who.participant_id}"
    response = await h.client.get(path, headers=h.token(roles=["auditor"]))
    found: list[dict[str, Any]] = response.json()
    return found


def stranger() -> str:
    return str(new_id())
