"""A process of its own that works on imports until it is killed where FAULT_AT says: `python -m … DATABASE_URL
CHUNK`.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from chassis.privacy.boxes import FileBoxes
from chassis.service import App
from services.registration.app import SERVICE
from services.registration.commands.registering import Registering
from services.registration.imports.files import BOXES
from services.registration.imports.worker import ImportWorker, Limits
from tests.support.clock import FakeClock
from tests.support.service import settings_for


async def work(database_url: str, chunk: int) -> None:
    app = App(SERVICE, settings_for(SERVICE, database_url), clock=FakeClock())
    worker = ImportWorker(
        app.engine,
        app.batches,
        clock=app.clock,
        vault=app.vault,
        registering=Registering(app.vault, app.numbers),
        boxes=FileBoxes(app.settings.master_key, BOXES),
        limits=Limits(chunk, timedelta(seconds=10)),
    )
    await worker.work(asyncio.Event())
    await app.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2])))
