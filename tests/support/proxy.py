"""A link that can be made bad: a TCP address in front of a server, whose weather a test changes while connections are open.

A cut loses nothing and tells nobody, as a pulled cable under TCP: what was sent meanwhile arrives after healing, unless an end gave up. A reset
tells both ends at once. The port stays the same all the time, whether the server behind it is there or not.

async with link("127.0.0.1:5432") as postgres:
    postgres.weather = Weather(latency_s=0.5, jitter_s=4.5)
    postgres.cut(), postgres.cut("answers"), postgres.heal(), postgres.reset()
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from deploy.local.ports import HOST, choose

Direction = Literal["requests", "answers"]
"""requests: from the client to the server; answers: back."""
CHUNK = 65_536
WAITING_CHUNKS = 64
"""Per direction of a connection; more stays with the sender, as with a full window."""
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST


@dataclass(frozen=True)
class Weather:
    """What every chunk meets, either way: a delay of `latency_s` ± `jitter_s` (never out of order), and a byte rate (0: no limit)."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: int = 0


class Watch(Protocol):
    """Sees what a client sends before it goes on, and may end the connection."""

    def requests(self, data: bytes) -> Verdict:
        """What becomes of these bytes."""


@dataclass(frozen=True)
class Verdict:
    """`forward` goes on to the server; then, unless `end` is None, the client's side is reset and the server's side closed
    in order ("heard": it still works on what it got) or reset too ("lost")."""

    forward: bytes
    end: Literal["heard", "lost"] | None = None


class Link:
    """See the module. `connections`: how many are open; `accepted`: how many ever were; `resets`: how many a watch ended."""

    def __init__(self, target: str, *, port: int = 0, seed: int = 7, watch: Callable[[], Watch] | None = None) -> None:
        host, _, number = target.partition(":")
        self._target = host, int(number)
        self.port = port or choose(["link"], previous={}, demanded={})["link"]
        self.weather = Weather()
        self.watch = watch
        self.accepted = self.resets = 0
        self._chance = random.Random(seed)
        self._open: set[_Connection] = set()
        self._passable: dict[Direction, asyncio.Event] = {"requests": asyncio.Event(), "answers": asyncio.Event()}
        self._server: asyncio.Server | None = None
        self.heal()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._open)

    async def open(self) -> None:
        """Accepts connections from now on."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def close(self) -> None:
        """Refuses new connections and resets the open ones, until it is opened again."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.reset()

    def cut(self, *directions: Direction) -> None:
        """From now on nothing passes, or nothing in this direction; new connections are accepted and hear nothing."""
        for direction in directions or ("requests", "answers"):
            self._passable[direction].clear()

    def heal(self) -> None:
        """What waits goes on."""
        for passable in self._passable.values():
            passable.set()

    async def reset(self) -> None:
        """Both ends of every open connection are told that it is gone."""
        await asyncio.gather(*(connection.end("lost") for connection in list(self._open)))

    async def pass_through(self, direction: Direction, size: int) -> None:
        """Returns when a chunk of this size may go on."""
        await self._passable[direction].wait()
        if rate := self.weather.bytes_per_s:
            await asyncio.sleep(size / rate)

    def delay(self) -> float:
        """Seconds that the next chunk is under way."""
        weather = self.weather
        return max(0.0, weather.latency_s + self._chance.uniform(-weather.jitter_s, weather.jitter_s))

    def chunk(self) -> int:
        """How much is taken at once: on a slow link a tenth of a second's worth."""
        rate = self.weather.bytes_per_s
        return min(CHUNK, max(1, rate // 10)) if rate else CHUNK

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = _Connection(self, reader, writer, self.watch() if self.watch else None)
        self._open.add(connection)
        try:
            await connection.run(self._target)
        finally:
            self._open.discard(connection)


class _Connection:
    """One client's connection and ours to the server for it."""

    def __init__(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, watch: Watch | None
    ) -> None:
        self._link, self._watch = link, watch
        self._reader, self._client = reader, writer
        self._server: asyncio.StreamWriter | None = None
        self._task = asyncio.current_task()

    async def run(self, target: tuple[str, int]) -> None:
        """Until both ends have closed, one of them is gone, or the link ends it."""
        try:
            answers, self._server = await asyncio.open_connection(*target)
            async with asyncio.TaskGroup() as group:
                self._carry(group, "requests", self._reader, self._server)
                self._carry(group, "answers", answers, self._client)
        except* OSError:
            self._drop(self._client)
        except* asyncio.CancelledError:
            pass
        finally:
            for side in (self._client, self._server):
                if side is not None:
                    side.close()

    async def end(self, how: Literal["heard", "lost"]) -> None:
        """Resets the client; the server's side is closed in order when it shall still work on what it heard."""
        self._drop(self._client)
        if how == "lost":
            self._drop(self._server)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1)

    def _carry(
        self,
        group: asyncio.TaskGroup,
        direction: Direction,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
    ) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_CHUNKS)
        group.create_task(self._depart(source, under_way))
        group.create_task(self._arrive(direction, under_way, sink))

    async def _depart(self, source: asyncio.StreamReader, under_way: asyncio.Queue[tuple[float, bytes]]) -> None:
        """Reads what an end sends; its last word is the empty one, which travels like any other: over a cut link nobody hears it."""
        loop = asyncio.get_running_loop()
        data = b"?"
        while data:
            try:
                data = await source.read(self._link.chunk())
            except OSError:  # it died instead of closing
                data = b""
            await under_way.put((loop.time() + self._link.delay(), data))

    async def _arrive(
        self, direction: Direction, under_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(due - loop.time())
            await self._link.pass_through(direction, len(data))
            if not data:
                with contextlib.suppress(OSError):  # reset meanwhile
                    sink.write_eof()
                return
            verdict = self._watch.requests(data) if self._watch and direction == "requests" else Verdict(data)
            sink.write(verdict.forward)
            await sink.drain()
            if verdict.end is not None:
                self._link.resets += 1
                await self.end(verdict.end)
                raise ConnectionResetError

    def _drop(self, side: asyncio.StreamWriter | None) -> None:
        if side is None or side.transport.is_closing():
            return
        sock = side.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        side.transport.abort()


@asynccontextmanager
async def link(
    target: str, *, port: int = 0, seed: int = 7, watch: Callable[[], Watch] | None = None
) -> AsyncIterator[Link]:
    """An open link in front of `host:port`, closed at the end."""
    made = Link(target, port=port, seed=seed, watch=watch)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
