"""Collective bills: issued with their list, ended, expired. Whether the caller may see a bill was asked before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from chassis import rows
from chassis.ids import new_id
from chassis.outcomes import Accepted, Done
from chassis.problems import INVALID, NOT_FOUND, FieldError, Rejected
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Meta, Scope, Tx
from contracts.events.groups import CollectiveBillIssued, CollectiveLine
from contracts.values import BillId, FundingSource, ParticipantId
from services.payments.commands.group_books import COLLECTIVE_STREAM, CollectiveBook
from services.payments.domain.billing import CannotBill
from services.payments.domain.collective import (
    CollectiveStatus,
    Wish,
    end_collective,
    expire_collective,
    issue_collective,
    line_of,
)
from services.payments.domain.parameters import PREPAY_MONTHS, Sets, day_of
from services.payments.group_problems import COLLECTIVE_BILL_ENDED, HEAD_TWICE, HEAD_UNKNOWN
from services.payments.groups import are_bills, load_collectives
from services.payments.parameters import Parameters
from services.payments.problems import BILLING_PROBLEMS
from services.payments.store import Kept, is_one_of, load_payers
from services.payments.tables import payers

MOST_TOLD = 100
"""Bad heads that a refusal lists."""


class Head(NamedTuple):
    """`who`: a participant id or a contribution code; `months` from the oldest unpaid one on, None: all owed; `field` names it in a refusal."""

    who: str
    months: int | None
    field: str


@dataclass(frozen=True, slots=True)
class IssueCollective:
    """`branch_id` or `wadah_id`: whose participants may be on the list; one of them is None. `code` was just drawn."""

    heads: tuple[Head, ...]
    funding_source: FundingSource
    code: str
    branch_id: UUID | None
    wadah_id: UUID | None
    meta: Meta

    def may_bill(self, scope: Scope) -> bool:
        owner = scope.branch_id if self.branch_id else scope.wadah_id
        return owner is not None and owner == (self.branch_id or self.wadah_id)


@dataclass(frozen=True, slots=True)
class CancelCollective:
    bill_id: BillId
    reason: str
    meta: Meta


@dataclass(frozen=True, slots=True)
class IssueCollectives:
    """The use case: a bill whose every head can be billed, or a refusal that lists the heads that cannot.

    No head of a payer is read: the list is a promise about what a payment will settle, and each line is judged again when it is posted.
    """

    parameters: Parameters
    __name__ = "issue_collectives"

    async def __call__(self, tx: Tx, items: Sequence[IssueCollective], /) -> list[Accepted | Rejected]:
        sets = await self.parameters.sets(tx.conn)
        people = _People(await _people(tx, items))
        return [await _issue(tx, people, item, sets) for item in items]


class _People:
    """The payers of one batch, by id and by contribution code."""

    def __init__(self, kept: dict[ParticipantId, Kept]) -> None:
        self._by_name = {str(participant_id): one for participant_id, one in kept.items()}
        self._by_name |= {one.payer.contribution_code: one for one in kept.values()}

    def find(self, item: IssueCollective, head: Head) -> Kept | None:
        """A payer of another branch or Wadah is as unknown as one that does not exist."""
        kept = self._by_name.get(head.who)
        return kept if kept is not None and item.may_bill(kept.scope) else None


async def _people(tx: Tx, items: Sequence[IssueCollective]) -> dict[ParticipantId, Kept]:
    named = {head.who for item in items for head in item.heads}
    ids = [found for who in named if (found := _id(who)) is not None]
    which = sa.or_(is_one_of(ids), rows.matching(payers.c.contribution_code, named))
    return await load_payers(tx.conn, which, sa.false())


def _id(who: str) -> UUID | None:
    try:
        return UUID(who) if len(who) == 36 else None
    except ValueError:
        return None


async def _issue(tx: Tx, people: _People, item: IssueCollective, sets: Sets) -> Accepted | Rejected:
    # in a thread: 10,000 heads take a third of a second, in which banks are not to wait
    judged = await asyncio.to_thread(lambda: [*_judged(tx, people, item, sets)])
    bad = tuple(one for one in judged if isinstance(one, FieldError))
    if bad:
        return Rejected(INVALID, bad[0].field if len(bad) == 1 else None, errors=bad[:MOST_TOLD])
    return _record(tx, item, [one for one in judged if isinstance(one, _Billed)])


class _Billed(NamedTuple):
    """A head with its line and the version of the rules that priced it."""

    kept: Kept
    line: CollectiveLine
    rules: str


def _judged(tx: Tx, people: _People, item: IssueCollective, sets: Sets) -> Iterator[_Billed | FieldError]:
    """Every head in order: its line, or what is wrong with it."""
    seen: set[ParticipantId] = set()
    for number, head in enumerate(item.heads, start=1):
        kept = people.find(item, head)
        if kept is None:
            yield FieldError(head.field, *HEAD_UNKNOWN)
            continue
        if kept.payer.participant_id in seen:
            yield FieldError(head.field, *HEAD_TWICE)
            continue
        seen.add(kept.payer.participant_id)
        wish = Wish(kept.payer, head.months, BillId(new_id()))
        outcome = line_of(wish, number, item.funding_source, tx.now, sets)
        yield _fault(head, kept, outcome, sets, tx) if isinstance(outcome, CannotBill) else _Billed(kept, *outcome)


def _fault(head: Head, kept: Kept, refusal: CannotBill, sets: Sets, tx: Tx) -> FieldError:
    problem, offered = BILLING_PROBLEMS[refusal], sets.on(PREPAY_MONTHS, day_of(tx.now)).months
    values = {"reason": kept.payer.blocked or "", "choices": ", ".join(map(str, offered))}
    return FieldError(head.field, problem.code, problem.id.format_map(values), problem.en.format_map(values))


def _record(tx: Tx, item: IssueCollective, billed: Sequence[_Billed]) -> Accepted:
    bill_id, scope = BillId(new_id()), _scope(item, [one.kept.scope for one in billed])
    tx.new(COLLECTIVE_STREAM, bill_id)
    events = issue_collective(
        [one.line for one in billed],
        bill_id=bill_id,
        code=item.code,
        funding_source=item.funding_source,
        now=tx.now,
    )
    head, *lines = events
    for event in (head, *lines):
        tx.record(event, key=bill_id, meta=item.meta, scope=scope, rules=billed[0].rules)
    assert isinstance(head, CollectiveBillIssued)
    return Accepted(
        {
            "bill_id": str(bill_id),
            "code": item.code,
            "heads": head.heads,
            "amount": head.amount,
            "expires_at": head.expires_at.isoformat(),
        }
    )


def _scope(item: IssueCollective, scopes: Sequence[Scope]) -> Scope:
    """Whose bill it is: that of the Wadah or the branch that issued it, and of the other where all heads share it."""
    branches, wadah = {scope.branch_id for scope in scopes}, {scope.wadah_id for scope in scopes}
    return Scope(
        item.branch_id or (branches.pop() if len(branches) == 1 else None),
        item.wadah_id or (wadah.pop() if len(wadah) == 1 else None),
    )


async def cancel_collectives(tx: Tx, items: Sequence[CancelCollective], /) -> list[Accepted | Rejected]:
    """Ends open bills; one that is cancelled already stays so."""
    book = await _book(tx, {item.bill_id for item in items})
    return [_cancel(tx, book, item) for item in items]


def _cancel(tx: Tx, book: CollectiveBook, item: CancelCollective) -> Accepted | Rejected:
    kept = book.get(item.bill_id)
    if kept is None:
        return Rejected(NOT_FOUND)
    event = end_collective(kept.bill, tx.now, item.reason)
    if event is not None:
        kept = book.record(kept, event, meta=item.meta)
    if kept.bill.status is not CollectiveStatus.CANCELLED:
        return Rejected(COLLECTIVE_BILL_ENDED, values={"status": kept.bill.status})
    return Accepted({"bill_id": str(item.bill_id), "status": str(kept.bill.status)}, 200)


async def expire_collectives(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """Marks these collective bills as expired, if they still are due."""
    book = await _book(tx, {BillId(UUID(item.key)) for item in items})
    for item in items:
        kept = book.get(BillId(UUID(item.key)))
        event = None if kept is None else expire_collective(kept.bill, tx.now)
        if kept is not None and event is not None:
            book.record(kept, event, meta=item.meta)
    return [Done() for _ in items]


async def _book(tx: Tx, bills: set[BillId]) -> CollectiveBook:
    await tx.heads(COLLECTIVE_STREAM, bills)
    return CollectiveBook(tx, await load_collectives(tx.conn, are_bills(bills)))
