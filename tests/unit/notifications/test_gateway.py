"""What the provider's answers, and its silences, are taken for. The real thing is met in the integration tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from contracts.events.notifications import Channel
from contracts.values import Language
from services.notifications.domain.sending import Doubtful, NotTaken, Refused, Taken
from services.notifications.gateway import MOST_ANSWER_BYTES, Answer, HttpGateway, Message

from .samples import NOTIFICATION

MESSAGE = Message(NOTIFICATION, "+6281200000001", Channel.SMS, Language.INDONESIAN, "Halo Siti Contoh")
SECONDS = timedelta(seconds=1)


async def answer_to(response: httpx.Response | Exception, *, asked: list[httpx.Request] | None = None) -> Answer:
    async def provider(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        if isinstance(response, Exception):
            raise response
        return response

    return await send(httpx.MockTransport(provider))


async def send(transport: httpx.AsyncBaseTransport, *, timeout_s: float = 5) -> Answer:
    async with httpx.AsyncClient(transport=transport) as client:
        return await HttpGateway(client, url="http://gateway/", api_key="key", timeout_s=timeout_s).send(MESSAGE)


async def test_a_message_goes_out_with_its_id_as_key_and_reference() -> None:
    asked: list[httpx.Request] = []
    assert await answer_to(httpx.Response(202, json={"message_id": "m-1", "status": "accepted"}), asked=asked) == Taken(
        "m-1"
    )
    (request,) = asked
    assert (request.method, str(request.url)) == ("POST", "http://gateway/messages")
    assert request.headers["Idempotency-Key"] == str(NOTIFICATION)
    assert request.headers["Authorization"] == "Bearer key"
    assert json.loads(request.content) == {
        "to": "+6281200000001",
        "channel": "sms",
        "language": "id",
        "text": "Halo Siti Contoh",
        "reference": str(NOTIFICATION),
    }


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (httpx.Response(200, json={"message_id": "m-1", "more": 1}), Taken("m-1")),
        (httpx.Response(202, text="<html>"), Doubtful()),
        (httpx.Response(202, json={}), Doubtful()),
        (httpx.Response(202, json={"message_id": ""}), Doubtful()),
        (httpx.Response(202, json={"message_id": "m" * 256}), Doubtful()),
        (httpx.Response(202, content=b" " * (MOST_ANSWER_BYTES + 1)), Doubtful()),
        (httpx.Response(204), Doubtful()),
        (httpx.Response(302, headers={"Location": "http://elsewhere/"}), NotTaken()),
        (httpx.Response(400), Refused()),
        (httpx.Response(401), NotTaken()),
        (httpx.Response(403), NotTaken()),
        (httpx.Response(404), NotTaken()),
        (httpx.Response(408), Doubtful()),
        (httpx.Response(409), Doubtful()),
        (httpx.Response(422), Refused()),
        (httpx.Response(429), NotTaken()),
        (httpx.Response(429, headers={"Retry-After": "7"}), NotTaken(7 * SECONDS)),
        (httpx.Response(429, headers={"Retry-After": "-7"}), NotTaken()),
        (httpx.Response(429, headers={"Retry-After": "99999999999999999999"}), NotTaken()),
        (httpx.Response(429, headers={"Retry-After": "Fri, 31 Oct 2025 10:00:00 GMT"}), NotTaken()),
        (httpx.Response(500), Doubtful()),
        (httpx.Response(503, headers={"Retry-After": "3"}), Doubtful(3 * SECONDS)),
        (httpx.ConnectError("refused"), NotTaken()),
        (httpx.ConnectTimeout("silence"), NotTaken()),
        (httpx.PoolTimeout("busy"), NotTaken()),
        (httpx.ReadTimeout("silence"), Doubtful()),
        (httpx.WriteTimeout("silence"), Doubtful()),
        (httpx.ReadError("reset"), Doubtful()),
        (httpx.RemoteProtocolError("closed"), Doubtful()),
    ],
    ids=lambda value: repr(value),
)
async def test_what_an_answer_is_taken_for(response: httpx.Response | Exception, answer: Answer) -> None:
    assert await answer_to(response) == answer


async def test_an_answer_that_trickles_in_for_ever_is_cut_off() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

    transport = httpx.MockTransport(lambda request: httpx.Response(202, stream=Endless()))
    assert await send(transport, timeout_s=0.05) == Doubtful()


def test_a_message_shows_nobody_in_a_log() -> None:
    assert repr(MESSAGE) == f"Message({NOTIFICATION})"
