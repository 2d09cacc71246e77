"""Transfer orders: given, confirmed with evidence, or failed, after which the money stands where it came from."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.astray import PaymentReturnFailed, TransferConfirmed, TransferFailed, TransferPurpose
from contracts.values import AgentId, PaymentId, ProposalId, Rupiah, TransferOrderId
from services.payments.commands.follow import RECEIPTS
from services.payments.commands.group_books import BALANCE_STREAM, BalanceBook
from services.payments.domain.balance import restore
from services.payments.domain.keys import order_key, receipt_key
from services.payments.domain.orders import (
    CannotClose,
    CannotOrder,
    Order,
    Wanted,
    confirm,
    evolve,
    fail,
    order,
)
from services.payments.domain.parameters import day_of
from services.payments.domain.payees import PAYEE_RULES
from services.payments.groups import are_agents, load_balances
from services.payments.problems_astray import CLOSING_PROBLEMS, UNKNOWN_PARTNER
from services.payments.queries import agreed
from services.payments.queries import astray as loads
from services.payments.queries.astray import KeptOrder

ORDERS = "transfer-orders"
ABOUT_THE_DAY = (CannotClose.PAID_IN_FUTURE, CannotClose.PAID_BEFORE_ORDER)


@dataclass(frozen=True, slots=True)
class OrderTransfer:
    """A transfer to order, in whose scope and for whom."""

    wanted: Wanted
    scope: Scope
    meta: Meta


async def order_transfers(tx: Tx, items: Sequence[OrderTransfer], /) -> list[Order | CannotOrder]:
    """The order in force for each, new or given before; reads heads, so it comes before the caller records anything of stream `transfer-orders`."""
    if not items:
        return []
    keys = {(item.wanted.purpose, item.wanted.reference) for item in items}
    await tx.heads(ORDERS, {order_key(*key) for key in keys})
    kept = await loads.orders(tx.conn, keys)
    payees = await loads.payees(tx.conn, {item.wanted.payee_account_id for item in items})
    outcomes: list[Order | CannotOrder] = []
    for item in items:
        key = (item.wanted.purpose, item.wanted.reference)
        before = kept[key].order if key in kept else None
        given = order(before, item.wanted, payees.get(item.wanted.payee_account_id), TransferOrderId(new_id()))
        if isinstance(given, Event):
            tx.record(given, key=order_key(*key), meta=item.meta, scope=item.scope, rules=PAYEE_RULES)
            after = evolve(before, given)
            assert after is not None
            kept[key], given = KeptOrder(after, item.scope, tx.now), after
        outcomes.append(given)
    return outcomes


@dataclass(frozen=True, slots=True)
class ConfirmTransfer:
    """The money left our account at `partner` on `paid_on` (WIB)."""

    order_id: TransferOrderId
    partner: str
    paid_on: date
    evidence: str
    meta: Meta


@dataclass(frozen=True, slots=True)
class FailTransfer:
    """The bank did not carry it out."""

    order_id: TransferOrderId
    reason: str
    meta: Meta


CloseOrder = ConfirmTransfer | FailTransfer


async def close_orders(tx: Tx, items: Sequence[CloseOrder], /) -> list[Accepted | Rejected]:
    """Whether the caller may see the order was asked before."""
    wanted = {item.order_id for item in items}
    first = await loads.orders_by_id(tx.conn, wanted)
    cases = await loads.cases(tx.conn, {k.order.payment_id for k in first.values() if k.order.payment_id is not None})
    await tx.heads(ORDERS, {order_key(*key) for key in first})
    balances = await _balances(tx, first, cases)
    keys = {payment: receipt_key(kept.case.partner, kept.case.channel_reference) for payment, kept in cases.items()}
    await tx.heads(RECEIPTS, keys.values())
    kept = {k.order.order_id: k for k in (await loads.orders_by_id(tx.conn, wanted)).values()}
    partners = await agreed.partners(tx.conn)
    return [_close(tx, kept, keys, balances, item, known=_partner(item) in partners) for item in items]


def _partner(item: CloseOrder) -> str | None:
    return item.partner if isinstance(item, ConfirmTransfer) else None


def _close(
    tx: Tx,
    kept: dict[TransferOrderId, KeptOrder],
    receipts: dict[PaymentId, str],
    balances: _Withdrawn,
    item: CloseOrder,
    *,
    known: bool,
) -> Accepted | Rejected:
    found = kept.get(item.order_id)
    if found is None:
        return Rejected(NOT_FOUND)
    event: TransferConfirmed | TransferFailed | CannotClose
    if isinstance(item, ConfirmTransfer):
        if not known:
            return Rejected(UNKNOWN_PARTNER, "partner")
        event = confirm(
            found.order,
            partner=item.partner,
            paid_on=item.paid_on,
            evidence=item.evidence,
            ordered_on=day_of(found.ordered_at),
            today=day_of(tx.now),
        )
    else:
        event = fail(found.order, item.reason)
    if isinstance(event, CannotClose):
        return Rejected(CLOSING_PROBLEMS[event], "paid_on" if event in ABOUT_THE_DAY else None)
    key = order_key(event.purpose, event.reference)
    tx.record(event, key=key, meta=item.meta, scope=found.scope, rules=PAYEE_RULES)
    if isinstance(event, TransferFailed) and event.purpose is TransferPurpose.RETURN:
        if found.order.payment_id in receipts:
            _back_to_suspense(tx, found, receipts, event, item.meta)
        else:
            _back_to_balance(balances, event, item.meta)
    after = evolve(found.order, event)
    assert after is not None
    kept[item.order_id] = found._replace(order=after)
    return Accepted({"order_id": str(item.order_id), "status": str(after.status)}, 200)


async def _balances(tx: Tx, orders: Mapping[Any, KeptOrder], cases: Container[PaymentId | None]) -> _Withdrawn:
    """The balances that the money of these orders came from; none where all of it was in suspense. Their heads are read first."""
    returns = [k.order for k in orders.values() if k.order.purpose is TransferPurpose.RETURN]
    proposed = {ProposalId(UUID(one.reference)) for one in returns if one.payment_id not in cases}
    if not proposed:
        return _Withdrawn(BalanceBook(tx, {}), {})
    made = await loads.proposals_by_id(tx.conn, proposed)
    agents = {str(key): one.proposal.agent_id for key, one in made.items() if one.proposal.agent_id is not None}
    await tx.heads(BALANCE_STREAM, agents.values())
    return _Withdrawn(BalanceBook(tx, await load_balances(tx.conn, are_agents(agents.values()))), agents)


class _Withdrawn(NamedTuple):
    """`agents`: by the reference of the order."""

    book: BalanceBook
    agents: Mapping[str, AgentId]


def _back_to_balance(withdrawn: _Withdrawn, event: TransferFailed, meta: Meta) -> None:
    kept = withdrawn.book.get(withdrawn.agents[event.reference])
    assert kept is not None
    payment_id = PaymentId(new_id())
    back = restore(kept.balance, event.amount, payment_id=payment_id, order_id=event.order_id, reason=event.reason)
    withdrawn.book.record(kept, back, meta=meta)


def _back_to_suspense(
    tx: Tx, found: KeptOrder, receipts: dict[PaymentId, str], event: TransferFailed, meta: Meta
) -> None:
    payment_id = found.order.payment_id
    assert payment_id is not None
    back = PaymentReturnFailed(
        payment_id=payment_id, amount=Rupiah(event.amount), order_id=event.order_id, reason=event.reason
    )
    tx.record(back, key=receipts[payment_id], meta=meta, scope=found.scope, rules=PAYEE_RULES)
