"""The page on which people see what was sent: newest first, filtered, refreshed by itself."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

from deploy.local.gateway.store import Store

_PAGE_SIZE = 50
_STATUSES = ("accepted", "delivered", "failed")
# No script runs and nothing is loaded from elsewhere, whatever a message says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"


def page_routes(store: Store) -> APIRouter:
    """`GET /`."""
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
    template = templates.get_template("messages.html")
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse)
    async def page(
        to: str = "",
        status: str = "",
        refresh: Annotated[int, Query(ge=0, le=3600)] = 3,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> HTMLResponse:
        filters: dict[str, str | None] = {"to": to.strip(), "status": status}
        matching, messages = store.list(filters, limit=_PAGE_SIZE, offset=offset)

        def link(**changes: int) -> str:
            return "/?" + urlencode({"to": to, "status": status, "refresh": refresh, "offset": offset} | changes)

        html = template.render(
            to=to,
            status=status,
            statuses=_STATUSES,
            refresh=refresh,
            counts=store.counts(),
            matching=matching,
            messages=messages,
            first=offset + 1,
            pause=link(refresh=0 if refresh else 3),
            newer=link(offset=max(0, offset - _PAGE_SIZE)) if offset else "",
            older=link(offset=offset + _PAGE_SIZE) if offset + _PAGE_SIZE < matching else "",
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})

    return router
