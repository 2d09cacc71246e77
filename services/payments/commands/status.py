"""Status (service 26): the truth about a payment or an inquiry of this partner; what is another's or unknown is not found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.transaction import Tx
from services.payments.commands.calls import Call, Calls, numbers
from services.payments.commands.targets import Target, Targets, came_to, holder_id, target_id, targets_to_show
from services.payments.domain.paying import Posted
from services.payments.domain.snap import codes
from services.payments.domain.snap.requests import StatusQuestion
from services.payments.queries import deciding
from services.payments.queries.deciding import Asked


@dataclass(frozen=True, slots=True)
class Found:
    """Payments newest first, or, when there is none yet, the inquiry that was answered."""

    payments: tuple[Posted, ...] = ()
    asked: Asked | None = None


async def tell_status(tx: Tx, items: Sequence[Call[StatusQuestion]], /) -> list[Found | codes.Case]:
    """One answer per question. Records nothing but the X-EXTERNAL-IDs."""
    asked = [(item, item.request.account) for item in items if isinstance(item.request, StatusQuestion)]
    targets = await targets_to_show(tx, *numbers(asked))
    calls = await Calls.load(tx, [(item, _ids(item)) for item in items])
    everything = await _all_payments(tx, items, targets)
    outcomes = [_one(targets, calls, everything, item) for item in items]
    calls.claim()
    return outcomes


def _ids(item: Call[StatusQuestion]) -> list[str]:
    if isinstance(item.request, codes.Case):
        return []
    return [i for i in (item.request.payment_request_id, item.request.inquiry_request_id) if i is not None]


async def _all_payments(tx: Tx, items: Sequence[Call[StatusQuestion]], targets: Targets) -> list[Posted]:
    """Of the numbers that are asked about as a whole; no statement when there are none."""
    wanted = {
        (item.partner, holder_id(target))
        for item in items
        if isinstance(item.request, StatusQuestion) and not _ids(item)
        if (target := targets.find(item.request.account.customer_no, item.nik_hash)) is not None
    }
    if not wanted:
        return []
    partners, named = {partner for partner, _ in wanted}, {target for _, target in wanted}
    return await deciding.payments_of_targets(tx.conn, partners, named)


def _one(
    targets: Targets, calls: Calls, everything: Sequence[Posted], item: Call[StatusQuestion]
) -> Found | codes.Case:
    if calls.conflict(item):
        return codes.CONFLICT
    request = item.request
    if isinstance(request, codes.Case):
        return request
    target = targets.find(request.account.customer_no, item.nik_hash)
    if target is None:
        return codes.TRANSACTION_NOT_FOUND
    found = _found(calls, everything, item, target)
    return found if found.payments or found.asked else codes.TRANSACTION_NOT_FOUND


def _found(calls: Calls, everything: Sequence[Posted], item: Call[StatusQuestion], target: Target) -> Found:
    """Payments before inquiries, the payment's id before the inquiry's (snap.md section 6)."""
    ids = _ids(item)
    if not ids:
        return Found(tuple(p for p in everything if p.partner == item.partner and came_to(p, target)))
    for wanted in ids:
        payment = calls.seen.payments.get((item.partner, wanted))
        if payment is not None and came_to(payment, target):
            return Found((payment,))
    for wanted in ids:
        asked = calls.seen.inquiries.get((item.partner, wanted))
        if asked is not None and asked.target_id == target_id(target):
            return Found(asked=asked)
    return Found()
