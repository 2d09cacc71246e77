"""Audit beside the others, for the cells that are about it: it comes, archives what happened before, and goes again (decision 260)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.secret import write_private
from tests.faults.ground import AUDIT, Ground
from tests.faults.spent import spending

ARCHIVE, SIGNER = "audit-archive", "audit-signer"
PROCESSES = {ARCHIVE: "consumers", SIGNER: "workers,relay"}
SIGNS_EVERY_S = "1"
CATCHES_UP_WITHIN_S = 180.0


@asynccontextmanager
async def audited(ground: Ground) -> AsyncIterator[None]:
    """Within the block audit plays; when it begins, all that had happened on this ground is archived, signed and published."""
    estate = ground.estate
    with spending("audit joins"):
        await estate.join(AUDIT)
        async with ground.held(*PROCESSES):
            for name, roles in PROCESSES.items():
                await estate.add(name, service=AUDIT, roles=roles, PERISAI_AUDIT_SIGN_EVERY_S=SIGNS_EVERY_S)
        remember_settings(ground)
        await ground.watch.forget()  # whom it asks has changed
        await ground.drain(within_s=CATCHES_UP_WITHIN_S)
    try:
        yield
    finally:
        ground.spared |= {*PROCESSES}
        for name in PROCESSES:
            await estate.leave(name)
        await ground.watch.forget()
        ground.spared -= {*PROCESSES}


def remember_settings(ground: Ground) -> None:
    """So that `perisai audit …`, which calls commands of the others, finds the settings of each, as beside `make run`."""
    estate = ground.estate
    for service in estate.services:
        own = {name: value for name, value in estate.environment(service).items() if name.startswith("PERISAI_")}
        write_private(estate.stack.folder / "environments" / f"{service}.json", json.dumps(own))
