"""Composition root of registration: the one place that wires."""

from __future__ import annotations

from chassis.service import App, Composition, Service
from contracts.events import CATALOGUE
from services.registration import tables
from services.registration.api import agency, agents, outreach, participants
from services.registration.commands.protection import ApplyingEvents
from services.registration.consumers import subscriptions
from services.registration.projections import projection
from services.registration.settings import Settings
from services.registration.timers import timers


def compose(app: App) -> Composition:
    return Composition(
        routers=[
            agency.router(app),
            agents.router(app),
            outreach.router(app),
            participants.router(app),
        ],
        subscriptions=subscriptions(ApplyingEvents(app.vault, app.numbers)),
        timers=timers(app.vault),
    )


SERVICE = Service(
    name="registration",
    catalogue=CATALOGUE,
    tables=tables.STATE,
    personal=tables.PERSONAL,
    projection=projection,
    compose=compose,
    settings=Settings,
)
