"""An answer with personal data waits for its trail, and is not given without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Message

from chassis.database import Unavailable
from chassis.http import Principal, direct, shown_to
from chassis.http.app import create_app
from chassis.privacy.looks import note
from chassis.problems import OVERLOADED, Refusal, Rejected
from chassis.reads import Read
from tests.support.clock import FakeClock
from tests.support.tokens import TokenIssuer

WHO, OTHER = UUID(int=1), UUID(int=2)


def routes() -> APIRouter:
    made = APIRouter()

    @made.get("/things/{thing}")
    async def thing(thing: str, request: Request) -> dict[str, str]:
        shown_to(request, Principal("officer-1", frozenset({"officer"}), branch_id=OTHER))
        note("people", "name", WHO, WHO)
        return {"name": "Siti"}

    @made.get("/hot")
    @direct
    async def hot(request: Request) -> Response:
        note("people", "name", WHO, WHO)
        return Response("Siti")

    @made.get("/nothing")
    async def nothing() -> str:
        return "nothing"

    @made.get("/parts")
    async def parts() -> Response:
        async def told() -> AsyncIterator[bytes]:
            yield b"head,"
            for who in (WHO, OTHER):
                note("people", "name", who, who)
                yield b"Siti,"

        return StreamingResponse(told())

    return made


class Trail:
    """Keeps reads in memory; with `error` it cannot."""

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.error: Exception | None = None

    async def record(self, read: Read) -> None:
        if self.error is not None:
            raise self.error
        self.reads.append(read)


def application(trail: Trail) -> FastAPI:
    return create_app(
        "shop",
        routers=[routes()],
        verifier=TokenIssuer(FakeClock()).verifier,
        checks={},
        edges={"/hot": lambda path, rejected: Response(f"{path}: {rejected.problem.code}", 500)},
        record_read=trail.record,
    )


@pytest.fixture
def trail() -> Trail:
    return Trail()


@pytest.fixture
async def client(trail: Trail) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application(trail), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as made:
        yield made


async def test_says_who_was_shown_what_through_which_door(client: httpx.AsyncClient, trail: Trail) -> None:
    answer = await client.get("/things/7")
    (read,) = trail.reads
    assert (read.meta.actor, read.roles, read.scope.branch_id) == ("officer-1", ["officer"], OTHER)
    assert (read.door, [one.persons for one in read.seen]) == ("GET /things/{thing}", [(WHO,)])
    assert str(read.meta.correlation_id) == answer.headers["X-Correlation-Id"]
    assert (answer.status_code, answer.json()) == (200, {"name": "Siti"})


async def test_a_route_that_names_nobody_is_on_record_all_the_same(client: httpx.AsyncClient, trail: Trail) -> None:
    assert (await client.get("/hot")).text == "Siti"
    (read,) = trail.reads
    assert (read.meta.actor, read.roles, read.door) == ("nobody", [], "GET /hot")


async def test_who_is_shown_nothing_leaves_nothing(client: httpx.AsyncClient, trail: Trail) -> None:
    assert (await client.get("/nothing")).status_code == 200
    assert (await client.get("/nowhere")).status_code == 404
    assert trail.reads == []


FAILURES = [Unavailable("away"), TimeoutError(), Refusal(Rejected(OVERLOADED)), ArithmeticError("a bug")]


@pytest.mark.parametrize("error", FAILURES)
async def test_what_cannot_be_recorded_is_not_given(client: httpx.AsyncClient, trail: Trail, error: Exception) -> None:
    trail.error = error
    answer = await client.get("/things/7")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_recorded")
    assert (answer.headers["Retry-After"], answer.headers["content-type"]) == ("1", "application/problem+json")
    assert {*answer.json()["messages"]} == {"id", "en"} and "Siti" not in answer.text
    own = await client.get("/hot")
    assert (own.status_code, own.text) == (500, "/hot: not_recorded")
    assert (await client.get("/nothing")).status_code == 200


async def test_an_answer_in_parts_is_on_record_part_by_part(client: httpx.AsyncClient, trail: Trail) -> None:
    assert (await client.get("/parts")).text == "head,Siti,Siti,"
    assert [one.persons for read in trail.reads for one in read.seen] == [(WHO,), (OTHER,)]


async def test_an_answer_in_parts_ends_where_the_trail_does(trail: Trail) -> None:
    """Cut off: the server closes the connection of an answer that has no end."""
    trail.error, sent = Unavailable("away"), list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/parts",
        "headers": [],
        "query_string": b"",
        "http_version": "1.1",
    }
    await application(trail)({**scope, "root_path": "", "scheme": "http", "server": ("shop", 80)}, receive, send)
    assert [message.get("body") for message in sent] == [None, b"head,"]
    assert sent[-1]["more_body"] is True
