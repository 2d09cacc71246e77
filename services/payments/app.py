"""Composition root of payments: the one place that wires."""

from __future__ import annotations

from chassis.service import App, Composition, Service, as_settings
from contracts.events import CATALOGUE
from services.payments import tables
from services.payments.api import bills, ledger, partners
from services.payments.channels import Opened, Port
from services.payments.consumers import subscriptions
from services.payments.projections import projection
from services.payments.registry import Registry
from services.payments.settings import Settings
from services.payments.timers import timers


def compose(app: App) -> Composition:
    settings = as_settings(app, Settings)
    registry = Registry(app.read, app.vault, ttl_s=settings.registry_ttl_s)
    channels = Opened.of(Port(app, registry), settings.channels).together
    return Composition(
        routers=[
            *channels.routers,
            bills.router(app),
            ledger.router(app),
            partners.router(app, registry),
        ],
        subscriptions=subscriptions(),
        timers=[*timers(app.clock, keep_inquiries_days=settings.keep_inquiries_days), *channels.timers],
        workers=channels.workers,
        edges=channels.edges,
    )


SERVICE = Service(
    name="payments",
    catalogue=CATALOGUE,
    tables=tables.STATE,
    personal={"payers": ("name",)},
    projection=projection,
    compose=compose,
    settings=Settings,
)
