"""The acquirer's composition root."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from deploy.local.acquirer import books
from deploy.local.acquirer.books import Books
from deploy.local.acquirer.console import console_routes
from deploy.local.acquirer.doors import Doors, snap_routes
from deploy.local.acquirer.settings import Settings
from deploy.local.acquirer.wallet import Wallets
from deploy.local.bank import clock
from deploy.local.bank.clock import BusinessClock
from deploy.local.bank.keys import own_key
from deploy.local.bank.line import Line
from deploy.local.outside.database import open_database
from deploy.local.outside.environment import Environment
from deploy.local.outside.problems import answer_problems
from deploy.local.outside.server import Party
from deploy.local.outside.stop import Stop


def compose(environment: Environment) -> Party:
    """The acquirer, ready to serve. Raises `SettingError`."""
    settings, key, stop = Settings.read(environment), own_key(environment), Stop()
    database = open_database(settings.data_dir / "acquirer.sqlite", books.SCHEMA + clock.SCHEMA)
    own_books, own_clock = Books(database), BusinessClock(database, told_at_start=settings.business_time)
    line, doors = Line(settings.line, key), Doors(settings, own_books)
    wallets = Wallets(settings, line, own_books, own_clock, stop)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        stop.set()
        await line.close()

    app = FastAPI(title="Local acquirer", docs_url=None, redoc_url=None, lifespan=lifespan)
    answer_problems(app)
    app.include_router(snap_routes(doors))
    app.include_router(console_routes(settings, key, own_books, own_clock, wallets, doors))
    return Party(app, stop)
