"""The people behind an import: a branch with an agent of an engaged Wadah, made through registration's own doors in an empty database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.service import App
from chassis.settings import Environment
from services.registration.app import SERVICE
from tests.bench.servers import Database
from tests.bench.service_process import KEY_DOOR_TOKEN
from tests.integration.registration.world import World
from tests.support.clock import FakeClock
from tests.support.service import Harness, settings_for


@dataclass(frozen=True)
class Branch:
    """Where the rows belong; its officer uploads."""

    branch_id: str
    agent_code: str


class _Today(World):
    """A world of today: its Wadah's agreement is in force now, whenever that is."""

    async def engaged(self, number: str = "PKS-1") -> UUID:
        today = self.h.clock.business().date()
        term = {"term_from": str(today - timedelta(days=30)), "term_to": str(today + timedelta(days=330))}
        terms = {"name": "Wadah Contoh", "agreement_number": number, **term}
        answer = await self.h.client.post("/wadah", json=terms, headers=self.officer())
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["wadah_id"])


async def opened(database: Database) -> Branch:
    """Takes a second or two; nothing of it runs afterwards."""
    clock = FakeClock(datetime.now(UTC))
    settings = settings_for(
        SERVICE, database.writer_url, environment=Environment.PRODUCTION, key_door_token=KEY_DOOR_TOKEN
    )
    app = App(SERVICE, settings, clock=clock)
    h = Harness(SERVICE, app, clock)
    try:
        world = await _Today.opened(h)
        return Branch(str(world.branch_id), world.agent_code)
    finally:
        await h.client.aclose()
        await app.close()
