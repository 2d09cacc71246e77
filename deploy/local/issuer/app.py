"""The issuer's composition root: settings, database, key ring, accounts, routes."""

from fastapi import FastAPI

from deploy.local.issuer import accounts, keys
from deploy.local.issuer.accounts import Accounts
from deploy.local.issuer.admin import admin_routes
from deploy.local.issuer.clock import now_s
from deploy.local.issuer.keys import KeyRing
from deploy.local.issuer.public import public_routes
from deploy.local.issuer.settings import Settings
from deploy.local.outside.database import open_database
from deploy.local.outside.environment import Environment
from deploy.local.outside.problems import answer_problems
from deploy.local.outside.server import Party
from deploy.local.outside.stop import Stop


def compose(environment: Environment) -> Party:
    """The issuer, ready to serve. Raises `SettingError`."""
    settings = Settings.read(environment)
    database = open_database(settings.data_dir / "issuer.sqlite", keys.SCHEMA + accounts.SCHEMA)
    ring = KeyRing(database, overlap_s=settings.rotation_overlap_s, now=now_s())
    known = Accounts(database)
    if settings.accounts_file:
        known.load(settings.accounts_file)
    app = FastAPI(title="Local token issuer", docs_url=None, redoc_url=None)
    answer_problems(app)
    app.include_router(public_routes(settings, ring, known))
    app.include_router(admin_routes(settings, ring, known))
    return Party(app, Stop())
