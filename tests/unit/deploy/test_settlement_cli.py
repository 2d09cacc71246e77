"""`perisai settlement …` as it is typed: what it asks of payments, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from typer.testing import CliRunner

from deploy.settlement import commands
from tests.unit.deploy.serving import served


class Doors:
    """Payments as the command sees it: one file, reconciled at the second look."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.looks = 0
        self.stopped = False

    def file(self) -> dict[str, Any]:
        self.looks += 1
        done = self.looks > 1
        outcomes = [{"outcome": "matched", "lines": 2, "amount": 73_600, "fees": 2_000}] if done else []
        status = "STOPPED" if self.stopped else "RECONCILED" if done else "WORKING"
        told = {"id": "…", "en": "Tell an operator."}
        hindrance = {"file_id": "F-1", "reason": "failed", "since": "2025-10-06T09:00:00Z", "attempts": 2,
                     "again_at": "2025-10-06T09:05:00Z", "what_to_do": told} if self.stopped else None  # fmt: skip
        return {"file_id": "F-1", "partner": "bank-a", "day": "2025-10-06", "status": status, "lines": 2,
                "lines_done": 2 * done, "outcomes": outcomes, "hindrance": hindrance}  # fmt: skip

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.api_route("/{path:path}", methods=["GET", "POST"])
        async def door(request: Request, path: str) -> Any:
            assert request.headers["Authorization"] == "Bearer T"
            assert request.method == "GET" or request.headers["Idempotency-Key"]
            body = await request.body()
            self.asked.append((request.method, path, body))
            if body == b"cut off":
                problem = {"code": "settlement_file_truncated", "messages": {"en": "The file ends on line 1."}}
                return JSONResponse(problem, 422, media_type="application/problem+json")
            if path == "settlements/cases":
                case = {"case_id": "C-1", "kind": "unreadable", "partner": "bank-a", "day": "2025-10-06", "reference": None,
                        "amount_here": None, "amount_there": 5_000, "owner": "central", "age_days": 3}  # fmt: skip
                return {"items": [case]}
            if path.endswith("/lines"):
                return PlainTextResponse("line,outcome\r\n2,matched\r\n")
            return {"file_id": "F-1"} if request.method == "POST" else self.file()

        return app


async def test_a_day_from_the_layout_to_the_cases(tmp_path: Path) -> None:
    layout, file, doors = tmp_path / "layout.json", tmp_path / "day.csv", Doors()
    layout.write_text('{"partner_code": "81001"}')
    file.write_bytes(b"H,81001,2025-10-06\n")
    async with served(doors.app()) as address:
        app = commands(lambda: address, lambda: "T")

        async def typed(*words: str, code: int = 0) -> str:
            result = await asyncio.to_thread(CliRunner().invoke, app, words)
            assert result.exit_code == code, result.output
            return result.output

        await typed("layout", "bank-a", str(layout), "--valid-from", "2025-01-01")
        wanted = {"partner": "bank-a", "valid_from": "2025-01-01", "layout": {"partner_code": "81001"}}
        assert doors.asked[-1][:2] == ("POST", "settlements/layouts")
        assert json.loads(doors.asked[-1][2]) == wanted
        shown = await typed("upload", "bank-a", "2025-10-06", str(file))
        assert "matched" in shown
        assert "73,600" in shown
        assert ("POST", "settlements/days/bank-a/2025-10-06/files", file.read_bytes()) in doors.asked
        assert json.loads(await typed("show", "F-1", "--json"))["status"] == "RECONCILED"
        assert (await typed("results", "F-1")).splitlines() == ["line,outcome", "2,matched"]
        assert json.loads(await typed("cases", "--json"))[0]["case_id"] == "C-1"
        assert "C-1" in await typed("cases")
        doors.stopped = True
        shown = await typed("upload", "bank-a", "2025-10-06", str(file), code=1)
        assert "STOPPED" in shown
        assert "F-1: failed since 2025-10-06 16:00 WIB, tried 2 times. Tell an operator." in shown
        file.write_bytes(b"cut off")
        assert "settlement_file_truncated" in await typed("upload", "bank-a", "2025-10-06", str(file), code=1)
