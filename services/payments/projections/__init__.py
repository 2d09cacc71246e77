"""The only writers of state tables: own events in, rows out, set-based, the same live and in replay; one file per part.

Every table but `transfers`, `balances` and `payments` is fed by one stream, and those only grow by rows of one event each, so the order of keys
is free. (`payers.kpj` is a column of its own: no other event writes it.)
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.vault import Vault
from chassis.transaction import Projection, Recorded
from services.payments.projections.acquirers import acquirers
from services.payments.projections.astray import payee_accounts, proposals, refunds, suspense, transfer_orders
from services.payments.projections.contributions import payers_and_bills
from services.payments.projections.groups import groups
from services.payments.projections.incentives import incentives
from services.payments.projections.ledger import ledger
from services.payments.projections.money import payments, receipt_names
from services.payments.projections.parameters import parameter_sets
from services.payments.projections.partners import partners
from services.payments.projections.qr import qr_codes
from services.payments.projections.settlement import settlement


def projection(vault: Vault) -> Projection:
    """The projection of payments; `vault` encrypts the names it stores."""

    async def project(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
        await payers_and_bills(conn, vault, events)
        await groups(conn, events)
        await payments(conn, events)
        await receipt_names(conn, events)
        await suspense(conn, events)
        await ledger(conn, events)
        await partners(conn, events)
        await acquirers(conn, events)
        await settlement(conn, events)
        await parameter_sets(conn, events)
        await qr_codes(conn, events)
        await incentives(conn, events)
        await proposals(conn, events)
        await payee_accounts(conn, vault, events)
        await transfer_orders(conn, events)
        await refunds(conn, events)

    return project
