"""A payout whose last day is over without evidence that it left is told of, once, with the step that it lacks."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Scope, Tx
from contracts.events.incentives import IncentivePayoutOverdue
from contracts.values import Rupiah, TransferOrderId
from services.payments.commands.incentives.issue import STREAM
from services.payments.commands.incentives.payout import PAYOUT_RULES
from services.payments.domain.incentives.payouts import hindrance
from services.payments.queries import incentive_payouts as queries
from services.payments.queries import incentive_waiting as waiting


async def note_overdue_payouts(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """A key is a Wadah and the month of its statement."""
    await tx.heads(STREAM, {item.key for item in items})
    payouts = await queries.payouts(tx.conn, {item.key for item in items})
    accounts = await waiting.accounts(tx.conn, sorted({payout.wadah_id for payout in payouts.values()}))
    for item in items:
        payout = payouts.get(item.key)
        if payout is None or not payout.untold or tx.now < payout.pay_by:
            continue
        recorded, verified = accounts[payout.wadah_id]
        in_force = None if payout.to_order or payout.order_id is None else TransferOrderId(payout.order_id)
        overdue = IncentivePayoutOverdue(
            wadah_id=payout.wadah_id,
            month=payout.month,
            amount=Rupiah(payout.amount),
            pay_by=payout.pay_by,
            hindrance=hindrance(ordered=in_force is not None, recorded=recorded, verified=verified),
            order_id=in_force,
        )
        scope = Scope(payout.branch_id, payout.wadah_id)
        tx.record(overdue, key=item.key, meta=item.meta, scope=scope, rules=PAYOUT_RULES)
    return [Done() for _ in items]
