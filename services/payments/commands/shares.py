"""Posting the shares of paid collective bills, some lines of each at a time: each an ordinary payment of its participant.

The bill's own stream says which lines were dealt with, in the transaction that posts them: whoever is killed, or comes second, goes on where that
ends, and no line is posted twice.
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
from contracts.events.contributions import PaymentUnmatched
from contracts.events.groups import CollectiveLine, CollectiveSharesPosted, PostedShare
from contracts.values import BillId, PaymentId
from services.payments.commands.follow import RECEIPTS
from services.payments.commands.group_books import COLLECTIVE_STREAM, CollectiveBook
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.domain.collective import CollectiveStatus, Share, share_of
from services.payments.domain.keys import receipt_key
from services.payments.groups import KeptCollective, are_bills, load_collectives, load_lines
from services.payments.queries import deciding

LINES_AT_ONCE: Final = 200
"""Of one bill in one transaction."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """State of one batch; `lines`: the next ones of each bill."""

    tx: Tx
    bills: CollectiveBook
    lines: dict[BillId, list[CollectiveLine]]
    payers: PayerBook


async def post_shares(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """The next lines of each of these bills. A bill with lines left stays due."""
    loaded = await _load(tx, {BillId(UUID(item.key)) for item in items})
    for item in items:
        kept = loaded.bills.get(BillId(UUID(item.key)))
        if kept is not None and (lines := loaded.lines.get(kept.bill.bill_id)):
            _post(loaded, kept, lines, item.meta)
    return [Done() for _ in items]


async def _load(tx: Tx, bills: set[BillId]) -> _Loaded:
    """Heads of the bills before their state, heads of the payers before theirs; lines never change."""
    await tx.heads(COLLECTIVE_STREAM, bills)
    kept = await load_collectives(tx.conn, are_bills(bills))
    paid = {
        one.bill.bill_id: one.bill.shares_posted for one in kept.values() if one.bill.status is CollectiveStatus.PAID
    }
    lines = await load_lines(tx.conn, paid, LINES_AT_ONCE) if paid else {}
    participants = {line.participant_id for some in lines.values() for line in some}
    await tx.heads(STREAM, participants)
    payers = await deciding.payers_with_live_bills(tx.conn, participants, tx.now) if participants else {}
    return _Loaded(tx, CollectiveBook(tx, kept), lines, PayerBook(tx, payers))


def _post(loaded: _Loaded, kept: KeptCollective, lines: Sequence[CollectiveLine], meta: Meta) -> None:
    noted = tuple(_share(loaded, kept, line, meta) for line in lines)
    loaded.bills.record(kept, CollectiveSharesPosted(bill_id=kept.bill.bill_id, shares=noted), meta=meta)


def _share(loaded: _Loaded, kept: KeptCollective, line: CollectiveLine, meta: Meta) -> PostedShare:
    payer = loaded.payers.get(line.participant_id)
    share: Share = share_of(
        kept.bill, line, None if payer is None else payer.payer, payment_id=PaymentId(new_id()), now=loaded.tx.now
    )
    if payer is not None:
        loaded.payers.record(payer, share.events, meta=meta, rules=kept.rules)
    if share.unmatched is not None:
        _suspend(loaded.tx, kept, share.unmatched, meta)
    return share.noted


def _suspend(tx: Tx, kept: KeptCollective, unmatched: PaymentUnmatched, meta: Meta) -> None:
    """A receipt of its own, under a reference that no one else can have."""
    key = receipt_key(unmatched.partner, unmatched.channel_reference)
    tx.new(RECEIPTS, key)
    tx.record(unmatched, key=key, meta=meta, scope=kept.scope, rules=kept.rules)
