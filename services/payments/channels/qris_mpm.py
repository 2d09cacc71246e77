"""QRIS: a code per bill made by an acquirer, which tells of the payment; what it does not tell it is asked for."""

from __future__ import annotations

from datetime import timedelta

from chassis.service import Composition, as_settings
from services.payments.acquirer import Agreement, SnapAcquirer
from services.payments.api import qr
from services.payments.api.snap import notices
from services.payments.channels import Port
from services.payments.commands.qr import CHANNEL as NAME
from services.payments.qr_desk import QrDesk
from services.payments.settings import Settings

CALLS_PER_QUESTION = 6
"""At most: a token, a query and its repeat, the same for making."""


class QrisMpm:
    name = NAME

    def open(self, port: Port) -> Composition:
        settings = as_settings(port.app, Settings)
        desk = _desk(port, settings) if settings.qris_url else None
        return Composition(
            routers=[
                notices.router(port.app, port.registry, port.parameters),
                qr.router(port.app, desk, port.parameters, partner=settings.qris_partner),
            ],
            workers={"qr-desk": desk.run} if desk is not None else {},
        )


def _desk(port: Port, settings: Settings) -> QrDesk:
    agreement = Agreement(
        partner=settings.qris_partner,
        url=settings.qris_url.rstrip("/"),
        client_key=settings.qris_client_key,
        client_secret=settings.qris_client_secret,
        private_key=settings.qris_private_key,
        partner_id=settings.qris_partner_id,
        channel_id=settings.qris_channel_id,
        merchant_id=settings.qris_merchant_id,
        timeout_s=settings.qris_timeout_s,
    )
    lease = timedelta(seconds=CALLS_PER_QUESTION * settings.qris_timeout_s + 5)
    return QrDesk(port.app, SnapAcquirer(agreement, port.app.clock), port.parameters, lease=lease)


CHANNEL = QrisMpm()
