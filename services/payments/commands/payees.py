"""Accounts that money may go to: recorded by one person, verified by another, retired. And who answers for money in suspense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.astray import CaseTaken, OtherPayeeAccountRecorded, PayeeAccountRecorded
from contracts.values import PayeeAccountId, PaymentId
from services.payments.commands.follow import RECEIPTS
from services.payments.domain import payees as deciding
from services.payments.domain import suspense as waiting
from services.payments.domain.keys import receipt_key
from services.payments.domain.payees import PAYEE_RULES, CannotVerify, Payee
from services.payments.problems_astray import NOTHING_THERE, VERIFYING_PROBLEMS
from services.payments.queries import astray as loads
from services.payments.queries.astray import KeptCase

PAYEES = "payee-accounts"


@dataclass(frozen=True, slots=True)
class RecordPayee:
    """A new account, as its event; the key of a participant was fetched before."""

    event: PayeeAccountRecorded | OtherPayeeAccountRecorded
    scope: Scope
    meta: Meta


@dataclass(frozen=True, slots=True)
class VerifyPayee:
    payee_account_id: PayeeAccountId
    evidence: str
    scope: Scope
    meta: Meta


@dataclass(frozen=True, slots=True)
class RetirePayee:
    payee_account_id: PayeeAccountId
    reason: str
    scope: Scope
    meta: Meta


ChangePayee = RecordPayee | VerifyPayee | RetirePayee


async def change_payees(tx: Tx, items: Sequence[ChangePayee], /) -> list[Accepted | Rejected]:
    """Whether the caller may see the account was asked before; its scope never changes."""
    known = {item.payee_account_id for item in items if not isinstance(item, RecordPayee)}
    await tx.heads(PAYEES, known)
    kept: dict[PayeeAccountId, Payee] = await loads.payees(tx.conn, known)
    return [_change(tx, kept, item) for item in items]


def _change(tx: Tx, kept: dict[PayeeAccountId, Payee], item: ChangePayee) -> Accepted | Rejected:
    event: Event | CannotVerify | None
    match item:
        case RecordPayee():
            key, event = item.event.payee_account_id, item.event
            tx.new(PAYEES, key)
        case VerifyPayee():
            key = item.payee_account_id
            event = deciding.verify(kept.get(key), item.meta.actor, item.evidence)
        case RetirePayee():
            key = item.payee_account_id
            event = deciding.retire(kept.get(key), item.reason)
    if isinstance(event, CannotVerify):
        verified_by = getattr(kept.get(key), "verified_by", None)
        return Rejected(VERIFYING_PROBLEMS[event], values={"by": str(verified_by)})
    if event is not None:
        tx.record(event, key=key, meta=item.meta, scope=item.scope, rules=PAYEE_RULES)
        after = deciding.evolve(kept.get(key), event)
        assert after is not None
        kept[key] = after
    body: dict[str, Any] = {"payee_account_id": str(key)}
    return Accepted(body, 201 if isinstance(item, RecordPayee) else 200)


@dataclass(frozen=True, slots=True)
class TakeCase:
    payment_id: PaymentId
    meta: Meta


async def take_cases(tx: Tx, items: Sequence[TakeCase], /) -> list[Accepted | Rejected]:
    """Whoever takes money in suspense answers for it until another does."""
    wanted = {item.payment_id for item in items}
    keys = {
        p: receipt_key(k.case.partner, k.case.channel_reference)
        for p, k in (await loads.cases(tx.conn, wanted)).items()
    }
    await tx.heads(RECEIPTS, keys.values())
    kept = await loads.cases(tx.conn, wanted)
    return [_take(tx, kept, keys, item) for item in items]


def _take(tx: Tx, kept: dict[PaymentId, KeptCase], keys: dict[PaymentId, str], item: TakeCase) -> Accepted | Rejected:
    found = kept.get(item.payment_id)
    if found is None:
        return Rejected(NOT_FOUND)
    if not found.case.held:
        return Rejected(NOTHING_THERE)
    if found.case.owner != item.meta.actor:
        event = CaseTaken(payment_id=item.payment_id, owner=item.meta.actor)
        tx.record(event, key=keys[item.payment_id], meta=item.meta, scope=found.scope, rules=PAYEE_RULES)
        after = waiting.evolve(found.case, event, tx.now)
        assert after is not None
        kept[item.payment_id] = KeptCase(after, found.scope)
    return Accepted({"payment_id": str(item.payment_id), "owner": item.meta.actor}, 200)
