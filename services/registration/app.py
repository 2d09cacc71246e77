"""Composition root of registration: the one place that wires."""

from __future__ import annotations

from datetime import timedelta

from chassis import held
from chassis.privacy.boxes import FileBoxes
from chassis.service import App, Composition, Erasures, Service, as_settings
from contracts.events import CATALOGUE
from contracts.events.erasure import FORGOTTEN, ParticipantForgotten, whose_key
from services.registration import tables
from services.registration.api import agency, agents, erasures, exports, imports, outreach, participants, reassignments
from services.registration.commands.erasing import clear_results
from services.registration.commands.protection import ApplyingEvents
from services.registration.commands.registering import Registering
from services.registration.concerns import CONCERNS
from services.registration.consumers import subscriptions
from services.registration.holdings import holdings
from services.registration.imports.files import BOXES
from services.registration.imports.worker import ImportWorker, Limits
from services.registration.projections import projection
from services.registration.settings import Settings
from services.registration.timers import timers


def compose(app: App) -> Composition:
    settings = as_settings(app, Settings)
    importer = ImportWorker(
        app.engine,
        app.batches,
        clock=app.clock,
        vault=app.vault,
        registering=Registering(app.vault, app.numbers),
        boxes=FileBoxes(settings.master_key, BOXES),
        limits=Limits(settings.import_chunk, timedelta(seconds=settings.import_lease_s)),
    )
    return Composition(
        routers=[
            agency.router(app),
            agents.router(app),
            outreach.router(app),
            participants.router(app),
            erasures.router(app),
            exports.router(app),
            held.router(app, holdings(app.vault)),
            reassignments.router(app),
            imports.router(app),
        ],
        subscriptions=subscriptions(ApplyingEvents(app.vault, app.numbers)),
        timers=timers(app.vault, app.forget),
        erasures=Erasures(ParticipantForgotten, FORGOTTEN, whose_key, clear_results),
        concerns=CONCERNS,
        workers={"imports": importer.run},
    )


SERVICE = Service(
    name="registration",
    catalogue=CATALOGUE,
    tables=tables.STATE,
    personal=tables.PERSONAL,
    projection=projection,
    compose=compose,
    settings=Settings,
    keeps_person_keys=True,
)
