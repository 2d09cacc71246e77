"""The HTTP application of a service: its routes, behind one edge that limits, traces, and answers every refusal as
problem details."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.openapi.utils import get_openapi
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from chassis.database import Unavailable, is_conflict, is_outage
from chassis.http.auth import Verifier
from chassis.http.bodies import invalid
from chassis.http.direct import DirectMiddleware
from chassis.http.docs import add_docs
from chassis.http.faults import field_errors
from chassis.http.limits import BodyTooLarge, Edge, Limits, LimitsMiddleware
from chassis.http.looks import LooksMiddleware, Record
from chassis.http.rates import Rates
from chassis.http.responses import MESSAGES_SCHEMA, PROBLEM_SCHEMA, problem_response
from chassis.http.trail import TrailMiddleware
from chassis.problems import (
    BAD_REQUEST,
    FORBIDDEN,
    INTERNAL,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    OVERLOADED,
    TIMEOUT,
    TOO_LARGE,
    UNAUTHORIZED,
    UNAVAILABLE,
    ProblemType,
    Refusal,
    Rejected,
)

Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else why not, in one short sentence without internals."""

CHECK_TIMEOUT_S: Final = 2.0
_BY_STATUS: Final[Mapping[int, ProblemType]] = {
    problem.status: problem
    for problem in (
        BAD_REQUEST,
        UNAUTHORIZED,
        FORBIDDEN,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        TIMEOUT,
        OVERLOADED,
        UNAVAILABLE,
    )
}


class _Application(FastAPI):
    """FastAPI behind our edge alone: layers of its own outside (answers to bugs, telemetry, a second limit) would do nothing, at a price
    for every request."""

    def build_middleware_stack(self) -> ASGIApp:
        stack: ASGIApp = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)
        for layer, positional, named in reversed(self.user_middleware):
            stack = layer(stack, *positional, **named)
        return stack


def create_app(
    service: str,
    *,
    routers: Sequence[APIRouter],
    verifier: Verifier,
    checks: Mapping[str, Check],
    limits: Limits = Limits(),  # noqa: B008  # frozen
    cors_origins: Sequence[str] = (),
    edges: Mapping[str, Edge] | None = None,
    record_read: Record | None = None,
) -> FastAPI:
    """The application of a service. `checks` decide `/health/ready`; routes under `/` are the service's own. `record_read` keeps the trail of
    who is shown whose data; None only where no personal data is kept.
    """
    app = _Application(
        title=f"Perisai {service}",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the trail's; here it is only asked for
    )
    app.state.verifier = verifier
    app.state.rates = Rates(limits.max_per_caller_s)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(DirectMiddleware, routers=routers, handlers=_HANDLERS)
    if record_read is not None:
        app.add_middleware(LooksMiddleware, record=record_read, edges=edges or {})
    app.add_middleware(LimitsMiddleware, limits=limits, edges=edges)
    if cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=cors_origins, allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(TrailMiddleware, refuse=_unexpected)
    add_docs(app)
    for router in (_probes(checks), *routers):
        app.router.routes.extend(router.routes)  # as they are: `include_router` would build each of them a second time
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _probes(checks: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        answers = await asyncio.gather(*(_checked(check) for check in checks.values()))
        found = {name: answer or "ok" for name, answer in zip(checks, answers, strict=True)}
        well = not any(answers)
        return JSONResponse({"status": "ready" if well else "not_ready", "checks": found}, 200 if well else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    @router.get("/asyncapi")
    async def asyncapi() -> JSONResponse:
        # here, because building it imports every contract and the schema generator: not needed to serve
        from contracts.asyncapi import document

        return JSONResponse(document())

    return router


async def _checked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:  # settles: a check that breaks is a check that fails
        return type(error).__name__


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return problem_response(error.rejected)


async def _http(_request: Request, error: Exception) -> Response:
    """What the framework raises: unknown path, wrong method, a body it could not read."""
    assert isinstance(error, HTTPException)
    if isinstance(error, BodyTooLarge):
        return problem_response(Rejected(TOO_LARGE, values={"limit": str(error.limit)}))
    fallback = BAD_REQUEST if error.status_code < 500 else INTERNAL
    return problem_response(Rejected(_BY_STATUS.get(error.status_code, fallback)), error.headers)


async def _invalid_request(_request: Request, error: Exception) -> Response:
    """Bound path, query, header or body. A path that cannot name anything is a 404 like any unknown thing; a day that no calendar has is told."""
    assert isinstance(error, RequestValidationError)
    faults = [{**fault, "loc": fault["loc"]} for fault in error.errors()]
    if any(fault["loc"][0] == "path" and not fault["type"].startswith("date_") for fault in faults):
        return problem_response(Rejected(NOT_FOUND))
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem_response(Rejected(MALFORMED, values={"reason": "JSON"}))
    named = [{**fault, "loc": fault["loc"][1:] if fault["loc"][0] == "body" else fault["loc"]} for fault in faults]
    return problem_response(invalid(field_errors(named)).rejected)


async def _unavailable(_request: Request, _error: Exception) -> Response:
    return problem_response(Rejected(UNAVAILABLE))


_HANDLERS: Final[Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]] = {
    Refusal: _refused,
    HTTPException: _http,
    RequestValidationError: _invalid_request,
    Unavailable: _unavailable,
}


def _unexpected(error: Exception) -> Response:
    """An outage met by a read is 503 like any other; the rest is a bug, and says nothing of itself."""
    away = is_outage(error) or is_conflict(error)
    return problem_response(Rejected(UNAVAILABLE if away else INTERNAL))


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        components.update({"Problem": PROBLEM_SCHEMA, "Messages": MESSAGES_SCHEMA})
        app.openapi_schema = schema
    return app.openapi_schema
