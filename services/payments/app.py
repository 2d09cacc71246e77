"""Composition root of payments: the one place that wires."""

from __future__ import annotations

from chassis import held
from chassis.service import App, Composition, Erasures, Service, as_settings
from contracts.events import CATALOGUE
from contracts.events.erasure import FORGOTTEN, ParticipantForgotten, whose_key
from services.payments import tables
from services.payments.api import (
    balances,
    bills,
    collective,
    disputes,
    incentive_documents,
    incentive_payouts,
    incentives,
    ledger,
    partners,
    payees,
    proofs,
    proposals,
    suspense,
    transfer_orders,
    withdrawals,
)
from services.payments.api import parameters as parameter_sets
from services.payments.api.snap import published
from services.payments.channels import Opened, Port
from services.payments.concerns import CONCERNS
from services.payments.consumers import subscriptions
from services.payments.holdings import HOLDINGS
from services.payments.parameters import Parameters
from services.payments.projections import projection
from services.payments.queries.erasure import clear_words
from services.payments.registry import Registry
from services.payments.settings import Settings
from services.payments.timers import timers


def compose(app: App) -> Composition:
    settings = as_settings(app, Settings)
    registry = Registry(app.read, app.vault, ttl_s=settings.registry_ttl_s)
    parameters = Parameters(ttl_s=settings.registry_ttl_s)
    channels = Opened.of(Port(app, registry, parameters), settings.channels).together
    return Composition(
        routers=[
            published.router(),
            *channels.routers,
            bills.router(app, parameters),
            collective.router(app, parameters),
            balances.router(app, parameters),
            proofs.router(app),
            ledger.router(app),
            partners.router(app, registry),
            parameter_sets.router(app, parameters),
            incentives.router(app, parameters),
            incentive_documents.router(app, parameters),
            incentive_payouts.router(app),
            disputes.router(app),
            suspense.router(app),
            proposals.router(app),
            payees.router(app),
            transfer_orders.router(app),
            withdrawals.router(app),
            held.router(app, HOLDINGS),
        ],
        subscriptions=subscriptions(parameters, app.forget),
        erasures=Erasures(ParticipantForgotten, FORGOTTEN, whose_key, clear_words),
        timers=[*timers(app.clock, parameters, keep_inquiries_days=settings.keep_inquiries_days), *channels.timers],
        concerns=CONCERNS,
        workers=channels.workers,
        edges=channels.edges,
    )


SERVICE = Service(
    name="payments",
    catalogue=CATALOGUE,
    tables=tables.STATE,
    personal={"payers": ("name",), "payee_accounts": ("details",)},
    projection=projection,
    compose=compose,
    settings=Settings,
    folds_key_by_key=True,
)
