"""SNAP virtual accounts: the bank asks and pays through our doors; what we refuse was never taken, so nothing arrives by the port."""

from __future__ import annotations

from chassis.service import Composition
from services.payments.api.snap import routes
from services.payments.channels import Port
from services.payments.commands.pay import CHANNEL as NAME


class SnapVa:
    name = NAME

    def open(self, port: Port) -> Composition:
        return Composition(
            routers=[routes.router(port.app, port.registry, port.parameters)],
            edges={"/snap/": routes.at_the_edge},
        )


CHANNEL = SnapVa()
