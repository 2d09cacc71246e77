"""`python -m tests.faults.stories.approver DATABASE_URL PROPOSAL KEY`: one approval over payments' own door, in a process that may die of it."""

from __future__ import annotations

import asyncio
import sys

from chassis.service import App
from services.payments.app import SERVICE
from tests.integration.payments.test_suspense import head
from tests.support.clock import FakeClock
from tests.support.service import Harness, settings_for


async def main(database_url: str, proposal: str, key: str) -> None:
    clock = FakeClock()
    app = App(SERVICE, settings_for(SERVICE, database_url), clock=clock)
    h = Harness(SERVICE, app, clock)
    await h.client.post(f"/proposals/{proposal}/approval", headers=head(h) | {"Idempotency-Key": key})
    await app.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
