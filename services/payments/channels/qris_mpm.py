"""QRIS: a code per bill made by an acquirer, which tells of the payment; what it does not tell it is asked for."""

from __future__ import annotations

from datetime import timedelta

from chassis.service import Composition, as_settings
from services.payments.acquirer import SnapAcquirer
from services.payments.acquirer_registry import AcquirerRegistry
from services.payments.api import acquirers, qr
from services.payments.api.snap import notices
from services.payments.channels import Port
from services.payments.commands.qr import CHANNEL as NAME
from services.payments.qr_desk import QrDesk
from services.payments.settings import Settings

CALLS_PER_QUESTION = 6
"""As a rule at most: a token, a query and its repeat, the same for making. What takes longer is asked again."""


class QrisMpm:
    name = NAME

    def open(self, port: Port) -> Composition:
        settings = as_settings(port.app, Settings)
        registry = AcquirerRegistry(port.app.read, port.app.vault, port.app.clock, ttl_s=settings.registry_ttl_s)
        line = SnapAcquirer(registry, port.app.clock, timeout_s=settings.qris_timeout_s)
        lease = timedelta(seconds=CALLS_PER_QUESTION * settings.qris_timeout_s + 5)
        desk = QrDesk(port.app, line, registry, port.parameters, lease=lease)
        return Composition(
            routers=[
                notices.router(port.app, port.registry, port.parameters),
                acquirers.router(port.app, registry),
                qr.router(port.app, desk, port.parameters),
            ],
            workers={"qr-desk": desk.run},
        )


CHANNEL = QrisMpm()
