"""The issuer's key set over HTTP, from an issuer that rotates, fails and comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from joserfc.jwk import ECKey, KeySet

from chassis.http.keys import RemoteKeys
from chassis.problems import Refusal
from tests.support.tokens import new_key


class Server:
    """Serves a key set; `broken` says how it fails."""

    def __init__(self) -> None:
        self.keys: list[ECKey] = [new_key()]
        self.broken: bytes | None = None
        self.asked = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = json.dumps(KeySet([*self.keys]).as_dict(private=False)).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        writer.write(self.broken if self.broken is not None else head + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/jwks"
    async with listening:
        yield server


def kid(key: ECKey) -> str:
    assert key.kid is not None
    return key.kid


async def test_known_keys_are_fetched_once_however_many_ask(server: Server) -> None:
    keys = RemoteKeys(server.url)
    found = await asyncio.gather(*(keys.find(kid(server.keys[0])) for _ in range(20)))
    assert all(found)
    assert server.asked == 1


async def test_rotation_is_noticed_by_the_first_token_under_the_new_key(server: Server) -> None:
    keys = RemoteKeys(server.url, min_interval_s=0)
    assert await keys.find(kid(server.keys[0]))
    server.keys.append(new_key())
    assert await keys.find(kid(server.keys[1]))


async def test_strangers_cannot_make_us_ask_without_end(server: Server) -> None:
    keys = RemoteKeys(server.url, min_interval_s=60)
    assert await keys.find(kid(server.keys[0]))
    for number in range(50):
        assert await keys.find(f"stranger-{number}") is None
    assert server.asked == 1


async def test_withdrawn_key_is_forgotten(server: Server) -> None:
    keys = RemoteKeys(server.url, max_age_s=0, min_interval_s=0)
    old = kid(server.keys[0])
    assert await keys.find(old)
    server.keys[:] = [new_key()]
    assert await keys.find(old) is None


BROKEN = {
    "hangs up": b"",
    "error": b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    "no JSON": b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkeys",
    "no key set": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
    "strange keys": b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"keys":[{"kty":1}]}',
    "endless": b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b" " * 300_000,
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_known_keys_outlive_an_issuer_that_fails(server: Server, broken: bytes) -> None:
    keys = RemoteKeys(server.url, max_age_s=0, min_interval_s=0)
    known = kid(server.keys[0])
    assert await keys.find(known)
    server.broken = broken
    assert await keys.find(known)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_unknown_key_is_unavailable_while_the_issuer_fails(server: Server, broken: bytes) -> None:
    keys = RemoteKeys(server.url, min_interval_s=0)
    server.broken = broken
    with pytest.raises(Refusal, match="unavailable"):
        await keys.find(kid(server.keys[0]))
    server.broken = None
    assert await keys.find(kid(server.keys[0]))


async def test_issuer_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Refusal, match="unavailable"):
        await RemoteKeys("http://127.0.0.1:1/jwks").find("any")
