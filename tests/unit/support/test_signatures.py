"""What is remembered of an endpoint is what FastAPI would have read of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query

from tests.support import signatures


def who(name: str = "nobody") -> str:
    return name


def router(told: str, *, more: bool = False) -> APIRouter:
    """Closes over what it is told, as the routers of a service close over their application."""
    found = APIRouter(dependencies=[Depends(_refuses)] if more else [])

    @found.get("/things/{thing}")
    async def thing(thing: int, name: Annotated[str, Depends(who)], size: Annotated[int, Query(le=9)] = 3) -> list[str]:
        return [told, str(thing), name, str(size)]

    return found


def _refuses(secret: str) -> None:
    """A parameter more."""


async def answers(routes: APIRouter, path: str) -> tuple[int, object]:
    app = FastAPI()
    app.router.routes.extend(routes.routes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        found = await client.get(path)
    return found.status_code, found.json() if found.status_code == 200 else None


@pytest.fixture(autouse=True)
def _remembering() -> None:
    signatures.remember()


async def test_each_application_has_its_own_endpoint_and_the_same_rules() -> None:
    one, other = router("one"), router("other")
    assert await answers(one, "/things/5?name=siti") == (200, ["one", "5", "siti", "3"])
    assert await answers(other, "/things/6?size=9") == (200, ["other", "6", "nobody", "9"])
    for routes in (one, other):
        assert (await answers(routes, "/things/x"))[0] == (await answers(routes, "/things/5?size=10"))[0] == 422


async def test_what_one_router_asks_besides_is_not_asked_by_another() -> None:
    asking, plain = router("asking", more=True), router("plain")
    assert (await answers(asking, "/things/5"))[0] == 422
    assert (await answers(plain, "/things/5"))[0] == 200


async def test_two_endpoints_of_one_line_are_two_where_their_defaults_are() -> None:
    def of(size: int) -> Callable[..., object]:
        async def sized(size: int = size) -> int:
            return size

        return sized

    for size in (1, 2):
        routes = APIRouter()
        routes.get("/")(of(size))
        assert await answers(routes, "/") == (200, size)
