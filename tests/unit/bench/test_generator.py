"""The generator against a small server: what it counts, when it is late, and that it never waits for an earlier answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.bench.generator import Answer, Broke, Load, OpenLoop, closed_loop, poisson
from tests.bench.wire import Reader, post

ANSWER = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok"
Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answering: Answering) -> AsyncIterator[str]:
    """Reads requests of a body of 2 bytes; answers as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2)
            except asyncio.IncompleteReadError:
                break
            await answering(writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def at_once(writer: asyncio.StreamWriter) -> None:
    writer.write(ANSWER)


async def never(writer: asyncio.StreamWriter) -> None:
    """The server is stuck."""


class TestClosedLoop:
    async def test_every_answer_is_counted_once_and_only_the_window_is_measured(self) -> None:
        async with server(at_once) as url:
            requests = [post(url, "/", b"{}", {})] * 50_000
            load = await closed_loop([url], requests, connections=4, warmup_s=0.1, measured_s=0.2)
        numbers = [a.number for a in load.answers]
        assert sorted(numbers) == list(range(len(numbers)))
        assert 0 < len(load.measured) < len(load.answers)
        assert all(a.status == 201 and a.body == b"ok" for a in load.answers)
        assert load.per_s == pytest.approx(len(load.measured) / 0.2)

    async def test_running_out_of_requests_is_no_figure(self) -> None:
        async with server(at_once) as url:
            with pytest.raises(Broke, match="requests ran out"):
                await closed_loop([url], [post(url, "/", b"{}", {})] * 10, connections=2, warmup_s=0, measured_s=5)


class TestOpenLoop:
    async def test_slow_answers_hold_no_request_back_and_latency_counts_from_the_schedule(self) -> None:
        answered: list[Answer] = []
        late: list[float] = []
        released = asyncio.Event()

        async def stuck_first(writer: asyncio.StreamWriter) -> None:
            await released.wait()
            writer.write(ANSWER)

        async with server(stuck_first) as url, OpenLoop([url], connections=1) as loop:
            start = time.perf_counter()
            schedule = [0.0, 0.01, 0.02, 0.03]
            await loop.run(
                schedule, lambda n: post(url, "/", b"{}", {}), start=start, answered=answered.append, late=late.append
            )
            assert len(late) == 4, "all were sent while none was answered"
            released.set()
            async with asyncio.timeout(60):
                while len(answered) < 4:
                    await asyncio.sleep(0.01)
        assert [a.began for a in sorted(answered, key=lambda a: a.number)] == [start + after for after in schedule]

    async def test_arrival_that_was_missed_is_sent_late_and_told_so(self) -> None:
        late: list[float] = []
        async with server(at_once) as url, OpenLoop([url]) as loop:
            start = time.perf_counter() - 0.1  # the first arrival is a tenth of a second ago
            await loop.run(
                [0.0], lambda n: post(url, "/", b"{}", {}), start=start, answered=lambda a: None, late=late.append
            )
        assert late[0] >= 100

    async def test_connection_that_the_server_closed_is_left_for_a_new_one(self) -> None:
        answered: list[Answer] = []

        async def last(writer: asyncio.StreamWriter) -> None:
            writer.write(ANSWER)
            writer.close()

        async with server(last) as url, OpenLoop([url], connections=1) as loop, asyncio.timeout(60):
            for number in range(3):
                loop.send(number, post(url, "/", b"{}", {}), time.perf_counter(), answered.append)
                while len(answered) <= number or any(line.lost is None for line in loop._free):
                    await asyncio.sleep(0.005)
        assert [a.number for a in answered] == [0, 1, 2]

    def test_poisson_arrivals_are_the_same_for_the_same_seed_and_have_the_rate(self) -> None:
        times = poisson(200, 50, seed=7)
        assert times == poisson(200, 50, seed=7) != poisson(200, 50, seed=8)
        assert times == sorted(times)
        assert times[0] > 0 and times[-1] < 50
        assert len(times) == pytest.approx(10_000, rel=0.05)

    def test_open_loop_counts_arrivals_of_the_window_whenever_they_were_answered(self) -> None:
        answers = [Answer(n, 201, b"", began=float(n), ended=100.0) for n in range(4)]
        load = Load(answers, (1.0, 3.0), lateness_ms=[0.1], offered_per_s=1.0)
        assert [a.number for a in load.measured] == [1, 2]
        assert load.latency().samples_ms == [99_000.0, 98_000.0]


class TestReader:
    def test_answer_comes_whole_however_it_was_cut(self) -> None:
        for cut in range(1, len(ANSWER)):
            reader = Reader()
            assert reader.feed(ANSWER[:cut]) is None
            assert reader.feed(ANSWER[cut:]) == (201, b"ok")

    def test_answer_without_a_length_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="without a length"):
            Reader().feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
