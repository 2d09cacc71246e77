"""A service as an operator's command has it: its parts, without its processes, in the business time in which those live."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.businessclock import BusinessClock
from chassis.service import App, Service
from chassis.settings import StartRefused, load
from chassis.telemetry import configure_logs


@asynccontextmanager
async def opened(service: Service) -> AsyncIterator[App]:
    """Under the settings of the environment; one sentence and exit code 1 when it cannot be set up."""
    try:
        settings = load(service.settings)
    except StartRefused as refused:
        sys.exit(f"{service.name}: {refused}")
    configure_logs(service.name, settings.logs_as, stream="stderr")
    app = App(service, settings)
    try:
        await BusinessClock(app).start()
        yield app
    finally:
        await app.close()
