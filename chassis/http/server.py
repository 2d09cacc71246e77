"""The HTTP server under the application: uvicorn with httptools, an answer's head and body in one write.

Written apart they are two system calls and two packets, which is a fifth of what a bare request costs here, and wakes the caller twice.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 "
KEEP_ALIVE_S = 75
"""An idle connection is given up by the caller, or the balancer in between (a minute, as most are set), never by us first: a request that
crosses our closing on its way would end without an answer."""


class WholeAnswers:
    """A transport that keeps a head back until its body is written, at most until the turn of the loop ends; the rest is the transport's."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head and not self._transport.is_closing():
            self.write(b"")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, WholeAnswers(transport, self.loop)))


def server(app: ASGIApp, *, host: str, port: int, drain_s: int | None = None) -> uvicorn.Server:
    """Ready to serve. `drain_s`: how long requests in hand may take once it is told to stop; None: as long as they like."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_Protocol,
        access_log=False,  # the trail tells more
        proxy_headers=False,  # nobody here asks where a request came from
        log_config=None,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=drain_s,
    )
    return uvicorn.Server(config)
