"""Composition root of audit: the one place that wires."""

from __future__ import annotations

from chassis.service import App, Composition, Service, as_settings
from contracts.events import CATALOGUE, TOPICS
from services.audit import tables
from services.audit.api import accounts, events, export, log
from services.audit.commands.archive import Archiving
from services.audit.commands.sign import Signing
from services.audit.projections import projection
from services.audit.settings import Settings
from services.audit.signer import Signer


def signer_of(app: App) -> Signer:
    """The signer of this process."""
    settings = as_settings(app, Settings)
    return Signer(
        app.batches,
        app.read,
        Signing(settings.signing_key),
        origin=settings.audit_log,
        folder=settings.audit_folder,
        every_s=settings.audit_sign_every_s,
    )


def compose(app: App) -> Composition:
    archiving = Archiving(app.batches, app.service.catalogue, app.settings.topic_prefix)
    return Composition(
        routers=[events.router(app), accounts.router(app), log.router(app), export.router(app)],
        keepers=dict.fromkeys(sorted(set(TOPICS.values())), archiving.keep),
        workers={"signer": signer_of(app).run},
    )


SERVICE = Service(
    name="audit",
    catalogue=CATALOGUE,
    tables=(tables.checkpoints,),
    personal={},
    projection=projection,
    compose=compose,
    settings=Settings,
)
