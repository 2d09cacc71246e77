"""A process whose database was put back answers nobody before it knows which erasures that database lost."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import sqlalchemy as sa

from chassis.process import Process
from chassis.settings import Role
from deploy.local.ports import choose
from services.registration.app import SERVICE
from tests.support.eventually import eventually
from tests.support.service import harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(200)


async def test_probes_alone_are_answered_until_the_topics_were_read(stack: Stack) -> None:
    port = choose(["api"], previous={}, demanded={})["api"]
    async with (
        stack.own_topics() as prefix,
        harness(SERVICE, stack, http_port=port, roles=frozenset({Role.API}), topic_prefix=prefix) as h,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client,
    ):
        async with h.app.engine.begin() as conn:  # lint: commit — as a backup says it
            await conn.execute(sa.text("INSERT INTO home (id, place) VALUES (1, 'elsewhere')"))
        process = Process(h.app)
        running = asyncio.create_task(process.run(), name="process")
        try:

            async def status(path: str) -> int:
                try:
                    return (await client.get(path)).status_code
                except httpx.HTTPError:
                    return 0

            async def shut() -> bool:
                return await status("/health/live") == 200

            await eventually(shut, what="probes are answered")
            ready = await client.get("/health/ready")
            assert (ready.status_code, ready.json()["checks"]) == (
                503,
                {"erasures": "the database may have lost erasures"},
            )
            refused = await client.get("/wadah", headers=h.token(roles=["central"]))
            assert refused.status_code in (429, 503) and "retry-after" in refused.headers
            key = await client.post(
                "/internal/person-keys", json={"subjects": []}, headers={"Authorization": "Bearer tests"}
            )
            assert key.status_code in (429, 503)

            h.app.settings = h.app.settings.model_copy(update={"kafka_bootstrap": stack.kafka_bootstrap})

            async def opened() -> bool:
                return await status("/health/ready") == 200

            await eventually(opened, what="it serves")
            assert await status("/wadah") == 401
        finally:
            process.stop.set()
            await asyncio.wait_for(running, 60)
        async with h.app.engine.connect() as conn:
            assert (await conn.execute(sa.text("SELECT place FROM home"))).scalar_one() != "elsewhere"
