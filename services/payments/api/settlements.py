"""Settlement files over HTTP: layouts, uploads, progress, results, and the money of a day.

Files are of partners and their lines of all branches, so the central office (and an operator for it) brings them in; auditors look.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from chassis.http import NOT_FOUND, Day, Principal, accepts_command, allow, answer, body, body_limit, meta, problems
from chassis.ids import new_id
from chassis.privacy.boxes import FileBoxes
from chassis.problems import INVALID, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, FieldError, Refusal, Rejected
from chassis.service import App, as_settings
from contracts.events.reconciliation import LineOutcome, SettlementLayout
from contracts.values import SettlementFileId
from services.payments.api.partner_shapes import PartnerName
from services.payments.api.settlement_shapes import (
    CorrectionShown,
    CreditShown,
    CreditWanted,
    DayShown,
    DifferenceShown,
    FileShown,
    FilesShown,
    HindranceShown,
    LayoutShown,
    LayoutsShown,
    LayoutWanted,
    LineShown,
    LinesShown,
    TotalShown,
)
from services.payments.api.shapes import Sentences
from services.payments.commands.settlement.credit import RecordCredit, record_credits
from services.payments.commands.settlement.receive import AgreeOnLayout, ReceiveFile, agree_on_layouts, receive_files
from services.payments.commands.settlement.reconcile import FILE_UNREADABLE
from services.payments.domain.parameters import day_of
from services.payments.domain.settlement import faults
from services.payments.domain.settlement.days import FIRST_DAY, is_possible
from services.payments.domain.settlement.faults import FileRefused
from services.payments.domain.settlement.files import Checked, check
from services.payments.domain.settlement.layouts import LayoutFault
from services.payments.domain.settlement.layouts import faults as layout_faults
from services.payments.problems import CREDIT_NOTED, NO_SUCH_PARTNER, SETTLEMENT_NO_LAYOUT, SETTLEMENT_NOT_RECONCILED
from services.payments.queries import agreed, settlement
from services.payments.queries import settlement_shown as shown
from services.payments.settings import Settings

Keeper = Annotated[Principal, Depends(allow("central", "operator"))]
Reader = Annotated[Principal, Depends(allow("central", "operator", "auditor"))]
Partner = Annotated[PartnerName, Path()]
Limit = Annotated[int, Query(ge=1, le=1_000)]
After = Annotated[int, Query(ge=0, lt=2**31)]
CSV: Final = "text/csv"
PAGE = 1_000
EXPORTED: Final = tuple(LineShown.model_fields)
UPLOAD: Final = {
    "requestBody": {
        "required": True,
        "description": "The file as the partner wrote it.",
        "content": {CSV: {"schema": {"type": "string", "format": "binary"}}},
    }
}
FIRST_THE_OTHER: Final = Sentences(
    id="Berkas ini menunggu berkas sebelumnya dari mitra yang sama (`file_id`) dan dilanjutkan sendiri sesudahnya: lihat berkas itu.",
    en="This file waits for an earlier one of the same partner (`file_id`) and goes on by itself after it: look at that one.",
)
TELL_AN_OPERATOR: Final = Sentences(
    id="Satu langkah gagal dan dicoba lagi sendiri pada `again_at`; yang sudah selesai tetap berlaku. "
    "Bila satu jam setelah `since` masih berhenti, beri tahu operator nomor berkas ini.",
    en="A step failed and is tried again by itself at `again_at`; what was done stands. "
    "If it is still stopped an hour after `since`, tell an operator the id of this file.",
)
WHAT_TO_DO: Final[Mapping[str, Sentences]] = {
    FILE_UNREADABLE: Sentences(
        id="Isi berkas yang disimpan tidak dapat dibuka lagi: beri tahu operator nomor berkas ini, yang memulihkannya dari cadangan. "
        "Mengunggahnya lagi tidak menolong.",
        en="What was kept of the file can no longer be opened: tell an operator the id of this file, who restores it from a backup. "
        "Uploading it again does not help.",
    )
}
"""Of a file that stopped, by the reason."""
_WHY: Final[Mapping[LayoutFault, tuple[str, str]]] = {
    LayoutFault.AMOUNT_MISSING: ("Sebutkan kolom amount.", "Name the column amount."),
    LayoutFault.PAID_AT_MISSING: ("Sebutkan kolom paid_at.", "Name the column paid_at."),
    LayoutFault.REFERENCE_MISSING: (
        "Sebutkan kolom reference atau reference_no.",
        "Name the column reference or reference_no.",
    ),
    LayoutFault.COLUMN_TWICE: ("Sebutkan setiap kolom satu kali.", "Name each column once."),
    LayoutFault.TOO_MANY_COLUMNS: ("Paling banyak 50 kolom.", "At most 50 columns."),
    LayoutFault.TITLES_DIFFER: ("Beri satu judul untuk setiap kolom.", "Give one title for each column."),
    LayoutFault.MARKS_DIFFER: (
        "Beri setiap jenis baris tanda sendiri pada kolom pertama, atau tidak satu pun.",
        "Give every kind of line a mark of its own in its first column, or none.",
    ),
    LayoutFault.PATTERN_UNREADABLE: (
        "Pola ini kehilangan tahun, bulan, hari, jam atau menit.",
        "This pattern loses year, month, day, hour or minute.",
    ),
    LayoutFault.ZONE_UNKNOWN: ("Pakai nama zona seperti Asia/Jakarta.", "Use a zone's name such as Asia/Jakarta."),
    LayoutFault.SEPARATORS_CLASH: (
        "Tanda ribuan dan desimal harus berbeda.",
        "Thousands and decimal mark must differ.",
    ),
}


def router(app: App, boxes: FileBoxes) -> APIRouter:
    settings = as_settings(app, Settings)
    routes = APIRouter(prefix="/settlements", tags=["settlements"])
    layouts_door, files_door = app.command_door(agree_on_layouts), app.command_door(receive_files)
    credits_door = app.command_door(record_credits)

    @routes.post(
        "/layouts",
        status_code=201,
        openapi_extra=accepts_command(LayoutWanted, gives=("partner", "valid_from"), status=201),
        responses=problems(NO_SUCH_PARTNER),
    )
    async def agree(request: Request, principal: Keeper) -> Response:
        """How a partner's files are read from a day on; what was reconciled before stays as it is."""
        wanted = await body(request, LayoutWanted)
        _must_be_fit(wanted.layout)
        command = AgreeOnLayout(wanted.partner, wanted.valid_from, wanted.layout, meta(request, principal))
        return await answer(request, principal, layouts_door, command)

    @routes.get("/layouts")
    async def layouts(principal: Reader, partner: PartnerName | None = None) -> LayoutsShown:
        """Per partner the newest first."""
        async with app.read() as conn:
            found = await shown.layouts(conn, partner)
        return LayoutsShown(items=[_layout_shown(row) for row in found])

    @routes.post(
        "/days/{partner}/{day}/files",
        status_code=202,
        openapi_extra=accepts_command(gives=("file_id",), status=202) | UPLOAD,
        responses=problems(UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, NO_SUCH_PARTNER, SETTLEMENT_NO_LAYOUT, *faults.FAULTS),
    )
    @body_limit(settings.settlement_max_bytes)
    async def upload(request: Request, principal: Keeper, partner: Partner, day: date) -> Response:
        """Takes the day's file in; it is worked off afterwards. The bytes of the day's last file are that file (200).

        A file that is cut off, of another partner or day, or does not add up is refused as a whole with the line that shows it;
        one of a day after today (WIB), or before 2020, by its day.
        """
        _must_be_possible(day, day_of(app.clock.business()))
        _must_be_csv(request)
        layout = await _layout(partner, day)
        checked, sha256 = await asyncio.to_thread(_read, await request.body(), layout, day, settings)
        file_id = SettlementFileId(new_id())
        parts = [checked.before, *checked.parts, checked.after]
        closed = await asyncio.to_thread(boxes.close_parts, file_id, [part.content for part in parts])
        command = ReceiveFile(file_id, partner, day, sha256, checked, layout, closed, meta(request, principal))
        return await answer(request, principal, files_door, command)

    async def _layout(partner: str, day: date) -> SettlementLayout:
        async with app.read() as conn:
            found = await settlement.layouts(conn, {(partner, day)})
            known = bool(found) or partner in await agreed.partners(conn)
        if not known:
            raise Refusal(Rejected(NO_SUCH_PARTNER, "partner", {"partner": partner}))
        if (partner, day) not in found:
            raise Refusal(Rejected(SETTLEMENT_NO_LAYOUT))
        return found[partner, day]

    @routes.get("/files")
    async def files(
        principal: Reader,
        partner: PartnerName | None = None,
        day: Day | None = None,
        stopped: Annotated[bool | None, Query(description="only those that do not go on, or only the others")] = None,
        before: UUID | None = None,
        limit: Limit = 100,
    ) -> FilesShown:
        """Newest first."""
        async with app.read() as conn:
            found = await shown.files(conn, partner=partner, day=day, stopped=stopped, before=before, limit=limit)
        items = [_file_shown(row) for row in found]
        return FilesShown(items=items, before=items[-1].file_id if len(items) == limit else None)

    @routes.get("/files/{file_id}", responses=problems(NOT_FOUND))
    async def file(principal: Reader, file_id: UUID) -> FileShown:
        """How far it is, and what its lines came to."""
        async with app.read() as conn:
            found = await shown.file(conn, file_id)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return _file_shown(found)

    @routes.get("/files/{file_id}/lines", responses=problems(NOT_FOUND), response_model=LinesShown)
    async def lines(
        request: Request,
        principal: Reader,
        file_id: UUID,
        outcome: LineOutcome | None = None,
        after: After = 0,
        limit: Limit = PAGE,
    ) -> Any:
        """One result per line, in pages, or all as CSV with `Accept: text/csv`."""
        await file(principal, file_id)
        if CSV in request.headers.get("accept", ""):
            return StreamingResponse(_as_csv(file_id, outcome), media_type=f"{CSV}; charset=utf-8")
        async with app.read() as conn:
            found = await shown.lines(conn, file_id, outcome=outcome, after=after, limit=limit)
        items = [LineShown.model_validate(dict(row)) for row in found]
        return LinesShown(items=items, after=items[-1].line if len(items) == limit else None)

    async def _as_csv(file_id: UUID, outcome: LineOutcome | None) -> AsyncIterator[str]:
        """Page by page, so an export of any length needs the memory of one page."""
        yield ",".join(EXPORTED) + "\r\n"
        after = 0
        while True:
            async with app.read() as conn:
                found = await shown.lines(conn, file_id, outcome=outcome, after=after, limit=PAGE)
            if not found:
                return
            after = found[-1]["line"]
            yield "".join(_csv_line(row) for row in found)

    @routes.get("/days/{partner}/{day}", responses=problems(NOT_FOUND))
    async def one_day(principal: Reader, partner: Partner, day: date) -> DayShown:
        """What the partner owes for its day, what of it came, and what is open."""
        async with app.read() as conn:
            found = await shown.day(conn, partner, day)
            booked = await shown.differences(conn, partner, day)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return _day_shown(found, booked)

    @routes.post(
        "/days/{partner}/{day}/credits",
        status_code=201,
        openapi_extra=accepts_command(CreditWanted, gives=("partner", "day", "gap#"), status=201),
        responses=problems(SETTLEMENT_NOT_RECONCILED, CREDIT_NOTED),
    )
    async def credit(request: Request, principal: Keeper, partner: Partner, day: date) -> Response:
        """Notes money of that day on our bank account, each account line once. A gap of one rupiah keeps the day open, with a case."""
        wanted = await body(request, CreditWanted)
        command = RecordCredit(partner, day, wanted.amount, wanted.evidence, meta(request, principal))
        return await answer(request, principal, credits_door, command)

    return routes


def _must_be_fit(layout: SettlementLayout) -> None:
    """Raises Refusal `invalid` with every field by which files could not be read."""
    errors = tuple(FieldError(f"layout.{name}", fault, *_WHY[fault]) for name, fault in layout_faults(layout))
    if errors:
        raise Refusal(Rejected(INVALID, field=errors[0].field if len(errors) == 1 else None, errors=errors))


def _must_be_possible(day: date, today: date) -> None:
    """Raises FileRefused."""
    if not is_possible(day, today):
        raise FileRefused(faults.DAY_OUTSIDE, "day", day=day, first=FIRST_DAY, last=today)


def _must_be_csv(request: Request) -> None:
    """Raises Refusal `unsupported_media_type`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CSV:
        raise Refusal(Rejected(UNSUPPORTED_MEDIA_TYPE, values={"expected": CSV}))


def _read(content: bytes, layout: SettlementLayout, day: date, settings: Settings) -> tuple[Checked, str]:
    """Raises FileRefused."""
    checked = check(content, layout, day, most_lines=settings.settlement_max_lines)
    return checked, hashlib.sha256(content).hexdigest()


def _layout_shown(row: Mapping[Any, Any]) -> LayoutShown:
    return LayoutShown(
        partner=row["partner"],
        valid_from=row["valid_from"],
        layout=settlement.layout_of(row["layout"]),
        agreed_at=row["agreed_at"],
    )


def _file_shown(row: Mapping[Any, Any]) -> FileShown:
    totals: Mapping[str, list[int]] = row["totals"]
    outcomes = [
        TotalShown(outcome=name, lines=totals[name][0], amount=totals[name][1], fees=totals[name][2])
        for name in LineOutcome
        if name in totals
    ]
    done = sum(one.lines for one in outcomes if one.outcome != LineOutcome.MISSING_AT_BANK)
    names = ("file_id", "partner", "day", "sha256", "lines", "amount", "fees", "received_at", "reconciled_at")
    return FileShown(
        status=_status(row),
        lines_done=done,
        outcomes=outcomes,
        hindrance=None if row["stopped_by"] is None else _hindrance_shown(row),
        **{name: row[name] for name in names},
    )


def _status(row: Mapping[Any, Any]) -> Literal["WORKING", "STOPPED", "BEHIND", "RECONCILED"]:
    if row["reconciled_at"] is not None:
        return "RECONCILED"
    if row["stopped_by"] is None:
        return "WORKING"
    return "STOPPED" if row["stopped_by"] == row["file_id"] else "BEHIND"


def _hindrance_shown(row: Mapping[Any, Any]) -> HindranceShown:
    step = FIRST_THE_OTHER if row["stopped_by"] != row["file_id"] else WHAT_TO_DO.get(row["reason"], TELL_AN_OPERATOR)
    return HindranceShown(
        file_id=row["stopped_by"],
        reason=row["reason"],
        since=row["since"],
        attempts=row["attempts"],
        again_at=row["not_before"],
        what_to_do=step,
    )


def _day_shown(row: Mapping[Any, Any], booked: shown.Rows) -> DayShown:
    gap = row["expected"] - row["received"]
    names = ("partner", "day", "file_id", "expected", "fees", "received", "open_cases")
    return DayShown(
        gap=gap,
        credits=[CreditShown(evidence=evidence, amount=amount) for evidence, amount in row["credits"].items()],
        corrections=[CorrectionShown.model_validate(one) for one in row["corrections"].values()],
        differences=[DifferenceShown.model_validate(dict(one)) for one in booked],
        status="SETTLED" if gap == 0 and row["fees"] == row["fees_booked"] else "OPEN",
        **{name: row[name] for name in names},
    )


def _csv_line(row: Mapping[Any, Any]) -> str:
    """A reference that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    cells = ["" if row[name] is None else str(row[name]) for name in EXPORTED]
    csv.writer(text).writerow([f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in cells])
    return text.getvalue()
