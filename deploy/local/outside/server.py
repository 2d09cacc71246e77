"""One party, one process: bind, announce the address, serve, and on SIGTERM or Ctrl-C finish what is in hand."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import uvicorn
from fastapi import FastAPI

from deploy.local.outside.body_limit import BodyLimit
from deploy.local.outside.environment import Environment, SettingError
from deploy.local.outside.stop import Stop

# Together below the ten seconds after which supervisors usually kill.
REQUESTS_STOP_S = 5
WORK_STOP_S = 3


@dataclass(frozen=True)
class Party:
    """A composed application and the event it stops by."""

    app: FastAPI
    stop: Stop


def run_party(name: str, compose: Callable[[Environment], Party]) -> NoReturn:
    """Runs until told to stop, then exits 0; a setting that cannot work exits 1 after one sentence on stderr.

    `HOST` (127.0.0.1) and `PORT` (0: any free one, printed) are read here, the rest by `compose`.
    """
    logging.basicConfig(level=logging.INFO, format=f"{name}: %(levelname)s %(message)s", stream=sys.stderr)
    for chatty in ("httpx", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    environment = Environment(os.environ)
    try:
        listener = _bind(environment)
        party = compose(environment)
    except SettingError as error:
        sys.exit(f"{name}: {error}")
    for wanted in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has stopped; a stop that was asked for is a success.
        signal.signal(wanted, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        BodyLimit(party.app),
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,  # callers give up idle connections first
        timeout_graceful_shutdown=REQUESTS_STOP_S,
        server_header=False,
    )
    _Server(config, name, party.stop).run(sockets=[listener])
    sys.exit(0 if party.stop.wanted else f"{name}: could not start; the lines above say why")


def _bind(environment: Environment) -> socket.socket:
    host = environment.text("HOST", "127.0.0.1")
    port = environment.integer("PORT", 0, low=0, high=65_535)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        raise SettingError(f"cannot listen on HOST {host} PORT {port}: {error.strerror}; set another PORT") from error
    return listener


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, name: str, stop: Stop) -> None:
        super().__init__(config)
        self._name, self._stop = name, stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets and not self.should_exit:
            host, port = sockets[0].getsockname()[:2]
            print(f"{self._name}: listening on http://{host}:{port}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop.set()  # before uvicorn waits for the requests in hand: some of them are asleep
        await super().shutdown(sockets)
