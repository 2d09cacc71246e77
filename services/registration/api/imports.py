"""Uploads over HTTP: a CSV or XLSX file as the raw body; progress and one result per row."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body_limit, meta, problems
from chassis.ids import new_id
from chassis.privacy.boxes import FileBoxes
from chassis.problems import TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, Refusal, Rejected
from chassis.service import App, as_settings
from services.registration.imports import problems as faults
from services.registration.imports import results
from services.registration.imports.files import BOXES, FORMS, XLSX_TYPE, counted
from services.registration.imports.store import Stored
from services.registration.imports.storing import StoreImport, StoringImports
from services.registration.imports.table import COLUMNS
from services.registration.imports.uploader import Uploader
from services.registration.settings import Settings

Uploads = Annotated[Principal, Depends(allow("agent", "officer", "coordinator"))]
Reads = Annotated[Principal, Depends(allow("agent", "officer", "coordinator", "checker"))]
After = Annotated[int, Query(ge=0, lt=2**53)]
Limit = Annotated[int, Query(ge=1, le=1_000)]
UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "Columns: " + ", ".join(COLUMNS),
        "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in ("text/csv", XLSX_TYPE)},
    }
}


def router(app: App) -> APIRouter:
    settings = as_settings(app, Settings)
    routes = APIRouter(tags=["imports"])
    storing, boxes = app.command_door(StoringImports(app.vault)), FileBoxes(settings.master_key, BOXES)

    @routes.post(
        "/imports",
        status_code=202,
        openapi_extra=accepts_command(gives=("import_id",), status=202) | UPLOAD,
        responses=problems(
            UNSUPPORTED_MEDIA_TYPE,
            TOO_LARGE,
            faults.FILE_ENCODING,
            faults.FILE_NOT_A_TABLE,
            faults.FILE_QUOTE,
            faults.COLUMN_MISSING,
            faults.TOO_MANY_ROWS,
        ),
    )
    @body_limit(settings.import_max_bytes)
    async def upload(request: Request, principal: Uploads) -> Response:
        """Takes a file in; its rows are registered afterwards. The same bytes by the same uploader are the same import.

        A file that is no proper table is refused as a whole, with line or column, and nothing of it is imported.
        """
        form, uploader = _form(request), Uploader.of(principal)
        stored = await asyncio.to_thread(_stored, await request.body(), form, settings.import_max_rows, boxes)
        return await answer(request, principal, storing, StoreImport(stored, uploader, meta(request, principal)))

    @routes.get("/imports/template")
    async def template(_: Uploads) -> Response:
        """A CSV file that holds the header alone."""
        return Response(",".join(COLUMNS) + "\r\n", media_type="text/csv")

    @routes.get("/imports")
    async def listed(principal: Reads) -> dict[str, Any]:
        async with app.read() as conn:
            return {"items": await results.listed(conn, principal)}

    @routes.get("/imports/{import_id}", responses=problems(NOT_FOUND))
    async def one(import_id: UUID, principal: Reads) -> dict[str, Any]:
        """How far it is: accepted + refused = rows once `status` is DONE. `codes` counts the results that carry a
        code.
        """
        async with app.read() as conn:
            found = await results.one(conn, principal, import_id)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return dict(found)

    @routes.get("/imports/{import_id}/results", responses=problems(NOT_FOUND))
    async def rows(
        import_id: UUID, request: Request, principal: Reads, after: After = 0, limit: Limit = 1_000
    ) -> Response:
        """One result per row. JSON in pages (`after`: last line seen), or the whole as CSV with `Accept: text/csv`."""
        await one(import_id, principal)
        if "text/csv" in request.headers.get("accept", ""):
            return StreamingResponse(results.as_csv(app.read, import_id), media_type="text/csv; charset=utf-8")
        async with app.read() as conn:
            items = await results.page(conn, import_id, after=after, limit=limit)
        return JSONResponse({"items": items, "after": items[-1]["line"] if len(items) == limit else None})

    return routes


def _form(request: Request) -> str:
    """Raises Refusal `unsupported_media_type`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in FORMS:
        raise Refusal(Rejected(UNSUPPORTED_MEDIA_TYPE, values={"expected": " | ".join(("text/csv", XLSX_TYPE))}))
    return FORMS[media_type]


def _stored(content: bytes, form: str, most_rows: int, boxes: FileBoxes) -> Stored:
    """The file read through once, hashed and encrypted. Raises TableRefused."""
    rows = counted(content, form, most_rows)
    import_id = new_id()
    return Stored(import_id, hashlib.sha256(content).digest(), form, boxes.close(import_id, content), rows)
