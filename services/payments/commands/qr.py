"""QR codes: asked for by a person, made and told of by the acquirer. Money it took is booked in the step that hears of it.

A telling comes as a notice or as the answer to a question of ours; both are the same step, so what came first counts and the other finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.reconciliation import CaseOpened, QrIssued, QrNotIssued, QrRequested
from contracts.values import WIB, BillId, CaseId, PaymentId, Rupiah
from services.payments.commands.arrive import Arrival, Arrived, ArrivedAs, BookArrivals
from services.payments.commands.calls import Call, Calls
from services.payments.commands.settlement import STREAM as CASES
from services.payments.domain.first_payments import channels_on, is_barred
from services.payments.domain.parameters import PaymentChannel, Sets
from services.payments.domain.qr import (
    FIRST_QUESTION,
    NOTICE_DIFFERS,
    QR_RULES,
    Qr,
    QrState,
    Take,
    evolve,
    expire,
    hear,
    next_question,
    reference_of,
)
from services.payments.domain.settlement.outcomes import OWNER
from services.payments.domain.snap import codes
from services.payments.domain.snap.notices import Told
from services.payments.parameters import Parameters
from services.payments.problems import BILL_NOT_OPEN, NOT_FOR_FIRST_PAYMENT, QR_ENDED
from services.payments.queries import qr as queries
from services.payments.queries.qr import Asked, Question
from services.payments.tables import qr_questions

CHANNEL = "qris-mpm"
STREAM = "qr-codes"


@dataclass(frozen=True, slots=True)
class RequestQr:
    """A code of this acquirer for a bill. Whether the caller may see the payer was asked before."""

    bill_id: BillId
    partner: str
    meta: Meta


@dataclass(frozen=True, slots=True)
class Made:
    """The acquirer made the code."""

    acquirer_reference: str
    content: str


@dataclass(frozen=True, slots=True)
class NotMade:
    """It refused, with its response code."""

    response_code: str


@dataclass(frozen=True, slots=True)
class NotKnown:
    """No answer, or none that says anything: it is asked again."""


Answer = Made | NotMade | NotKnown | Told


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question of ours. `received_at` is a business instant."""

    question: Question
    answer: Answer
    received_at: datetime
    meta: Meta


@dataclass(frozen=True, slots=True)
class RequestQrs:
    """The use case: the code of each bill, asked for now, or the one that there is."""

    parameters: Parameters
    __name__ = "request_qr"

    async def __call__(self, tx: Tx, items: Sequence[RequestQr], /) -> list[Accepted | Rejected]:
        sets = await self.parameters.sets(tx.conn)
        wanted = {item.bill_id for item in items}
        await tx.heads(STREAM, wanted)
        known = await queries.by_bill(tx.conn, wanted)
        asked, questions = await queries.asked(tx.conn, wanted), _Questions.of(tx)
        return [_request(tx, known, asked.get(item.bill_id), questions, item, sets) for item in items]


def _request(
    tx: Tx, known: dict[BillId, Qr], asked: Asked | None, questions: _Questions, item: RequestQr, sets: Sets
) -> Accepted | Rejected:
    qr = known.get(item.bill_id)
    if asked is None:
        return Rejected(NOT_FOUND)
    payable = asked.payable_at(tx.now)
    if qr is not None and qr.awaits and payable:
        return Accepted({"bill_id": str(item.bill_id)}, 200)
    if qr is not None and qr.state is not QrState.FAILED and not qr.awaits:
        return Rejected(QR_ENDED)
    if not payable:
        return Rejected(BILL_NOT_OPEN)
    if is_barred(asked.kind, PaymentChannel.QRIS, tx.now, sets, by_agent=asked.by_agent):
        return Rejected(NOT_FOR_FIRST_PAYMENT, values={"channels": channels_on(tx.now, sets)})
    requested = QrRequested(
        bill_id=asked.bill_id,
        participant_id=asked.participant_id,
        partner=item.partner,
        reference=reference_of(asked.bill_id),
        amount=Rupiah(asked.amount),
        expires_at=asked.expires_at,
    )
    _record(tx, known, requested, item.meta)
    questions.ask(Question(item.partner, requested.reference, asked.bill_id, 0), tx.now)
    return Accepted({"bill_id": str(item.bill_id)}, 202)


@dataclass(slots=True)
class _Questions:
    """When each question of a batch is asked next, or that nobody needs to ask it any more; the last word on one counts."""

    _told: dict[tuple[str, str], dict[str, Any] | None] = field(default_factory=dict)

    @classmethod
    def of(cls, tx: Tx) -> _Questions:
        """Stored with the batch, however many they are by then."""
        questions = cls()
        tx.defer(questions._store)
        return questions

    def ask(self, question: Question, at: datetime) -> None:
        self._told[question.partner, question.reference] = {
            "partner": question.partner,
            "reference": question.reference,
            "bill_id": question.bill_id,
            "tries": question.tries,
            "ask_at": at,
            "lease_until": None,
        }

    def forget(self, question: Question) -> None:
        self._told[question.partner, question.reference] = None

    async def _store(self, conn: AsyncConnection) -> None:
        gone = sorted(key for key, row in self._told.items() if row is None)
        await rows.upsert(conn, qr_questions, [row for row in self._told.values() if row is not None])
        await rows.delete(conn, qr_questions, [{"partner": partner, "reference": mine} for partner, mine in gone])


@dataclass(slots=True)
class _Heard:
    """One telling of the batch."""

    partner: str
    told: Told
    received_at: datetime
    meta: Meta


@dataclass(frozen=True, slots=True)
class TakeAnswers:
    """What the acquirer answered to our questions; when to ask again, or never."""

    parameters: Parameters
    __name__ = "take_answers"

    async def __call__(self, tx: Tx, items: Sequence[Answered], /) -> list[None]:
        heard = [_heard(item, item.answer) for item in items if isinstance(item.answer, Told)]
        desk = await _Desk.load(tx, heard, items)
        for item in items:
            if not isinstance(item.answer, Told):
                desk.make(item, item.answer)
        await desk.book(BookArrivals(self.parameters))
        for item in items:
            desk.ask_again(item)
        return [None for _ in items]


@dataclass(frozen=True, slots=True)
class TakeNotices:
    """Notices are accepted whatever they say: the money has moved (snap.md section 10)."""

    parameters: Parameters
    __name__ = "take_notices"

    async def __call__(self, tx: Tx, items: Sequence[Call[Told]], /) -> list[codes.Case]:
        told = [(item, item.request) for item in items if isinstance(item.request, Told)]
        heard = {id(item): _Heard(item.partner, request, item.received_at, item.meta) for item, request in told}
        desk = await _Desk.load(tx, list(heard.values()), ())
        calls = await Calls.load(tx, [(item, []) for item in items])
        outcomes, accepted = [], []
        for item in items:
            case = codes.CONFLICT if calls.conflict(item) else codes.SUCCESS
            if case is codes.SUCCESS and isinstance(item.request, codes.Case):
                case = item.request
            elif case is codes.SUCCESS:
                accepted.append(heard[id(item)])
            outcomes.append(case)
        desk.heard = accepted
        await desk.book(BookArrivals(self.parameters))
        calls.claim()
        return outcomes


class _Desk:
    """The codes of one batch, and what is heard of them."""

    def __init__(self, tx: Tx, known: dict[BillId, Qr], asked: dict[BillId, Asked], heard: list[_Heard]) -> None:
        self._tx, self._known, self._asked, self.heard = tx, known, asked, heard
        self._questions = _Questions.of(tx)

    @classmethod
    async def load(cls, tx: Tx, heard: list[_Heard], answered: Sequence[Answered]) -> _Desk:
        """The first look-up only finds the keys."""
        bills = {item.question.bill_id for item in answered if item.question.bill_id is not None}
        if heard:
            bills |= await queries.bills_of(
                tx.conn,
                {one.partner for one in heard},
                {one.told.reference for one in heard if one.told.reference is not None},
                {one.told.acquirer_reference for one in heard},
            )
        await tx.heads(STREAM, bills)
        return cls(tx, await queries.by_bill(tx.conn, bills), await queries.asked(tx.conn, bills), heard)

    def make(self, item: Answered, answer: Made | NotMade | NotKnown) -> None:
        """The acquirer made the code, or will not."""
        qr = self._known.get(item.question.bill_id) if item.question.bill_id else None
        if qr is None or qr.state is not QrState.REQUESTED:
            return
        match answer:
            case Made():
                event: Event = QrIssued(
                    bill_id=qr.bill_id, acquirer_reference=answer.acquirer_reference, content=answer.content
                )
            case NotMade():
                event = QrNotIssued(bill_id=qr.bill_id, response_code=answer.response_code)
            case NotKnown():
                return
        _record(self._tx, self._known, event, item.meta)

    async def book(self, arrivals: BookArrivals) -> None:
        """Books the money of all tellings, then records what they mean for their codes."""
        takes = [(one, *self._hear(one)) for one in self.heard]
        money = [one for one, take, _ in takes if take is Take.MONEY]
        arrived = await arrivals(self._tx, [self._arrival(one) for one in money])
        await self._contradictions([(one, how) for one, how in zip(money, arrived, strict=True)])
        for one, take, event in takes:
            qr = self._find(one)
            if event is not None:
                self._tx.record(event, key=_bill(event), meta=one.meta, scope=Scope(), rules=QR_RULES)
                if qr is not None and not qr.awaits:
                    self._questions.forget(Question(qr.partner, qr.reference, qr.bill_id, 0))
            if take is Take.REFUND and qr is not None:
                self._case(one, "refunded_at_channel", qr.amount)
            elif getattr(event, "late", False):
                self._case(one, "paid_after_close", None)
            elif take is Take.ASK:
                self._ask_how_much(one, qr)

    def _hear(self, one: _Heard) -> tuple[Take, Event | None]:
        """What it means for its code, which later tellings of the batch find changed."""
        take, event = hear(self._find(one), one.told)
        if event is not None:
            after = evolve(self._known[_bill(event)], event)
            assert after is not None
            self._known[_bill(event)] = after
        return take, event

    def _find(self, one: _Heard) -> Qr | None:
        """By our reference, else by the acquirer's; never by one of another acquirer."""
        mine = [qr for qr in self._known.values() if qr.partner == one.partner]
        by_ours = (qr for qr in mine if qr.reference == one.told.reference)
        by_theirs = (qr for qr in mine if qr.acquirer_reference == one.told.acquirer_reference)
        return next(by_ours, None) or (next(by_theirs, None) if one.told.reference is None else None)

    def _arrival(self, one: _Heard) -> Arrival:
        qr, told = self._find(one), one.told
        assert told.amount is not None
        return Arrival(
            partner=one.partner,
            channel=CHANNEL,
            channel_reference=told.acquirer_reference,
            amount=told.amount,
            effective_at=told.paid_at or one.received_at,
            code=self._asked[qr.bill_id].contribution_code if qr else "",
            meta=one.meta,
            came_by=PaymentChannel.QRIS,
            hint_bill_id=qr.bill_id if qr else None,
        )

    async def _contradictions(self, told: Sequence[tuple[_Heard, Arrived]]) -> None:
        """A case for each further amount that is told of money in the books: the acquirer took another one, or says so. Once per amount."""
        differing = [(one, how) for one, how in told if how.outcome is ArrivedAs.DIFFERS]
        if not differing:
            return
        known = await queries.contradicted(self._tx.conn, {one.told.acquirer_reference for one, _ in differing})
        for one, how in differing:
            contradiction = (one.partner, one.told.acquirer_reference, one.told.amount)
            if contradiction not in known:
                known.add(contradiction)
                self._case(one, NOTICE_DIFFERS, how.amount_here, how.payment_ids[0])

    def _case(self, one: _Heard, kind: str, amount_here: int | None, payment_id: PaymentId | None = None) -> None:
        case = CaseOpened(
            case_id=CaseId(new_id()),
            kind=kind,
            partner=one.partner,
            day=(one.told.paid_at or one.received_at).astimezone(WIB).date(),
            owner=OWNER,
            reference=one.told.acquirer_reference,
            payment_id=payment_id,
            amount_here=None if amount_here is None else Rupiah(amount_here),
            amount_there=None if one.told.amount is None else Rupiah(one.told.amount),
        )
        self._tx.new(CASES, case.case_id)
        self._tx.record(case, key=case.case_id, meta=one.meta, scope=Scope(), rules=QR_RULES)

    def _ask_how_much(self, one: _Heard, qr: Qr | None) -> None:
        reference = qr.reference if qr else one.told.acquirer_reference
        self._questions.ask(Question(one.partner, reference, qr.bill_id if qr else None, 0), self._tx.now)

    def ask_again(self, item: Answered) -> None:
        """The question goes once its code needs no more; else it comes again, later each time."""
        question, now = item.question, self._tx.now
        qr = self._known.get(question.bill_id) if question.bill_id else None
        if qr is not None and (ended := expire(qr, now)) is not None:
            _record(self._tx, self._known, ended, item.meta)
            qr = self._known[qr.bill_id]
        answered = isinstance(item.answer, Told) and item.answer.amount is not None
        if (qr is not None and not qr.awaits) or (qr is None and answered):
            self._questions.forget(question)
        else:
            made = isinstance(item.answer, Made)
            tries = 0 if made else question.tries + 1
            gap = FIRST_QUESTION if made else next_question(question.tries)
            self._questions.ask(Question(question.partner, question.reference, question.bill_id, tries), now + gap)


def _heard(item: Answered, told: Told) -> _Heard:
    return _Heard(item.question.partner, told, item.received_at, item.meta)


def _record(tx: Tx, known: dict[BillId, Qr], event: Event, meta: Meta) -> None:
    bill_id = _bill(event)
    tx.record(event, key=bill_id, meta=meta, scope=Scope(), rules=QR_RULES)
    after = evolve(known.get(bill_id), event)
    assert after is not None
    known[bill_id] = after


def _bill(event: Event) -> BillId:
    bill_id: BillId = getattr(event, "bill_id")  # noqa: B009  (every event of the stream has one)
    return bill_id
