"""The API documentation at /docs works without a network: the pages' scripts come from an installed package, not from a CDN."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_ASSETS: Final = "/docs/assets"


def add_docs(app: FastAPI) -> None:
    """Serves /docs for the application's own /openapi.json."""

    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon.png",
        )

    app.add_api_route("/docs", docs, include_in_schema=False)
    app.mount(_ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")))
