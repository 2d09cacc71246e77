"""What the provider's answers, and its silences, are taken for, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web

from contracts.events.notifications import Channel
from contracts.values import Language
from services.notifications.domain.sending import Doubtful, NotTaken, Refused, Taken
from services.notifications.gateway import MOST_ANSWER_BYTES, Answer, HttpGateway, Message
from tests.support.eventually import eventually

from .samples import NOTIFICATION

MESSAGE = Message(NOTIFICATION, "+6281200000001", Channel.SMS, Language.INDONESIAN, "Halo Siti Contoh")
SECONDS = timedelta(seconds=1)
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def provider(handler: Handler) -> AsyncIterator[str]:
    """The address of one that answers so."""
    runner = web.ServerRunner(web.Server(handler, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def send(url: str, *, timeout_s: float = 60) -> Answer:
    gateway = HttpGateway(url=url, api_key="key", timeout_s=timeout_s, concurrent=2)
    try:
        return await gateway.send(MESSAGE)
    finally:
        await gateway.close()


async def test_a_message_goes_out_with_its_id_as_key_and_reference() -> None:
    asked: list[tuple[web.BaseRequest, bytes]] = []

    async def take(request: web.BaseRequest) -> web.Response:
        asked.append((request, await request.read()))
        return web.json_response({"message_id": "m-1"}, status=202)

    async with provider(take) as url:
        assert await send(url) == Taken("m-1")
    ((request, body),) = asked
    assert (request.method, request.path) == ("POST", "/messages")
    assert request.headers["Idempotency-Key"] == str(NOTIFICATION)
    assert request.headers["Authorization"] == "Bearer key"
    assert json.loads(body) == {
        "to": "+6281200000001",
        "channel": "sms",
        "language": "id",
        "text": "Halo Siti Contoh",
        "reference": str(NOTIFICATION),
    }


@pytest.mark.parametrize(
    ("status", "body", "headers", "answer"),
    [
        (200, '{"message_id": "m-1", "more": 1}', {}, Taken("m-1")),
        (202, "<html>", {}, Doubtful()),
        (202, "{}", {}, Doubtful()),
        (202, '{"message_id": ""}', {}, Doubtful()),
        (202, f'{{"message_id": "{"m" * 256}"}}', {}, Doubtful()),
        (202, " " * (MOST_ANSWER_BYTES + 1), {}, Doubtful()),
        (202, "\xff", {"Content-Encoding": "gzip"}, Doubtful()),
        (204, "", {}, Doubtful()),
        (302, "", {"Location": "http://127.0.0.1:1/"}, NotTaken()),
        (400, "", {}, Refused()),
        (401, "", {}, NotTaken()),
        (403, "", {}, NotTaken()),
        (404, "", {}, NotTaken()),
        (408, "", {}, Doubtful()),
        (409, "", {}, Doubtful()),
        (422, "", {}, Refused()),
        (429, "", {}, NotTaken()),
        (429, "", {"Retry-After": "7"}, NotTaken(7 * SECONDS)),
        (429, "", {"Retry-After": "-7"}, NotTaken()),
        (429, "", {"Retry-After": "99999999999999999999"}, NotTaken()),
        (429, "", {"Retry-After": "Fri, 31 Oct 2025 10:00:00 GMT"}, NotTaken()),
        (500, "", {}, Doubtful()),
        (503, "", {"Retry-After": "3"}, Doubtful(3 * SECONDS)),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_an_answer_is_taken_for(status: int, body: str, headers: dict[str, str], answer: Answer) -> None:
    async def answers(request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, body=body.encode("latin-1"), headers=headers)

    async with provider(answers) as url:
        assert await send(url) == answer


async def test_a_provider_that_does_not_listen_has_taken_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        assert await send(f"http://127.0.0.1:{taken.getsockname()[1]}/") == NotTaken()


@pytest.mark.parametrize("how", ["closed", "reset", "not HTTP", "cut off"])
async def test_a_provider_that_ends_in_the_middle_may_have_taken_it(how: str) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if how == "not HTTP":
            writer.write(b"SMTP 220 hello\r\n\r\n")
        if how == "cut off":
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{")
        if how == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    server = await asyncio.start_server(end, "127.0.0.1", 0)
    async with server:
        assert await send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") == Doubtful()


async def test_a_line_that_was_closed_while_idle_is_opened_anew() -> None:
    """What a provider hangs up on between two messages is no doubt about the second."""
    hung_up = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b'"reference": "%s"}' % str(NOTIFICATION).encode())
        writer.write(b'HTTP/1.1 202 Accepted\r\nContent-Length: 21\r\n\r\n{"message_id": "m-1"}')
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    async with await asyncio.start_server(once, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        gateway = HttpGateway(url=url, api_key="key", timeout_s=60, concurrent=1)

        async def noticed() -> bool:
            idle = gateway._session.connector._conns.values() if gateway._session and gateway._session.connector else ()
            return not any(line.is_connected() for lines in idle for line, _ in lines)

        for _ in range(3):
            assert await gateway.send(MESSAGE) == Taken("m-1")
            await hung_up.wait()
            hung_up.clear()
            await eventually(noticed)
        await gateway.close()


async def test_an_answer_that_trickles_in_for_ever_is_cut_off() -> None:
    async def trickle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=202)
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.Event().wait()
        return response

    async with provider(trickle) as url:
        assert await send(url, timeout_s=0.5) == Doubtful()


def test_a_message_shows_nobody_in_a_log() -> None:
    assert repr(MESSAGE) == f"Message({NOTIFICATION})"
