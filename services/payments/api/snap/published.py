"""The biller document, for everybody."""

from __future__ import annotations

from fastapi import APIRouter, Response


def router() -> APIRouter:
    """The one route; it is no SNAP service."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/snap/docs")
    async def docs() -> Response:
        # here, because writing it needs every table, and nobody asks for it to serve
        from services.payments.kit.document import document

        return Response(document(), media_type="text/markdown; charset=utf-8")

    return routes
