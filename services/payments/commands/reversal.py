"""Walking the shares of a collective bill back whose payment was taken back, some lines at a time, as `shares` walked them forward.

The bill's own stream says which lines were dealt with, in the transaction of their reversals: whoever is killed, or comes second, goes on where
that ends, and no share is taken back twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Meta, Tx
from contracts.events.astray import PaymentVoided
from contracts.events.groups import CollectiveSharesReversed, ReversedShare
from contracts.values import BillId, PaymentId, TransferOrderId
from services.payments.commands.follow import RECEIPTS
from services.payments.commands.group_books import COLLECTIVE_STREAM, CollectiveBook
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.domain.collective import Collective, CollectiveStatus, reference_of_share
from services.payments.domain.keys import receipt_key
from services.payments.domain.paying import Posted
from services.payments.domain.refunds import Refund
from services.payments.domain.resolving import NewIds
from services.payments.domain.voiding import PostedShare, void_share
from services.payments.groups import KeptCollective, PostedLine, are_bills, load_collectives, load_posted_lines
from services.payments.queries import astray, deciding
from services.payments.queries.astray import KeptCase

LINES_AT_ONCE: Final = 200
"""Of one bill in one transaction."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """State of one batch; `lines`: the next posted ones of each bill, the rest by the payments they became."""

    tx: Tx
    bills: CollectiveBook
    lines: dict[BillId, list[PostedLine]]
    payers: PayerBook
    payments: dict[PaymentId, Posted]
    cases: dict[PaymentId, KeptCase]
    refunds: dict[PaymentId, Refund]


async def reverse_shares(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """The next posted lines of each of these bills. A bill with lines left stays due."""
    loaded = await _load(tx, {BillId(UUID(item.key)) for item in items})
    for item in items:
        kept = loaded.bills.get(BillId(UUID(item.key)))
        if kept is not None and (lines := loaded.lines.get(kept.bill.bill_id)):
            noted = tuple(_reverse(loaded, kept, line, item.meta) for line in lines)
            event = CollectiveSharesReversed(bill_id=kept.bill.bill_id, shares=noted)
            loaded.bills.record(kept, event, meta=item.meta)
    return [Done() for _ in items]


async def _load(tx: Tx, bills: set[BillId]) -> _Loaded:
    """Heads of the bills before their state, heads of payers and receipts before theirs; which lines were posted changes no more."""
    await tx.heads(COLLECTIVE_STREAM, bills)
    kept = await load_collectives(tx.conn, are_bills(bills))
    reversed_ = {
        one.bill.bill_id: one.bill.shares_reversed
        for one in kept.values()
        if one.bill.status is CollectiveStatus.REVERSED
    }
    lines = await load_posted_lines(tx.conn, reversed_, LINES_AT_ONCE) if reversed_ else {}
    found = [(kept[bill_id].bill, line) for bill_id, some in lines.items() for line in some]
    participants = {line.participant_id for _, line in found}
    await tx.heads(STREAM, participants)
    await tx.heads(RECEIPTS, {_receipt(bill, line.number) for bill, line in found})
    posted = {line.payment_id for _, line in found}
    own = {line.share_bill_id for _, line in found}
    payers = await deciding.payers_with_live_bills(tx.conn, participants, tx.now, own) if found else {}
    return _Loaded(
        tx,
        CollectiveBook(tx, kept),
        lines,
        PayerBook(tx, payers),
        await deciding.payments_by_id(tx.conn, posted) if found else {},
        await astray.cases(tx.conn, posted) if found else {},
        await astray.refunds_of(tx.conn, posted) if found else {},
    )


def _reverse(loaded: _Loaded, kept: KeptCollective, line: PostedLine, meta: Meta) -> ReversedShare:
    payer, case = loaded.payers.get(line.participant_id), loaded.cases.get(line.payment_id)
    assert payer is not None
    assert kept.bill.reversed_by is not None
    share = PostedShare(
        number=line.number,
        payment_id=line.payment_id,
        payment=loaded.payments[line.payment_id],
        case=None if case is None else case.case,
        refund=loaded.refunds.get(line.payment_id),
        payer=payer.payer,
    )
    ids = NewIds(PaymentId(new_id()), TransferOrderId(new_id()))
    events, noted = void_share(share, kept.bill.reversed_by, made_by=meta.actor, ids=ids, now=loaded.tx.now)
    if case is not None and any(isinstance(event, PaymentVoided) for event in events):
        (voided,) = events
        key = _receipt(kept.bill, line.number)
        loaded.tx.record(voided, key=key, meta=meta, scope=case.scope, rules=kept.rules)
    else:
        loaded.payers.record(payer, events, meta=meta, rules=kept.rules)
    return noted


def _receipt(bill: Collective, number: int) -> str:
    assert bill.paid is not None
    return receipt_key(bill.paid.partner, reference_of_share(bill.paid.payment_id, number))
