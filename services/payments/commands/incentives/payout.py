"""What a month's statement pays out to a Wadah: ordered on its day to the verified account, noted as paid when the order is confirmed.

A Wadah without a verified account waits; an order that failed is given anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

from chassis.outcomes import Done, Failed, NotYet
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Scope, Tx
from contracts.events.astray import PayeeKind, TransferPurpose
from contracts.events.incentives import IncentivePaidOut, IncentivePayoutOrdered
from contracts.values import WIB, Rupiah, TransferOrderId, WadahId
from services.payments.commands.incentives.issue import STREAM
from services.payments.commands.orders import OrderTransfer, order_transfers
from services.payments.domain.ledger.accounts import incentives_payable
from services.payments.domain.orders import Order, Wanted
from services.payments.queries import incentive_payouts as queries
from services.payments.queries.incentive_payouts import Payout

PAYOUT_RULES = "perisai-incentive-payout/2022-04"
"""To the Wadah alone, by bank, at the latest on the 5th (Perdir 13/PERDIR.02/042022)."""


async def order_payouts(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """A key is a Wadah and the month of its statement."""
    await tx.heads(STREAM, {item.key for item in items})
    waiting = {item.key: item for item in items}
    payouts = await queries.payouts(tx.conn, waiting)
    accounts = await queries.verified_accounts(tx.conn, {payout.wadah_id for payout in payouts.values()})
    ready = [key for key in waiting if key in payouts and payouts[key].to_order and payouts[key].wadah_id in accounts]
    given = await order_transfers(tx, [_transfer(payouts[key], accounts, waiting[key]) for key in ready])
    outcomes = dict(zip(ready, given, strict=True))
    return [_ordered(tx, item, payouts.get(item.key), accounts, outcomes.get(item.key)) for item in items]


def _transfer(payout: Payout, accounts: Mapping[WadahId, Any], item: Due) -> OrderTransfer:
    wanted = Wanted(
        purpose=TransferPurpose.INCENTIVE,
        reference=item.key,
        payee_account_id=accounts[payout.wadah_id],
        amount=payout.amount,
        account=incentives_payable(payout.wadah_id),
        kinds=frozenset({PayeeKind.WADAH}),
        owner_id=payout.wadah_id,
    )
    return OrderTransfer(wanted, Scope(payout.branch_id, payout.wadah_id), item.meta)


def _ordered(tx: Tx, item: Due, payout: Payout | None, accounts: Mapping[WadahId, UUID], order: object) -> Outcome:
    if payout is None or not payout.to_order:
        return Done()
    if payout.wadah_id not in accounts:
        return NotYet("payee_account")
    if not isinstance(order, Order):
        return Failed(str(order))
    ordered = IncentivePayoutOrdered(
        wadah_id=payout.wadah_id, month=payout.month, order_id=order.order_id, amount=Rupiah(payout.amount)
    )
    _record(tx, ordered, payout, item)
    return Done()


async def note_payouts(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """The orders that a bank's evidence has confirmed."""
    await tx.heads(STREAM, {item.key for item in items})
    payouts = await queries.payouts(tx.conn, {item.key for item in items})
    for item in items:
        payout = payouts.get(item.key)
        if payout is not None and payout.paid_on is not None and payout.order_id is not None:
            paid = IncentivePaidOut(
                wadah_id=payout.wadah_id,
                month=payout.month,
                order_id=TransferOrderId(payout.order_id),
                amount=Rupiah(payout.amount),
                paid_at=datetime.combine(payout.paid_on, time(), WIB),
            )
            _record(tx, paid, payout, item)
    return [Done() for _ in items]


def _record(tx: Tx, event: IncentivePayoutOrdered | IncentivePaidOut, payout: Payout, item: Due) -> None:
    scope = Scope(payout.branch_id, payout.wadah_id)
    tx.record(event, key=item.key, meta=item.meta, scope=scope, rules=PAYOUT_RULES)
