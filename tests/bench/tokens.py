"""Tokens of the issuer that outlive a benchmark: 200 agents do not go back to it in the middle of a round."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from deploy.local.outreach.doors import Person
from deploy.local.stack import LocalStack

LIFE_S = 3_600
"""The longest that the services accept."""


async def mint(stack: LocalStack, people: Sequence[Person]) -> list[str]:
    """One token each, in their order."""
    admin = {"Authorization": f"Bearer {stack.secrets.token('issuer-admin-token')}"}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:

        async def one(who: Person) -> str:
            wish = {"sub": who.subject, "roles": [who.role], **who.scope, "life_s": LIFE_S}
            answer = await client.post(f"{stack.url('issuer')}/admin/tokens", headers=admin, json=wish)
            return str(answer.raise_for_status().json()["access_token"])

        return [*await asyncio.gather(*(one(who) for who in people))]
