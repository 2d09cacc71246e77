"""Works off settlement files part by part: every line gets its outcome, and money that we do not have is booked at once.

How far a file is, is part of what its events say, so a process that died, or two that work on one file, lose nothing and do nothing twice:
who comes second finds the part done. After the last part the payments of the day that the partner does not list get their cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from chassis.ids import new_id
from chassis.outcomes import Done, Failed
from chassis.privacy.boxes import FileBoxes, UnreadableFile
from chassis.privacy.vault import Vault
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Meta, Tx
from contracts.events.reconciliation import (
    CaseClosed,
    CaseOpened,
    LineOutcome,
    ReconciledLine,
    SettlementLayout,
    SettlementLinesReconciled,
)
from contracts.values import BillId, CaseId, Rupiah, SettlementFileId
from services.payments.commands.arrive import Arrival, Arrived, ArrivedAs, BookArrivals
from services.payments.commands.settlement import STREAM
from services.payments.commands.settlement.finish import finish, key_of
from services.payments.commands.settlement.gap import DayBook
from services.payments.commands.settlement.layouts import layouts_of
from services.payments.commands.settlement.recording import append, open_case
from services.payments.commands.settlement.turns import beside_others
from services.payments.domain.arriving import is_voided
from services.payments.domain.parameters import PaymentChannel, day_of
from services.payments.domain.partners import Partner
from services.payments.domain.settlement.days import untimely, window
from services.payments.domain.settlement.differences import Difference, raised, raised_by
from services.payments.domain.settlement.files import Part, read_part
from services.payments.domain.settlement.lines import Listed, Unreadable
from services.payments.domain.settlement.outcomes import (
    OPENS_A_CASE,
    OWNER,
    CaseOutcome,
    Listing,
    Receipt,
    Waiting,
    compare,
    first_listing,
    outcome,
    reference_of,
    unreadable,
)
from services.payments.domain.snap.hours import channel_of
from services.payments.parameters import Parameters
from services.payments.queries import agreed, differences, qr
from services.payments.queries import settlement as queries
from services.payments.queries.differences import BookedDifferences
from services.payments.queries.receipts import Reference, booked_under
from services.payments.queries.settlement import File, Paid

CHANNEL = "settlement-file"
FILE_UNREADABLE = "file_unreadable"
"""Why a file stops whose stored parts cannot be opened."""
EVENT_LINES = 400
"""Lines in one event: below the largest payload, whatever their references."""

_NIK_DIGITS = 16


@dataclass(slots=True)
class _Work:
    """One part of one file."""

    file: File
    partner: Partner
    part: int
    meta: Meta
    lines: list[Listed | Unreadable]
    ends: datetime
    """Of the file's day."""
    done: dict[int, ReconciledLine] = field(default_factory=dict)

    @property
    def listed(self) -> list[Listed]:
        return [line for line in self.lines if isinstance(line, Listed)]

    def channel_on(self, day: date) -> PaymentChannel:
        """How money came that was paid to a number of ours on this WIB day."""
        return channel_of(self.partner.conditions_on(day))

    def customer_no(self, line: Listed) -> str | None:
        """The number without the partner's prefix; as it is where none fits."""
        if line.account is None:
            return None
        fitting = [prefix for prefix in self.partner.va_prefixes if line.account.startswith(prefix)]
        return line.account.removeprefix(max(fitting, key=len, default=""))

    def paid(self, line: Listed) -> Paid | None:
        """What finds a payment where the partner does not give its id (snap.md section 11.2)."""
        number = None if line.reference else self.customer_no(line)
        return None if number is None else (self.file.partner, number, line.amount, line.paid_at.replace(microsecond=0))


@dataclass(slots=True)
class _Found:
    """What is known of the receipts of one batch; what a line lists is known to those after it."""

    receipts: dict[Reference, Receipt]
    by_payment: dict[Paid, Receipt]
    listed: dict[Reference, list[Listing]]
    waiting: dict[Reference, Waiting]
    booked: BookedDifferences = field(default_factory=lambda: BookedDifferences({}, {}))

    def receipt(self, work: _Work, line: Listed) -> Receipt | None:
        """By the payment's id, else by number, amount and time."""
        found = self.receipts.get((work.file.partner, reference_of(line)))
        paid = work.paid(line)
        return found if found or paid is None else self.by_payment.get(paid)

    def reference(self, work: _Work, line: Listed) -> Reference:
        receipt = self.receipt(work, line)
        return work.file.partner, receipt.reference if receipt else reference_of(line)

    def second(self, work: _Work, line: Listed) -> Difference | None:
        """What two people booked from such a line of the day's earlier file, if no line of this one lists it yet."""
        of_line = [one for one in self.booked.above.get(self.reference(work, line), ()) if one.day == work.file.day]
        return next((one for one in of_line if self._is_free(work, one, LineOutcome.DUPLICATE, line.amount)), None)

    def unread(self, work: _Work, line: Unreadable) -> Difference | None:
        """What two people booked from this line when an earlier file of the day had it, as unreadable as now."""
        of_day = [
            one for one in self.booked.unread.get((work.file.partner, work.file.day), ()) if one.line == line.line
        ]
        return next((one for one in of_day if self._is_free(work, one, LineOutcome.UNREADABLE, line.amount)), None)

    def _is_free(self, work: _Work, one: Difference, kind: LineOutcome, amount: int | None) -> bool:
        listings = self.listed.get((work.file.partner, one.channel_reference), ())
        before = first_listing(listings, work.file.file_id, work.file.day)
        return one.kind == kind and amount in (None, one.amount) and before is None


class Reconcile:
    """The use case of the timer: one step of each file that is due."""

    __name__ = "reconcile"

    def __init__(self, vault: Vault, boxes: FileBoxes, parameters: Parameters) -> None:
        self._vault, self._boxes, self._book = vault, boxes, BookArrivals(parameters)

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
        wanted = {UUID(item.key) for item in items}
        await tx.heads(STREAM, {key_of(file) for file in (await queries.files(tx.conn, wanted)).values()})
        files = await queries.files(tx.conn, wanted)
        layouts = await layouts_of(tx, files)
        metas = {SettlementFileId(UUID(item.key)): item.meta for item in items}
        open_ = [file for file in files.values() if not file.reconciled]
        works = await self._works(tx, [f for f in open_ if f.parts_done < f.parts], layouts, metas)
        if any(isinstance(work, Failed) for work in works.values()):
            return _only_failures(works, items)
        await self._lines(tx, [work for work in works.values() if isinstance(work, _Work)])
        if ending := [file for file in open_ if file.parts_done == file.parts]:
            await beside_others(tx)
            book = await DayBook.load(tx, {(file.partner, file.day) for file in ending})
            for file in ending:
                missing = await queries.unlisted(tx.conn, file, window(layouts[file.file_id], file.day))
                finish(tx, book, file, missing, metas[file.file_id])
        return [Done() for _ in items]

    async def _works(
        self,
        tx: Tx,
        files: Sequence[File],
        layouts: Mapping[SettlementFileId, SettlementLayout],
        metas: Mapping[SettlementFileId, Meta],
    ) -> dict[SettlementFileId, _Work | Failed]:
        """The next part of each file, read."""
        if not files:
            return {}
        partners = await agreed.partners(tx.conn)
        boxes = await queries.boxes(tx.conn, {(file.file_id, file.parts_done + 1) for file in files})
        works: dict[SettlementFileId, _Work | Failed] = {}
        for file in files:
            number = file.parts_done + 1
            first_line, box = boxes[file.file_id, number]
            try:
                content = self._boxes.open_part(file.file_id, number, file.parts + 2, box)
            except UnreadableFile:
                works[file.file_id] = Failed(FILE_UNREADABLE)
                continue
            layout = layouts[file.file_id]
            lines, ends = read_part(Part(first_line, content), layout, file.day), window(layout, file.day).end
            works[file.file_id] = _Work(file, partners[file.partner], file.parts_done, metas[file.file_id], lines, ends)
        return works

    async def _lines(self, tx: Tx, works: Sequence[_Work]) -> None:
        """Outcomes of all lines, and what they lead to."""
        if not works:
            return
        found = await _load(tx, works)
        arriving = [(work, line) for work in works for line in _compared(work, found, tx.now)]
        codes = await _codes(tx, arriving)
        arrivals = [self._arrival(work, line, codes) for work, line in arriving]
        for (work, line), arrived in zip(arriving, await self._book(tx, arrivals), strict=True):
            work.done[line.line] = _arrived(line, arrived)
        for work in works:
            _record(tx, work, found)

    def _arrival(self, work: _Work, line: Listed, codes: Mapping[Reference, tuple[BillId, str]]) -> Arrival:
        """Under the number that the line names, or that of the QR code's bill where it names our reference."""
        hint, number = codes.get((work.file.partner, line.own_reference or ""), (None, work.customer_no(line) or ""))
        return Arrival(
            partner=work.file.partner,
            channel=CHANNEL,
            channel_reference=reference_of(line),
            amount=line.amount,
            effective_at=line.paid_at,
            code=number,
            meta=work.meta,
            came_by=PaymentChannel.QRIS if hint is not None else work.channel_on(day_of(line.paid_at)),
            # a number of 16 digits may be a NIK: it is looked up by its keyed hash, never stored or logged
            nik_hash=self._vault.nik_hash(number) if len(number) == _NIK_DIGITS else None,
            hint_bill_id=hint,
        )


async def _codes(tx: Tx, arriving: Sequence[tuple[_Work, Listed]]) -> dict[Reference, tuple[BillId, str]]:
    """Bills of the QR codes that lines without a number name; no statement when all have one."""
    wanted = {
        (work.file.partner, line.own_reference)
        for work, line in arriving
        if line.account is None and line.own_reference is not None
    }
    return await qr.asked_by_reference(tx.conn, wanted) if wanted else {}


async def _load(tx: Tx, works: Sequence[_Work]) -> _Found:
    """Receipts, then where they were listed, then the cases that wait for them: heads first, as they are closed."""
    listed = [(work, line) for work in works for line in work.listed]
    partner_references = {(work.file.partner, reference_of(line)) for work, line in listed}
    booked = await booked_under(tx.conn, partner_references)
    receipts = {
        reference: Receipt(
            one.posted.channel_reference,
            one.posted.payment_id,
            one.posted.amount,
            voided=is_voided(one.posted, waits=one.waits_for is not None),
        )
        for reference, one in booked.items()
    }
    others = {
        paid
        for work, line in listed
        if (work.file.partner, reference_of(line)) not in receipts and (paid := work.paid(line)) is not None
    }
    found = _Found(receipts, await queries.receipts_by_payment(tx.conn, others), {}, {})
    references = {found.reference(work, line) for work, line in listed}
    if days := {(work.file.partner, work.file.day) for work in works if work.file.differences}:
        found.booked = await differences.booked(tx.conn, references, days)
    references |= found.booked.references()
    found.listed = await queries.listings(tx.conn, references) if references else {}
    case_ids = {case.case_id for case in (await queries.waiting(tx.conn, references)).values()}
    if case_ids:
        await tx.heads(STREAM, case_ids)
        found.waiting = await queries.waiting(tx.conn, references)
    return found


def _compared(work: _Work, found: _Found, now: datetime) -> Iterator[Listed]:
    """Writes the outcome of every line that needs no booking into the work; gives the others."""
    file = work.file
    for written in work.lines:
        line = _timely(work, found, written, now)
        if isinstance(line, Unreadable):
            known = found.unread(work, line)
            work.done[line.line] = unreadable(line) if known is None else _again(work, found, line, known)
            continue
        reference = found.reference(work, line)
        listings = found.listed.setdefault(reference, [])
        before = first_listing(listings, file.file_id, file.day)
        if before is not None and (second := found.second(work, line)) is not None:
            work.done[line.line] = _again(work, found, line, second)
            continue
        receipt = raised(found.receipt(work, line), found.booked.above.get(reference, ()), line.amount)
        done = compare(line, receipt, before)
        if before is None:
            listings.append(Listing(file.file_id, file.day, line.line))
        if done is None:
            yield line
        else:
            work.done[line.line] = done


def _timely(work: _Work, found: _Found, line: Listed | Unreadable, now: datetime) -> Listed | Unreadable:
    """A line that would be booked at a time that cannot be is not; of money that we have, our time counts."""
    if isinstance(line, Unreadable) or found.receipt(work, line) is not None:
        return line
    reason = untimely(line.paid_at, work.ends, now)
    return line if reason is None else Unreadable(line.line, reason, line.amount, line.fee)


def _again(work: _Work, found: _Found, line: Listed | Unreadable, known: Difference) -> ReconciledLine:
    """The line's money was booked by two people before: it is listed by it, and nothing is booked."""
    file = work.file
    listings = found.listed.setdefault((file.partner, known.channel_reference), [])
    listings.append(Listing(file.file_id, file.day, line.line))
    if isinstance(line, Listed):
        return outcome(line, LineOutcome.MATCHED, Receipt(known.channel_reference, known.payment_id, known.amount))
    return ReconciledLine(
        line=line.line,
        outcome=LineOutcome.MATCHED,
        reference=known.channel_reference,
        payment_id=known.payment_id,
        amount=Rupiah(known.amount),
        fee=Rupiah(known.fees),
    )


def _arrived(line: Listed, arrived: Arrived) -> ReconciledLine:
    receipt = Receipt(reference_of(line), arrived.payment_ids[0], line.amount)
    match arrived.outcome:
        case ArrivedAs.POSTED | ArrivedAs.SUSPENDED:
            return outcome(line, LineOutcome.MISSING_HERE, receipt, reason=arrived.reason)
        case ArrivedAs.KNOWN:
            return outcome(line, LineOutcome.MATCHED, receipt)
        case ArrivedAs.DIFFERS:
            return outcome(line, LineOutcome.AMOUNT_DIFFERS, receipt, amount_here=arrived.amount_here)


def _record(tx: Tx, work: _Work, found: _Found) -> None:
    """The outcomes in the order of the lines, new cases, and the end of cases that waited for these lines, whatever else is odd of them."""
    file, done = work.file, [work.done[line.line] for line in work.lines]
    for start in range(0, len(done), EVENT_LINES):
        event = SettlementLinesReconciled(
            file_id=file.file_id,
            partner=file.partner,
            day=file.day,
            part=work.part,
            lines=tuple(done[start : start + EVENT_LINES]),
        )
        append(tx, event, key_of(file), work.meta)
    for line in done:
        if line.outcome in OPENS_A_CASE:
            _open(tx, file, line, work.meta)
        for reference in _lists(file, line, found.booked):
            case = found.waiting.pop(reference, None)
            if case is not None:
                closed = CaseClosed(
                    case_id=case.case_id, partner=file.partner, day=case.day, outcome=CaseOutcome.FOUND_IN_FILE
                )
                append(tx, closed, str(case.case_id), work.meta)


def _lists(file: File, line: ReconciledLine, booked: BookedDifferences) -> list[Reference]:
    """The receipts that a line lists: its own, and what two people booked as the rest of it."""
    own = (file.partner, line.reference or "")
    return [
        own,
        *((file.partner, one.channel_reference) for one in raised_by(booked.above.get(own, ()), line.amount or 0)),
    ]


def _open(tx: Tx, file: File, line: ReconciledLine, meta: Meta) -> None:
    case = CaseOpened(
        case_id=CaseId(new_id()),
        kind=line.outcome,
        partner=file.partner,
        day=file.day,
        owner=OWNER,
        file_id=file.file_id,
        line=line.line,
        reference=line.reference,
        payment_id=line.payment_id,
        amount_here=line.amount_here,
        amount_there=line.amount,
        reason=line.reason,
    )
    open_case(tx, case, meta)


def _only_failures(works: Mapping[SettlementFileId, _Work | Failed], items: Iterable[Due]) -> list[Outcome]:
    """A file that cannot be opened waits for an operator; the others come again without it."""
    return [
        work if isinstance(work := works.get(SettlementFileId(UUID(item.key))), Failed) else Done() for item in items
    ]
