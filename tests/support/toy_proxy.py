"""A TCP door that can be opened and closed: a server behind it is there or away, without touching the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.ports import HOST, choose


class Gate:
    """Forwards `address` to the server while it is open; closing it resets what is connected."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self.port = choose(["gate"], previous={}, demanded={})["gate"]
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._forward, HOST, self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        self._server = None

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(*self._target)
        for source, sink in ((reader, forth), (back, writer)):
            pipe = asyncio.create_task(_pump(source, sink))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except (OSError, asyncio.CancelledError):
        pass
    finally:
        with contextlib.suppress(OSError):
            sink.transport.abort()


@asynccontextmanager
async def gate(address: str) -> AsyncIterator[Gate]:
    """A closed gate in front of `host:port`."""
    host, _, port = address.partition(":")
    found = Gate(host, int(port))
    try:
        yield found
    finally:
        await found.close()
