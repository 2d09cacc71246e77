"""An answer is one write; whatever else is written goes out as soon and in the same order as without us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from chassis.http.server import server

BODY = b"x" * 150


class Application:
    """Answers by path; `/slow` sends its head and waits to be let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"150")]}
        if scope["path"] == "/nothing":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
            return
        await send(head)
        if scope["path"] == "/slow":
            await self.go.wait()
        if scope["path"] == "/parts":
            await send({"type": "http.response.body", "body": BODY[:50], "more_body": True})
            await send({"type": "http.response.body", "body": BODY[50:]})
            return
        await send({"type": "http.response.body", "body": BODY})


@asynccontextmanager
async def serving(application: Application) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server of this application."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        running = server(application, host="127.0.0.1", port=port)
        task = asyncio.create_task(running._serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield reader, writer
        writer.close()
        application.go.set()
        running.should_exit = True
        await task


def asked(path: str, method: str = "GET", more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: here\r\n{more}\r\n".encode()


async def test_head_and_body_arrive_together() -> None:
    async with serving(Application()) as (reader, writer):
        for _ in range(20):
            writer.write(asked("/"))
            assert (await reader.read(65_536)).endswith(b"\r\n\r\n" + BODY)


async def test_head_does_not_wait_for_a_body_that_takes_its_time() -> None:
    application = Application()
    async with serving(application) as (reader, writer):
        writer.write(asked("/slow"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        application.go.set()
        assert await reader.readexactly(150) == BODY


@pytest.mark.parametrize(
    ("path", "method", "body"), [("/parts", "GET", BODY), ("/", "HEAD", b""), ("/nothing", "GET", b"")]
)
async def test_connection_that_closes_has_got_everything(path: str, method: str, body: bytes) -> None:
    async with serving(Application()) as (reader, writer):
        writer.write(asked(path, method, "Connection: close\r\n"))
        head, _, found = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 20")
        assert found == body


async def test_answers_of_one_connection_keep_their_order() -> None:
    async with serving(Application()) as (reader, writer):
        writer.write(asked("/") + asked("/nothing") + asked("/parts"))
        for status, body in ((b"200", BODY), (b"204", b""), (b"200", BODY)):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 " + status)
            assert await reader.readexactly(len(body)) == body


def test_an_idle_connection_is_given_up_by_the_caller_first() -> None:
    """Both sides giving up after five seconds lose the request that is just on its way."""
    callers = httpx.Limits().keepalive_expiry
    assert (
        callers is not None and server(Application(), host="127.0.0.1", port=0).config.timeout_keep_alive > 10 * callers
    )
