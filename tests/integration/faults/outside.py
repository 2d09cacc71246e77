"""The books of bank and acquirer and the gateway's store as the checker asks for them over HTTP, small enough to be falsified in one line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tests.support.eventually import eventually

PREFIX = "8100"


@dataclass
class Outside:
    """`payments`, `codes` and `messages` are what the checker is shown; who sends here is our own sender."""

    url: str = ""
    payments: list[dict[str, Any]] = field(default_factory=list)
    codes: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def held(self, customer_no: str, reference: str, amount: int, state: str) -> None:
        """The bank's own entry of one payment."""
        entry = {"payment_request_id": reference, "customer_no": customer_no, "virtual_account": PREFIX + customer_no}
        self.payments.append(entry | {"amount": amount, "state": state, "told": True})

    def take_back(self, reference: str) -> None:
        """The bank finds that it never had this money."""
        (entry,) = [one for one in self.payments if one["payment_request_id"] == reference]
        entry["state"] = "taken_back"

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/payments")
        async def payments(limit: int, offset: int) -> dict[str, Any]:
            return {"payments": self.payments[offset : offset + limit]}

        @app.get("/codes")
        async def codes(limit: int, offset: int) -> dict[str, Any]:
            return {"codes": self.codes[offset : offset + limit]}

        @app.get("/messages")
        async def messages(limit: int, offset: int) -> dict[str, Any]:
            return {"messages": self.messages[offset : offset + limit]}

        @app.get("/metrics")
        async def metrics() -> dict[str, Any]:
            return {"messages": len(self.messages)}

        @app.post("/messages")
        async def take(request: Request) -> JSONResponse:
            key, now = request.headers["idempotency-key"], datetime.now(UTC).isoformat()
            known = next((message for message in self.messages if message["idempotency_key"] == key), None)
            if known is None:
                known = {"message_id": f"m-{len(self.messages) + 1}", "idempotency_key": key, "repeats": -1}
                self.messages.append(known | {"accepted_at": now})
                known = self.messages[-1]
            known["repeats"] += 1
            return JSONResponse({"message_id": known["message_id"], "status": "accepted"}, 202)

        return app


@asynccontextmanager
async def outside() -> AsyncIterator[Outside]:
    """Listens on a free port."""
    party = Outside()
    config = uvicorn.Config(party.app(), port=0, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    try:
        await eventually(lambda: server.started or serving.done(), what="bank and gateway listen")
        port = server.servers[0].sockets[0].getsockname()[1]
        party.url = f"http://127.0.0.1:{port}"
        yield party
    finally:
        server.should_exit = True
        await serving
