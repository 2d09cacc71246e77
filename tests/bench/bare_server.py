"""`python -m tests.bench.bare_server PORT`: the chassis' own application and server with one route that reads the body and answers 200.

It is what a signed payment costs without the payment: same middleware, same framework, same loop, no work.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvloop
from fastapi import APIRouter, FastAPI, Request, Response

from chassis.clock import SystemClock
from chassis.http import direct
from chassis.http.app import create_app
from chassis.http.auth import Verifier
from chassis.http.keys import RemoteKeys
from chassis.http.server import server
from chassis.telemetry import configure_logs
from deploy.local import ports
from deploy.local.places import PROJECT

PATH = "/bare"
STARTS_WITHIN_S = 30.0


def application() -> FastAPI:
    router = APIRouter()

    @router.post(PATH)
    @direct
    async def bare(request: Request) -> Response:
        await request.body()
        return Response(b'{"responseCode":"2002500"}', 200, media_type="application/json")

    keys = RemoteKeys(f"http://{ports.HOST}:1/jwks")
    verifier = Verifier(keys, issuer="nobody", audience="nobody", clock=SystemClock())
    return create_app("bare", routers=[router], verifier=verifier, checks={})


def main() -> None:
    configure_logs("bare", "json", "warning")
    uvloop.run(server(application(), host=ports.HOST, port=int(sys.argv[1])).serve())


@asynccontextmanager
async def bare_server(taken: set[int]) -> AsyncIterator[str]:
    """The address of such a server in a process of its own."""
    port = next(p for p in random.sample(ports.CHOICE, len(ports.CHOICE)) if p not in taken and ports.is_free(p))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.bare_server", str(port), cwd=PROJECT
    )
    url = f"http://{ports.HOST}:{port}"
    try:
        await _until_it_answers(url)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _until_it_answers(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(STARTS_WITHIN_S):
        while True:
            try:
                (await client.get(f"{url}/health/live")).raise_for_status()
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
