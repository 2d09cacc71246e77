"""Hot routes, called from the edge itself: the framework's router, dependency solver and exit stacks cost more than such a route does.

A direct route is declared like any other, and stands in OpenAPI like any other. Its path is fixed, it takes the request and perhaps the
caller (`allow`), reads its body itself and answers a Response. Whatever else is asked of its path goes the ordinary way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.http.auth import bearer

F = TypeVar("F", bound=Callable[..., Any])
Handlers = Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]
_MARK: Final = "is_direct"


class NotDirect(TypeError):
    """A route is marked direct and needs what only the framework gives."""


def direct(function: F) -> F:
    """Decorates a route's function, below the route decorator."""
    setattr(function, _MARK, True)
    return function


@dataclass(frozen=True, slots=True)
class _Direct:
    route: APIRoute
    guards: Mapping[str, Callable[..., Awaitable[object]]]
    """Name of the parameter → what `allow` made."""

    async def answer(self, request: Request) -> Response:
        callers = {name: await guard(request, await bearer(request)) for name, guard in self.guards.items()}
        response: Response = await self.route.endpoint(request=request, **callers)
        return response


class DirectMiddleware:
    """Innermost: what it does not know, or any other method, is the application's."""

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter], handlers: Handlers) -> None:
        self._app, self._handlers = app, handlers
        self._kinds = tuple(handlers)
        self._routes = {
            (method, one.route.path): one
            for one in map(_direct, _marked(routers))
            for method in one.route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["endpoint"] = found.route, found.route.endpoint
        request = Request(scope, receive, send)
        try:
            response = await found.answer(request)
        except self._kinds as error:
            response = await self._refusal(request, error)
        await response(scope, receive, send)

    async def _refusal(self, request: Request, error: Exception) -> Response:
        handler = next(handler for kind, handler in self._handlers.items() if isinstance(error, kind))
        return await handler(request, error)


def _marked(routers: Iterable[APIRouter]) -> Iterable[APIRoute]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and getattr(route.endpoint, _MARK, False):
                yield route


def _direct(route: APIRoute) -> _Direct:
    needs = route.dependant
    bound = (*needs.path_params, *needs.query_params, *needs.header_params, *needs.cookie_params, *needs.body_params)
    if bound or needs.request_param_name != "request":
        raise NotDirect(f"{route.path}: a direct route takes `request` and nothing out of it")
    guards = {one.name: one.call for one in needs.dependencies if one.name and hasattr(one.call, "allowed")}
    if len(guards) != len(needs.dependencies):
        raise NotDirect(f"{route.path}: a direct route depends on nothing but its caller")
    return _Direct(route, {name: guard for name, guard in guards.items() if guard is not None})
