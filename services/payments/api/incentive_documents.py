"""Incentive statements to download, as PDF or XLSX, within the same scope as the statements themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from chassis.http import Principal, allow, problems, within
from chassis.problems import Refusal
from chassis.service import App
from services.payments.api.incentive_absent import ABSENT, Absent
from services.payments.api.incentive_shapes import MONTH
from services.payments.documents.statement_pdf import pdf
from services.payments.documents.statement_xlsx import xlsx
from services.payments.documents.statements import Statement, of_agent, of_wadah
from services.payments.parameters import Parameters
from services.payments.queries import incentives_shown as shown
from services.payments.queries.incentive_heads import with_head_pay
from services.payments.tables.incentives import incentive_statements, wadah_statements

Reader = Annotated[
    Principal, Depends(allow("agent", "coordinator", "officer", "checker", "central", "auditor", "operator"))
]
OfWadah = Annotated[Principal, Depends(allow("coordinator", "officer", "checker", "central", "auditor", "operator"))]
MonthInPath = Annotated[str, Path(pattern=MONTH)]
Form = Literal["pdf", "xlsx"]

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMS: Mapping[Form, tuple[Callable[[Statement], bytes], str]] = MappingProxyType(
    {"pdf": (pdf, "application/pdf"), "xlsx": (xlsx, _XLSX)}
)
_FILE = {
    200: {"content": {media: {"schema": {"type": "string", "format": "binary"}} for _, media in _FORMS.values()}},
    **problems(*ABSENT),
}


def router(app: App, parameters: Parameters) -> APIRouter:
    routes, absent = APIRouter(prefix="/incentives", tags=["incentives"]), Absent(app, parameters)

    @routes.get("/agents/{agent_id}/statements/{month}/document.{form}", response_class=Response, responses=_FILE)
    async def agent_document(principal: Reader, agent_id: UUID, month: MonthInPath, form: Form) -> Response:
        """The statement with every line of it and the event that each comes from: participant numbers, no NIK."""
        async with app.read() as conn:
            found = await shown.statement(conn, agent_id, month, within(principal, incentive_statements))
            if found is None:
                raise Refusal(await absent.of(month))
            adjusted = await shown.adjustments(conn, agent_id, month)
            lines = await shown.lines(conn, agent_id, month, 0, None)
            lines = await with_head_pay(conn, await parameters.sets(conn), agent_id, month, lines)
            events = await shown.paid_by_event(conn, {line["payment_id"]: line["participant_id"] for line in lines})
        return await _made(of_agent(found, adjusted, lines, events), form, f"insentif-{found['code']}-{month}")

    @routes.get("/wadah/{wadah_id}/statements/{month}/document.{form}", response_class=Response, responses=_FILE)
    async def wadah_document(principal: OfWadah, wadah_id: UUID, month: MonthInPath, form: Form) -> Response:
        """The statement of a Wadah with the sums of its agents."""
        async with app.read() as conn:
            scope = within(principal, wadah_statements)
            found = await shown.wadah_statements_of(conn, scope, month=month, wadah_id=wadah_id, limit=1)
            if not found:
                raise Refusal(await absent.of(month))
            adjusted = await shown.wadah_adjustments(conn, wadah_id, month)
            agents = await shown.agents_of(conn, wadah_id, month)
        return await _made(of_wadah(found[0], adjusted, agents), form, f"insentif-wadah-{month}")

    return routes


async def _made(statement: Statement, form: Form, name: str) -> Response:
    """Laid out in a thread: a long statement takes a second of computing, and banks must not wait for it."""
    make, media = _FORMS[form]
    content = await asyncio.to_thread(make, statement)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "private, no-store"}
    return Response(content, media_type=media, headers=headers)
