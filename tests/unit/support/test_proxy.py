"""A link does what its weather says, loses nothing in a cut, and tells both ends of a reset."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from deploy.local.ports import HOST
from tests.support.eventually import eventually
from tests.support.proxy import Link, Weather, link

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def bad_link() -> AsyncIterator[Link]:
    """A link in front of a server that sends back what it hears, until it hears the end."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    async with link(f"{HOST}:{port}") as found:
        yield found
    server.close()


async def connect(bad_link: Link) -> Ends:
    return await asyncio.open_connection(HOST, bad_link.port)


async def ask(ends: Ends, text: bytes, *, within_s: float = 60) -> bytes:
    ends[1].write(text)
    async with asyncio.timeout(within_s):
        return await ends[0].readexactly(len(text))


async def test_good_weather_carries_everything_in_order_both_ways(bad_link: Link) -> None:
    ends = await connect(bad_link)
    text = bytes(range(256)) * 20_000
    assert await ask(ends, text) == text
    ends[1].close()
    await eventually(lambda: bad_link.connections == 0, what="the link notices the end")
    assert bad_link.accepted == 1


async def test_latency_delays_each_way_and_jitter_never_reorders(bad_link: Link) -> None:
    bad_link.weather = Weather(latency_s=0.2, jitter_s=0.1)
    ends = await connect(bad_link)
    began = time.monotonic()
    lines = [b"%03d\n" % n for n in range(100)]
    for line in lines:
        ends[1].write(line)
        await asyncio.sleep(0.001)
    first = await ends[0].readexactly(4)
    assert time.monotonic() - began >= 0.2
    assert first + await ends[0].readexactly(396) == b"".join(lines)
    assert time.monotonic() - began < 15, "delays run side by side; one after another they take 20 s"


async def test_byte_rate_holds(bad_link: Link) -> None:
    bad_link.weather = Weather(bytes_per_s=10_000)
    ends = await connect(bad_link)
    began = time.monotonic()
    assert len(await ask(ends, b"x" * 5_000)) == 5_000
    assert time.monotonic() - began >= 0.5


async def test_cut_link_says_nothing_and_delivers_after_healing(bad_link: Link) -> None:
    ends = await connect(bad_link)
    assert await ask(ends, b"before") == b"before"
    bad_link.cut()
    with pytest.raises(TimeoutError):
        await ask(ends, b"during", within_s=0.2)
    late = await connect(bad_link)  # accepted, and hears nothing
    with pytest.raises(TimeoutError):
        await ask(late, b"later", within_s=0.2)
    bad_link.heal()
    assert await ends[0].readexactly(6) == b"during"
    assert await late[0].readexactly(5) == b"later"


async def test_one_way_cut_holds_back_only_that_way() -> None:
    heard = asyncio.Event()

    async def answer_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            writer.write(await reader.readexactly(5))
            heard.set()

    server = await asyncio.start_server(answer_twice, HOST, 0)
    async with link(f"{HOST}:{server.sockets[0].getsockname()[1]}") as one_way:
        ends = await connect(one_way)
        one_way.cut("answers")
        with pytest.raises(TimeoutError):
            await ask(ends, b"first", within_s=0.2)
        await eventually(heard.is_set, what="the request came through")
        one_way.heal()
        assert await ends[0].readexactly(5) == b"first"
        heard.clear()
        one_way.cut("requests")
        with pytest.raises(TimeoutError):
            await ask(ends, b"other", within_s=0.2)
        assert not heard.is_set()
        one_way.heal()
        assert await ends[0].readexactly(5) == b"other"
    server.close()


async def test_over_a_cut_link_the_server_does_not_hear_that_its_client_is_gone(bad_link: Link) -> None:
    ends = await connect(bad_link)
    await ask(ends, b"hello")
    bad_link.cut()
    ends[1].transport.abort()
    await asyncio.sleep(0.1)
    assert bad_link.connections == 1
    bad_link.heal()
    await eventually(lambda: bad_link.connections == 0, what="the end arrives")


async def test_reset_is_felt_at_once_and_new_connections_work(bad_link: Link) -> None:
    ends = await connect(bad_link)
    await ask(ends, b"hello")
    await bad_link.reset()
    with pytest.raises(OSError):  # noqa: PT011 — which one depends on what the kernel had in hand
        await ask(ends, b"gone?") or await ends[0].readexactly(1)
    assert await ask(await connect(bad_link), b"again") == b"again"


async def test_closed_link_refuses_and_opens_again_at_its_port(bad_link: Link) -> None:
    await bad_link.close()
    with pytest.raises(ConnectionRefusedError):
        await connect(bad_link)
    await bad_link.open()
    assert await ask(await connect(bad_link), b"back") == b"back"


async def test_server_that_is_away_resets_the_client_and_its_return_is_found() -> None:
    async with link(f"{HOST}:1") as away:
        ends = await connect(away)
        with contextlib.suppress(ConnectionResetError):
            assert await ends[0].read(1) == b""
        assert away.connections == 0
