"""Uploads of invented people, and a worker that works them off."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx

from chassis.privacy.boxes import FileBoxes
from services.registration.commands.registering import Registering
from services.registration.imports.files import BOXES
from services.registration.imports.worker import ImportWorker, Limits
from tests.integration.registration.world import Headers, World, nik_of

ROW: dict[str, str] = {
    "name": "Siti Rahayu",
    "birth_place": "Tangerang",
    "birth_date": "1990-03-04",
    "sex": "M",
    "phone": "081234567890",
    "address": "Jalan Contoh 1, Cimone",
    "occupation": "pedagang",
    "sector": "OTHER",
    "work_place": "Kota Tangerang",
    "income": "1000000",
    "programmes": "JKK JKM JHT",
    "consent": "ya",
    "consent_text_version": "2025-01",
}


def row(**changes: str) -> dict[str, str]:
    return {"nik": nik_of(), **ROW, **changes}


def table(*rows: dict[str, str]) -> bytes:
    sheet = io.StringIO()
    columns = list(dict.fromkeys(name for one in rows for name in one))
    writer = csv.DictWriter(sheet, columns)
    writer.writeheader()
    writer.writerows(rows)
    return sheet.getvalue().encode()


async def upload(
    world: World, content: bytes, headers: Headers | None = None, media_type: str = "text/csv"
) -> httpx.Response:
    sent = {**(headers or world.agent()), "Content-Type": media_type}
    return await world.h.client.post("/imports", content=content, headers=sent)


def worker(world: World, *, chunk: int = 500, lease_s: float = 10) -> ImportWorker:
    app = world.h.app
    return ImportWorker(
        app.engine,
        app.batches,
        clock=app.clock,
        vault=app.vault,
        registering=Registering(app.vault, app.numbers),
        boxes=FileBoxes(app.settings.master_key, BOXES),
        limits=Limits(chunk, timedelta(seconds=lease_s)),
    )


async def worked(world: World, content: bytes, headers: Headers | None = None, **how: Any) -> Worked:
    """Uploaded and worked off."""
    headers = headers or world.agent()
    answer = await upload(world, content, headers, **how)
    assert answer.status_code == 202, answer.text
    await worker(world).work(asyncio.Event())
    return await seen(world, answer.json()["import_id"], headers)


class Worked:
    def __init__(self, summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
        self.summary, self.rows = summary, rows

    @property
    def codes(self) -> list[str | None]:
        return [one["code"] for one in self.rows]

    @property
    def outcomes(self) -> list[str]:
        return [one["outcome"] for one in self.rows]


async def seen(world: World, import_id: str, headers: Headers) -> Worked:
    summary = await world.h.client.get(f"/imports/{import_id}", headers=headers)
    assert summary.status_code == 200, summary.text
    results = await world.h.client.get(f"/imports/{import_id}/results", headers=headers)
    return Worked(summary.json(), results.json()["items"])


@asynccontextmanager
async def working(one: ImportWorker) -> AsyncIterator[asyncio.Task[bool]]:
    """A worker at work on one import; cut down, as by a kill, at the end."""
    task = asyncio.create_task(one.work(asyncio.Event()))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
