"""T16: the databases of all three services are put back from dumps of before an erasure. They erase again before they serve, as it happened: nobody
decides anything anew, and archive, topics and logs are the same events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from deploy.local.ports import HOST
from deploy.local.postgres import databases, server
from tests.faults import causes
from tests.faults.cells import Injected, cell
from tests.faults.environment.f04h_topics_lost import operate
from tests.faults.environment.f25_restored import run
from tests.faults.environment.t16_erased import INVARIANTS, after_a_month, gone
from tests.faults.environment.waits import Marks, marks
from tests.faults.ground import Ground
from tests.support.estate import SERVICES
from tests.support.eventually import eventually

LOOKS_EVERY_S = 6.0
"""Longer than the slowest timer that a month's end concerns."""
_REQUESTS = "SELECT correlation_id FROM event_log WHERE type = 'ErasureRequested' AND key = ANY($1::text[])"


@cell(
    "threat.T16.restored",
    fault="T16",
    service="registration",
    process="postgres",
    action="restore",
    invariants=INVARIANTS,
    tiers=("long",),
    registrations=0,
    per_s=1,
    around=partial(after_a_month, paying=10, others=20),
)
async def restored(ground: Ground) -> Injected:
    """Dumps, erases, and puts the dumps back; the relays send what was taken back once more, which is a repeat."""
    estate = ground.estate
    await at_rest(ground)
    dumps = {service: await dumped(ground, service) for service in SERVICES}
    people = await causes.erased(ground)
    await eventually(lambda: gone(ground, people), within_s=120, what="everybody is erased")
    await ground.drain()
    asked = [str(row[0]) for row in await estate.town.rows("registration", _REQUESTS, people)]
    names = [name for name in estate.names if estate.children[name].service in SERVICES]
    async with ground.held(*names):
        await asyncio.gather(*(estate.stop(name) for name in names))
        for service, dump in dumps.items():
            await put_back(ground, service, dump)
        assert not await _erased(ground, people), "the dumps know nothing of it"
        await asyncio.gather(*(estate.restart(name) for name in names))
        assert await gone(ground, people), "ready, and a copy stands"
    again = [await operate(ground, service, "forget-again") for service in SERVICES]
    return Injected(
        planned=len(dumps),
        fired=len(dumps),
        unit="edit",
        ended_at=time.monotonic(),
        planted={"taken_back": asked},
        operator_actions=["databases restored", *again],
    )


async def at_rest(ground: Ground) -> None:
    """The month's end is worked off: what a timer records between dump and restore is lost with the dump, and decided once more (as it must be)."""
    seen: list[Marks] = [{}]

    async def still() -> bool:
        before, seen[0] = seen[0], await marks(ground)
        await asyncio.sleep(LOOKS_EVERY_S)
        return before == seen[0]

    await eventually(still, within_s=180, what="no timer records anything")


async def dumped(ground: Ground, service: str) -> Path:
    """A dump as an operator takes it."""
    file = ground.estate.stack.folder / f"{service}.dump"
    await run(await _tool(ground, "pg_dump"), *_where(ground), "-Fc", "-f", str(file), _name(ground, service))
    return file


async def put_back(ground: Ground, service: str, dump: Path) -> None:
    """In place of the database that there is."""
    stack = ground.estate.stack
    await databases.drop(stack.databases, (service,))
    await databases.create(stack.databases, (service,))
    await run(await _tool(ground, "pg_restore"), *_where(ground), "-d", _name(ground, service), str(dump))
    dump.unlink()


async def _erased(ground: Ground, people: Sequence[str]) -> bool:
    query = "SELECT count(*) AS n FROM erasures WHERE participant_id = ANY($1::uuid[])"
    return bool((await ground.estate.town.rows("registration", query, [*people]))[0]["n"])


async def _tool(ground: Ground, name: str) -> Path:
    stack = ground.estate.stack
    program, _ = await asyncio.to_thread(server.prepare, stack.folder / "postgres", stack.ports["postgres"])
    return Path(program.argv[0]).with_name(name)


def _where(ground: Ground) -> tuple[str, ...]:
    return ("-h", HOST, "-p", str(ground.estate.stack.ports["postgres"]), "-U", server.SUPERUSER)


def _name(ground: Ground, service: str) -> str:
    return ground.estate.stack.databases.database(service)
