"""A direct route answers exactly as the same route does through the framework, and is told of in OpenAPI as any other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import BaseModel

from chassis.database import Unavailable
from chassis.http import Principal, accepts, allow, body, body_limit, direct
from chassis.http.app import create_app
from chassis.http.direct import NotDirect
from chassis.http.limits import Limits
from chassis.problems import NOT_FOUND, Refusal, Rejected
from tests.support.clock import FakeClock
from tests.support.tokens import TokenIssuer

Agent = Annotated[Principal, Depends(allow("agent"))]
JSON = {"Content-Type": "application/json"}
ID = uuid4()


class Order(BaseModel):
    what: str


async def take(request: Request, principal: Agent) -> Response:
    order = await body(request, Order)
    match order.what:
        case "refuse":
            raise Refusal(Rejected(NOT_FOUND))
        case "away":
            raise Unavailable("the database at 10.0.0.1 is out of reach")
        case "break":
            raise KeyError("siti")
    return Response(f"{principal.subject}: {order.what}", 201)


@direct
@body_limit(200)
async def at_once(request: Request, principal: Agent) -> Response:
    return await take(request, principal)


@body_limit(200)
async def ordinary(request: Request, principal: Agent) -> Response:
    return await take(request, principal)


class Shop:
    """The same route twice: `/direct` and `/ordinary`."""

    def __init__(self) -> None:
        self.issuer = TokenIssuer(FakeClock())
        router = APIRouter()
        for path, function in (("/direct", at_once), ("/ordinary", ordinary)):
            router.post(path, openapi_extra=accepts(Order), status_code=201)(function)
        self.app = create_app(
            "shop", routers=[router], verifier=self.issuer.verifier, checks={}, limits=Limits(max_body_bytes=100)
        )


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shop.app), base_url="http://shop") as client:
        yield client


def asked(shop: Shop) -> Mapping[str, tuple[str, dict[str, str], bytes, int]]:
    """Method, headers, body and the status that must come of it."""
    agent = JSON | {"Authorization": f"Bearer {shop.issuer.token(roles=['agent'])}"}
    officer = JSON | {"Authorization": f"Bearer {shop.issuer.token(roles=['officer'])}"}
    return {
        "accepted": ("POST", agent, b'{"what": "rice"}', 201),
        "no token": ("POST", JSON, b'{"what": "rice"}', 401),
        "another scheme": ("POST", JSON | {"Authorization": "Basic c2l0aQ=="}, b"{}", 401),
        "no such token": ("POST", JSON | {"Authorization": "Bearer a.b.c"}, b"{}", 401),
        "another role": ("POST", officer, b'{"what": "rice"}', 403),
        "not JSON": ("POST", agent, b"{", 400),
        "invalid": ("POST", agent, b'{"what": 5}', 422),
        "too large for any": ("POST", agent, b'{"what": "%s"}' % (b"a" * 200), 413),
        "within its own limit": ("POST", agent, b'{"what": "%s"}' % (b"a" * 150), 201),
        "refused": ("POST", agent, b'{"what": "refuse"}', 404),
        "outage": ("POST", agent, b'{"what": "away"}', 503),
        "bug": ("POST", agent, b'{"what": "break"}', 500),
        "another method": ("GET", agent, b"", 405),
    }


@pytest.mark.parametrize("name", [*asked(Shop())])
async def test_direct_route_answers_as_an_ordinary_one_does(shop: Shop, client: httpx.AsyncClient, name: str) -> None:
    method, headers, content, status = asked(shop)[name]
    answers = [
        await client.request(method, path, headers=headers | {"X-Correlation-Id": str(ID)}, content=content)
        for path in ("/direct", "/ordinary")
    ]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].content == answers[1].content
    assert answers[0].headers == answers[1].headers


async def test_direct_route_refuses_a_query_as_an_ordinary_one_does(shop: Shop, client: httpx.AsyncClient) -> None:
    _, headers, content, _ = asked(shop)["accepted"]
    answers = [
        await client.post(f"{path}?what=salt", headers=headers, content=content) for path in ("/direct", "/ordinary")
    ]
    assert [answer.json()["field"] for answer in answers] == ["query.what", "query.what"]
    assert answers[0].content == answers[1].content


async def test_direct_route_goes_round_the_framework(shop: Shop, client: httpx.AsyncClient) -> None:
    _, headers, content, _ = asked(shop)["accepted"]
    shop.app.router.routes.clear()
    assert (await client.post("/direct", headers=headers, content=content)).status_code == 201
    assert (await client.post("/ordinary", headers=headers, content=content)).status_code == 404


def test_direct_route_stands_in_openapi_as_an_ordinary_one_does(shop: Shop) -> None:
    def told(path: str) -> dict[str, Any]:
        operation: dict[str, Any] = shop.app.openapi()["paths"][path]["post"]
        return {key: value for key, value in operation.items() if key not in ("operationId", "summary")}

    assert told("/direct") == told("/ordinary")


async def with_a_query(request: Request, page: int) -> Response:
    return Response()


async def with_a_dependency(request: Request, other: Annotated[str, Depends(lambda: "x")]) -> Response:
    return Response()


@pytest.mark.parametrize("function", [with_a_query, with_a_dependency])
async def test_direct_route_that_needs_the_framework_is_refused_at_once(
    function: Callable[..., Awaitable[Response]],
) -> None:
    router = APIRouter()
    router.post("/direct")(direct(function))
    app: FastAPI = create_app("shop", routers=[router], verifier=TokenIssuer(FakeClock()).verifier, checks={})
    with pytest.raises(NotDirect):
        app.build_middleware_stack()
