"""What payments does when a participant is registered, expires, lapses, is given a number or another manager, is refused
protection, or is to be erased.

What it learns it writes down as its own events in the same transaction. A new payer and the first bill are one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chassis.ids import new_id
from chassis.outcomes import Done, Failed
from chassis.privacy.forgetting import Forgetting
from chassis.records import Outcome, Received
from chassis.transaction import Tx
from contracts.events.contributions import ContributionReversed, PayerNumbered, PaymentUnmatched
from contracts.events.erasure import (
    ErasureChecked,
    ErasureObstacle,
    ErasureRequested,
    ParticipantForgotten,
    PayerForgotten,
)
from contracts.events.participants import (
    ParticipantCorrected,
    ParticipantReassigned,
    ParticipantRegistered,
    ParticipationClosed,
    ParticipationLapsed,
    ProtectionRefused,
    ProtectionStarted,
    RegistrationExpired,
)
from contracts.values import BillId, ParticipantId, PaymentId
from services.payments.commands.incentives import managers
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.domain.billing import CancelReason, add, correct, end, issue, reissue
from services.payments.domain.credit import refused
from services.payments.domain.keys import receipt_key
from services.payments.domain.parameters import BILLING_RULES, Sets
from services.payments.domain.paying import Posted
from services.payments.domain.refunds import close_payer
from services.payments.parameters import Parameters
from services.payments.queries import deciding, erasure

OF_PAYER = (
    ParticipantRegistered,
    ParticipantCorrected,
    RegistrationExpired,
    ParticipationLapsed,
    ParticipationClosed,
    ProtectionRefused,
    ProtectionStarted,
    ErasureRequested,
    ParticipantForgotten,
)
HANDLED = (*OF_PAYER, ParticipantReassigned)
RECEIPTS = "receipts"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """State of one batch; `payments` are those that lost their protection, by our own id, `standing` those of whoever was closed."""

    tx: Tx
    book: PayerBook
    sets: Sets
    payments: dict[PaymentId, Posted]
    standing: list[Posted]
    obstacles: Mapping[ParticipantId, tuple[ErasureObstacle, ...]]


@dataclass(frozen=True, slots=True)
class FollowParticipants:
    """The use case: one outcome per event of topic `participants`, in their order."""

    parameters: Parameters
    forget: Forgetting
    __name__ = "follow_participants"

    async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        sets = await self.parameters.sets(tx.conn)
        loaded = await _load(tx, items, sets)
        outcomes = [_follow(loaded, item) for item in items]
        gone = [item.event.participant_id for item in items if isinstance(item.event, ParticipantForgotten)]
        if gone:
            self.forget(tx, gone)
            tx.defer(lambda conn: erasure.forget_words(conn, gone))
        return outcomes


async def _load(tx: Tx, items: Sequence[Received], sets: Sets) -> _Loaded:
    """Heads first, then state. The first look-up only finds the keys of the receipts; it is read again."""
    participants = {item.event.participant_id for item in items if isinstance(item.event, OF_PAYER)}
    refused = {item.event.payment_id for item in items if isinstance(item.event, ProtectionRefused)}
    payments = await deciding.payments_by_id(tx.conn, refused) if refused else {}
    await tx.heads(STREAM, participants)
    await managers.load_managements(tx, items)
    if payments:
        keys = {receipt_key(payment.partner, payment.channel_reference) for payment in payments.values()}
        await tx.heads(RECEIPTS, keys)
        payments = await deciding.payments_by_id(tx.conn, refused)
    bills = {payment.bill_id for payment in payments.values() if payment.bill_id is not None}
    kept = await deciding.payers_with_live_bills(tx.conn, participants, tx.now, bills)
    closed = {item.event.participant_id for item in items if isinstance(item.event, ParticipationClosed)}
    standing = await deciding.standing_payments(tx.conn, closed) if closed else []
    asked = {item.event.participant_id for item in items if isinstance(item.event, ErasureRequested)}
    obstacles = await erasure.obstacles(tx.conn, asked)
    return _Loaded(tx, PayerBook(tx, kept), sets, payments, standing, obstacles)


def _follow(loaded: _Loaded, item: Received) -> Outcome:
    match item.event:
        case ParticipantRegistered():
            return _registered(loaded, item, item.event)
        case ParticipantCorrected():
            return _corrected(loaded, item, item.event)
        case RegistrationExpired():
            return _ended(loaded, item, item.event, CancelReason.REGISTRATION_EXPIRED)
        case ParticipationLapsed():
            return _ended(loaded, item, item.event, CancelReason.LAPSED)
        case ParticipationClosed():
            return _closed(loaded, item, item.event)
        case ProtectionRefused():
            return _refused(loaded, item, item.event)
        case ProtectionStarted():
            return _numbered(loaded, item, item.event)
        case ParticipantReassigned():
            managers.note_manager(loaded.tx, item)
        case ErasureRequested():
            return _asked(loaded, item, item.event)
        case ParticipantForgotten():
            return _forgotten(loaded, item, item.event)
    return Done()


def _registered(loaded: _Loaded, item: Received, event: ParticipantRegistered) -> Outcome:
    """The payer, and the first bill unless the registration is over already."""
    book, now = loaded.book, loaded.tx.now
    if book.get(event.participant_id) is not None:
        return Failed("payer_exists")
    if event.income <= 0:
        return Failed("income_not_positive")
    kept = book.add(add(event), meta=item.meta, scope=item.scope)
    outcome = issue(kept.payer, now=now, bill_id=BillId(new_id()), sets=loaded.sets)
    if isinstance(outcome, tuple):
        bill, rules = outcome
        book.issue(kept, bill, meta=item.meta, rules=rules.version)
    return Done()


def _numbered(loaded: _Loaded, item: Received, event: ProtectionStarted) -> Outcome:
    """The participant number stands on proofs of payment; who manages the new spell, on incentives."""
    kept = loaded.book.get(event.participant_id)
    if kept is None:
        return Failed("unknown_payer")
    if kept.kpj != event.kpj:
        numbered = PayerNumbered(participant_id=event.participant_id, kpj=event.kpj)
        loaded.book.record(kept, [numbered], meta=item.meta)
    managers.note_manager(loaded.tx, item)
    return Done()


def _corrected(loaded: _Loaded, item: Received, event: ParticipantCorrected) -> Outcome:
    """Unpaid months cost what they now cost: an open bill gives way to one of as many months."""
    book, now = loaded.book, loaded.tx.now
    kept = book.get(event.participant_id)
    if kept is None:
        return Failed("unknown_payer")
    corrected = correct(kept.payer, event)
    if corrected is None:
        return Done()
    if corrected.income <= 0:
        return Failed("income_not_positive")
    open_bill = kept.payer.open_bill
    kept = book.record(kept, [corrected, *end(kept.payer, now, CancelReason.CORRECTED)], meta=item.meta)
    if open_bill is not None and now < open_bill.expires_at:
        outcome = reissue(kept.payer, open_bill, now=now, bill_id=BillId(new_id()), sets=loaded.sets)
        if isinstance(outcome, tuple):
            bill, rules = outcome
            book.issue(kept, bill, meta=item.meta, rules=rules.version)
    return Done()


def _ended(
    loaded: _Loaded, item: Received, event: RegistrationExpired | ParticipationLapsed, reason: CancelReason
) -> Outcome:
    """The open bill, if any, is void; which bills may follow is computed from the payer's months and dates."""
    kept = loaded.book.get(event.participant_id)
    if kept is None:
        return Failed("unknown_payer")
    loaded.book.record(kept, end(kept.payer, loaded.tx.now, reason), meta=item.meta)
    return Done()


def _closed(loaded: _Loaded, item: Received, event: ParticipationClosed) -> Outcome:
    """Nothing more is billed; what was paid for months after that of the end, and credit that is left, are owed (domain.md sections 5 and 8)."""
    kept = loaded.book.get(event.participant_id)
    if kept is None:
        return Failed("unknown_payer")
    theirs = [payment for payment in loaded.standing if payment.participant_id == event.participant_id]
    refund_id = PaymentId(new_id())
    events = close_payer(kept.payer, theirs, closed_on=event.died_on, reason="death", refund_id=refund_id)
    if events is not None:
        kept = loaded.book.record(kept, end(kept.payer, loaded.tx.now, CancelReason.CLOSED), meta=item.meta)
        loaded.book.record(kept, events, meta=item.meta)
    return Done()


def _asked(loaded: _Loaded, item: Received, event: ErasureRequested) -> Outcome:
    """Answers what of the person still waits here (UU 27/2022 Art. 15)."""
    kept = loaded.book.get(event.participant_id)
    if kept is None:
        return Failed("unknown_payer")
    obstacles = loaded.obstacles.get(event.participant_id, ())
    checked = ErasureChecked(participant_id=event.participant_id, erasure_id=event.erasure_id, obstacles=obstacles)
    loaded.book.record(kept, [checked], meta=item.meta)
    return Done()


def _forgotten(loaded: _Loaded, item: Received, event: ParticipantForgotten) -> Outcome:
    """Name and NIK hash go, what was billed since the answer is void; sums stay."""
    kept = loaded.book.get(event.participant_id)
    if kept is None:
        return Failed("unknown_payer")
    kept = loaded.book.record(kept, end(kept.payer, loaded.tx.now, CancelReason.CLOSED), meta=item.meta)
    loaded.book.record(kept, [PayerForgotten(participant_id=event.participant_id)], meta=item.meta)
    return Done()


def _refused(loaded: _Loaded, item: Received, event: ProtectionRefused) -> Outcome:
    """The money moves from the contributions to suspense under registration's reason."""
    payment = loaded.payments.get(event.payment_id)
    kept = loaded.book.get(event.participant_id)
    if payment is None or kept is None or payment.participant_id != event.participant_id:
        return Failed("unknown_payment")
    events = refused(kept.payer, payment, event.reason, refund_id=PaymentId(new_id()), now=loaded.tx.now)
    for happened in events or ():
        if isinstance(happened, PaymentUnmatched):
            key = receipt_key(payment.partner, payment.channel_reference)
            loaded.tx.record(happened, key=key, meta=item.meta, scope=kept.scope, rules=BILLING_RULES)
        else:
            kept = loaded.book.record(kept, [happened], meta=item.meta)
        if isinstance(happened, ContributionReversed):
            loaded.payments[event.payment_id] = replace(payment, reversed_for=happened.reason)
    return Done()
