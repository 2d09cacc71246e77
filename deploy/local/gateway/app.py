"""The gateway's composition root: settings, store, courier, routes, page."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from deploy.local.gateway import store
from deploy.local.gateway.api import api_routes
from deploy.local.gateway.behaviour import Mode
from deploy.local.gateway.courier import Courier
from deploy.local.gateway.page import page_routes
from deploy.local.gateway.settings import Settings
from deploy.local.gateway.store import Store
from deploy.local.outside.database import open_database
from deploy.local.outside.environment import Environment
from deploy.local.outside.problems import answer_problems
from deploy.local.outside.server import WORK_STOP_S, Party
from deploy.local.outside.stop import Stop


def compose(environment: Environment) -> Party:
    """The gateway, ready to serve. Raises `SettingError`."""
    settings, stop = Settings.read(environment), Stop()
    messages = Store(open_database(settings.data_dir / "gateway.sqlite", store.SCHEMA))
    courier = Courier(settings, messages, stop)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        carrying = asyncio.create_task(courier.run())
        yield
        stop.set()
        await asyncio.wait([carrying], timeout=WORK_STOP_S)
        carrying.cancel()

    app = FastAPI(title="Local messaging gateway", docs_url=None, redoc_url=None, lifespan=lifespan)
    answer_problems(app)
    app.include_router(page_routes(messages))
    app.include_router(api_routes(settings, messages, Mode(), stop))
    return Party(app, stop)
