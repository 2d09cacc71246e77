"""What became of each row: read by the uploader's scope, as JSON pages or as CSV. Nothing of a row's content but its
numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.http import Principal, within
from services.registration.tables import import_results, imports

Read = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
EXPORTED: Final = (
    "line",
    "outcome",
    "code",
    "column",
    "participant_id",
    "contribution_code",
    "warnings",
    "remedy_id",
    "remedy_en",
)
_PAGE: Final = 1_000
_ACTIVE_CONTENT: Final = ("=", "+", "-", "@", "\t", "\r")


async def listed(conn: AsyncConnection, principal: Principal) -> Sequence[Mapping[str, Any]]:
    """The latest 100 imports within scope, newest first."""
    query = sa.select(imports).where(within(principal, imports)).order_by(imports.c.import_id.desc()).limit(100)
    return [_summary(row) for row in await conn.execute(query)]


async def one(conn: AsyncConnection, principal: Principal, import_id: UUID) -> Mapping[str, Any] | None:
    """How far an import is, with its refusals by code; None when unknown or out of scope."""
    query = sa.select(imports).where(within(principal, imports), imports.c.import_id == import_id)
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return None
    counting = (
        sa.select(import_results.c.code, sa.func.count().label("number"))
        .where(import_results.c.import_id == import_id, import_results.c.code.is_not(None))
        .group_by(import_results.c.code)
        .order_by(import_results.c.code)
    )
    return {**_summary(row), "codes": {r.code: r.number for r in await conn.execute(counting)}}


async def page(conn: AsyncConnection, import_id: UUID, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Results of the lines after `after`, in order."""
    query = (
        sa.select(import_results)
        .where(import_results.c.import_id == import_id, import_results.c.line > after)
        .order_by(import_results.c.line)
        .limit(limit)
    )
    return [_result(row) for row in await conn.execute(query)]


async def as_csv(read: Read, import_id: UUID) -> AsyncIterator[str]:
    """All results, page by page, so an export of any length needs the memory of one page."""
    yield ",".join(EXPORTED) + "\r\n"
    after = 0
    while True:
        async with read() as conn:
            found = await page(conn, import_id, after=after, limit=_PAGE)
        if not found:
            return
        after = found[-1]["line"]
        yield _lines(found)


def escaped(text: str) -> str:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_ACTIVE_CONTENT) else text


def _lines(results: Sequence[Mapping[str, Any]]) -> str:
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    for result in results:
        cells = {**result, "warnings": " ".join(result["warnings"]), **_sentences(result)}
        writer.writerow(["" if cells[name] is None else escaped(str(cells[name])) for name in EXPORTED])
    return sheet.getvalue()


def _sentences(result: Mapping[str, Any]) -> dict[str, Any]:
    remedy = result["remedy"] or {"id": None, "en": None}
    return {"remedy_id": remedy["id"], "remedy_en": remedy["en"]}


def _summary(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "import_id": str(row.import_id),
        "status": row.status,
        "fault": row.fault,
        "form": row.form,
        "rows": row.rows,
        "accepted": row.accepted,
        "refused": row.refused,
        "blank_lines": row.blank,
        "line": row.line,
        "uploaded_at": row.uploaded_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
    }


def _result(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "line": row.line,
        "outcome": row.outcome,
        "code": row.code,
        "column": row.column,
        "remedy": {"id": row.remedy_id, "en": row.remedy_en} if row.remedy_id else None,
        "participant_id": str(row.participant_id) if row.participant_id else None,
        "contribution_code": row.contribution_code,
        "warnings": row.warnings,
    }
