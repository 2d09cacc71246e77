"""The end of a settlement file: cases for what the partner does not list, the file's sums, and what they change of a day whose money came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from chassis.ids import new_id
from chassis.transaction import Meta, Tx
from contracts.events.reconciliation import CaseOpened, LineOutcome, OutcomeTotal, SettlementFileReconciled
from contracts.values import CaseId, Rupiah
from services.payments.commands.settlement.gap import DayBook
from services.payments.commands.settlement.recording import append, open_case
from services.payments.domain.settlement.days import stream_key
from services.payments.domain.settlement.outcomes import OWED, OWNER
from services.payments.queries.settlement import Day, File, Unlisted

MOST_CASES = 500
"""Opened in one step; a file that lacks more than these is finished in the next ones."""


def finish(tx: Tx, book: DayBook, file: File, missing: Sequence[Unlisted], meta: Meta) -> None:
    """Cases for what the partner does not list; with the last of them the file is reconciled."""
    new = [one for one in missing if not one.known]
    for one in new[:MOST_CASES]:
        case = CaseOpened(
            case_id=CaseId(new_id()),
            kind=LineOutcome.MISSING_AT_BANK,
            partner=file.partner,
            day=file.day,
            owner=OWNER,
            file_id=file.file_id,
            reference=one.reference,
            payment_id=one.payment_id,
            amount_here=Rupiah(one.amount),
        )
        open_case(tx, case, meta)
    if len(new) <= MOST_CASES:
        reconciled = _reconciled(file, missing)
        append(tx, reconciled, key_of(file), meta)
        _balance(book, reconciled, meta)


def _balance(book: DayBook, reconciled: SettlementFileReconciled, meta: Meta) -> None:
    """What the file changes of a day whose money came: its fees are corrected at once, and the case about its gap comes or goes.

    A gap that stays what it was has its case, or a person ended that.
    """
    place = reconciled.partner, reconciled.day
    before = book.days.get(place, Day(expected=0, received=0, fees=0, fees_booked=0, credits={}, corrections={}))
    after = book.days[place] = replace(before, expected=reconciled.expected, fees=reconciled.fees)
    came = after.received or after.fees_booked
    if came or not after.expected:
        book.correct_fees(place, meta)
    if after.gap != before.gap and (came or not after.gap):
        book.note_gap(place, meta)


def _reconciled(file: File, missing: Collection[Unlisted]) -> SettlementFileReconciled:
    lacking = [len(missing), sum(one.amount for one in missing), 0]
    totals = {**file.totals, **({str(LineOutcome.MISSING_AT_BANK): lacking} if missing else {})}
    owed = [totals[name] for name in OWED if name in totals]
    fees = sum(total[2] for total in owed)
    return SettlementFileReconciled(
        file_id=file.file_id,
        partner=file.partner,
        day=file.day,
        outcomes=tuple(_total(name, totals[name]) for name in LineOutcome if name in totals),
        expected=Rupiah(sum(total[1] for total in owed) - fees),
        fees=Rupiah(fees),
    )


def _total(name: LineOutcome, total: Sequence[int]) -> OutcomeTotal:
    lines, amount, fees = total
    return OutcomeTotal(outcome=name, lines=lines, amount=Rupiah(amount), fees=Rupiah(fees))


def key_of(file: File) -> str:
    """Of the file's day in stream `reconciliation`."""
    return stream_key(file.partner, file.day)
