"""The bank's composition root: settings, key, books, clock, line to the biller, teller, resolver, routes."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from deploy.local.bank import books, clock
from deploy.local.bank.bad_day import bad_day_routes
from deploy.local.bank.behaviour import Mode
from deploy.local.bank.books import Books
from deploy.local.bank.clock import BusinessClock
from deploy.local.bank.console import console_routes
from deploy.local.bank.counter import counter_routes
from deploy.local.bank.keys import own_key
from deploy.local.bank.line import Line
from deploy.local.bank.resolver import Resolver
from deploy.local.bank.settings import Settings
from deploy.local.bank.tasks import Tasks
from deploy.local.bank.teller import Teller
from deploy.local.outside.database import open_database
from deploy.local.outside.environment import Environment
from deploy.local.outside.problems import answer_problems
from deploy.local.outside.server import WORK_STOP_S, Party
from deploy.local.outside.stop import Stop


def compose(environment: Environment) -> Party:
    """The bank, ready to serve. Raises `SettingError`."""
    settings, key, stop, tasks, mode = Settings.read(environment), own_key(environment), Stop(), Tasks(), Mode()
    database = open_database(settings.data_dir / "bank.sqlite", books.SCHEMA + clock.SCHEMA)
    own_books, own_clock = Books(database), BusinessClock(database, told_at_start=settings.business_time)
    line = Line(settings, key)
    teller = Teller(settings, line, own_books, own_clock, stop)
    resolver = Resolver(settings, line, own_books, stop)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks.start(resolver.run())
        yield
        stop.set()
        await tasks.finish(WORK_STOP_S)
        await line.close()

    app = FastAPI(title="Local bank", docs_url=None, redoc_url=None, lifespan=lifespan)
    answer_problems(app)
    app.include_router(counter_routes(settings, teller, mode, tasks, stop))
    app.include_router(bad_day_routes(teller, line, tasks, stop))
    app.include_router(console_routes(settings, key, own_books, own_clock, line, mode))
    return Party(app, stop)
