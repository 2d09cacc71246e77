"""Composition root of notifications: the one place that wires."""

from __future__ import annotations

from chassis import held
from chassis.service import App, Composition, Erasures, Service, as_settings
from contracts.events import CATALOGUE
from contracts.events.erasure import FORGOTTEN, ParticipantForgotten, whose_key
from services.notifications import tables
from services.notifications.api import notifications, receipts
from services.notifications.commands.receive import receive
from services.notifications.consumers import subscriptions
from services.notifications.gateway import HttpGateway
from services.notifications.holdings import HOLDINGS
from services.notifications.projections import projection
from services.notifications.sender import Sender
from services.notifications.settings import Settings


def sender_of(app: App) -> Sender:
    """The sender of this process, through the HTTP gateway."""
    settings = as_settings(app, Settings)
    gateway = HttpGateway(
        url=settings.gateway_url,
        api_key=settings.gateway_api_key,
        timeout_s=settings.send_timeout_s,
        concurrent=settings.send_concurrent,
    )
    return Sender(
        app.batches,
        gateway,
        clock=app.clock,
        vault=app.vault,
        policy=settings.policy,
        concurrent=settings.send_concurrent,
        lease=settings.lease,
    )


def compose(app: App) -> Composition:
    secret = as_settings(app, Settings).gateway_webhook_secret
    return Composition(
        routers=[
            notifications.router(app.read),
            held.router(app, HOLDINGS),
            receipts.router(app.door(receive), secret=secret, clock=app.clock),
        ],
        subscriptions=subscriptions(app.vault, app.forget),
        erasures=Erasures(ParticipantForgotten, FORGOTTEN, whose_key),
        workers={"sender": sender_of(app).run},
    )


SERVICE = Service(
    name="notifications",
    catalogue=CATALOGUE,
    tables=(tables.recipients, tables.notifications),
    personal={"recipients": tables.PERSONAL},
    projection=projection,
    compose=compose,
    settings=Settings,
)
