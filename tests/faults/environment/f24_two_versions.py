"""F24: a build in which an event has a second version runs beside the one of today.

Readers first is the rule: nobody notices. Writers first is the mistake: what today's readers do not know parks, or their fuse stops them, and all of
it drains once they are upgraded; nothing is lost, doubled or out of order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.faults.cells import Injected, cell
from tests.faults.environment import tomorrow
from tests.faults.environment.busy import flowing, until_busy, until_caused, until_recorded
from tests.faults.environment.readers import readers_of
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11")
EVENTS, PER_S = 20, 10.0
PARKS_WITHIN_S = 60.0
_VERSIONS = "SELECT DISTINCT version FROM event_log WHERE type = $1"
_UNKNOWN = "SELECT count(*) AS n FROM progress WHERE parked = 'unknown_version'"


async def side_by_side(ground: Ground, writer: str, *, readers_first: bool) -> Injected:
    """Under load, until both versions are on the topic and every process runs the new build. The estate serves no other cell afterwards."""
    ground.spent = True
    module, event = tomorrow.EVENT[writer]
    readers = readers_of(ground, ground.estate.stack.topic_prefix + module)
    tree = await asyncio.to_thread(tomorrow.build, ground.folder / "tomorrow", writer)
    async with flowing(ground, per_s=PER_S):
        await until_busy(ground, writer)
        if readers_first:
            await asyncio.gather(*(beside(ground, reader, tree) for reader in readers))
            await upgraded(ground, readers, tree)
            await upgraded(ground, [writer], tree, roles=["api"])
            await until_recorded(ground, writer, EVENTS)
            await upgraded(ground, [writer], tree)
        else:
            await upgraded(ground, [writer], tree)
            await asyncio.gather(*(parks(ground, reader) for reader in readers))
            await upgraded(ground, readers, tree)
        ended_at = time.monotonic()
        await until_recorded(ground, writer, EVENTS)
    versions = {int(row["version"]) for row in await ground.estate.town.rows(writer, _VERSIONS, event)}
    actions = [f"{name} upgraded" for name in ([*readers, writer] if readers_first else [writer, *readers])]
    return Injected(1, int(versions == {1, 2}), "edit", ended_at, operator_actions=actions)


async def beside(ground: Ground, reader: str, tree: Path) -> None:
    """A second member of the reader's groups, of the new build, while the first goes on; both get their share."""
    estate, name = ground.estate, f"{reader}-consumers-1"
    async with ground.held(name):
        await estate.add(name, service=reader, roles="consumers", start=False)
        estate.children[name].tree = tree
        await estate.restart(name)
        await until_caused(ground, reader, EVENTS)
        await estate.stop(name)
        del estate.children[name]


async def upgraded(ground: Ground, services: Sequence[str], tree: Path, *, roles: Sequence[str] = ()) -> None:
    """All processes of these services, or those of some roles, stop in order and come back as the new build."""
    estate = ground.estate
    children = [child for child in estate.children.values() if child.service in services and child.tree != tree]
    names = [child.name for child in children if not roles or child.roles in roles]
    async with ground.held(*names):
        await asyncio.gather(*(estate.stop(name) for name in names))
        for name in names:
            estate.children[name].tree = tree
        await asyncio.gather(*(estate.restart(name) for name in names))


async def parks(ground: Ground, reader: str) -> None:
    """Waits until the reader has met what it does not know."""

    async def unknown() -> bool:
        (row,) = await ground.estate.town.rows(reader, _UNKNOWN)
        return bool(row["n"])

    await eventually(unknown, within_s=PARKS_WITHIN_S, what=f"{reader} parks a key for its version")


for _writer in tomorrow.EVENT:
    for _order in ("readers-first", "writers-first"):
        cell(
            f"env.F24.{_writer}.{_order}",
            fault="F24",
            service=_writer,
            process=f"{_writer}, every process",
            action=_order,
            invariants=INVARIANTS,
            tiers=("long",),
        )(partial(side_by_side, writer=_writer, readers_first=_order == "readers-first"))
