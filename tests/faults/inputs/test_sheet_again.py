"""Files that come again, break off, or lose their worker: one import, one result per row, each person once."""

from __future__ import annotations

import asyncio
import csv
import io
import random

import httpx
import pytest

from services.registration.imports.results import escaped
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import unlike
from tests.faults.inputs.sheets import XLSX, people, workbook
from tests.faults.trial import Trial, people_of, unchanged
from tests.integration.registration.files import seen, table, upload, worked, worker, working
from tests.integration.registration.world import Headers, World
from tests.unit.deploy.serving import served as listening

pytestmark = pytest.mark.timeout(900)
ROWS = 40


@pytest.mark.cell("input.sheet.again", fault="inputs", service="registration")
async def test_the_same_file_is_one_import_and_a_cut_one_goes_on_where_it_stood(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """Uploaded three times at once, its worker cut down in the middle, uploaded again when it is done."""
    each, wrong, cut = scale(test=2, long=100), list[Violation](), 0
    for _ in range(each):
        rows = [one if dice.random() < 0.8 else {**one, "nik": "1"} for one in people(ROWS)]
        before, content = await people_of(world.h), table(*rows)
        answers = await asyncio.gather(*(upload(world, content) for _ in range(3)))
        import_id = answers[0].json()["import_id"]
        cut += await _cut_down(world, import_id, chunk=dice.randrange(1, 6), after=dice.randrange(3, ROWS // 2))
        while await worker(world, chunk=dice.randrange(1, 9)).work(asyncio.Event()):
            pass
        answers.append(await upload(world, content))
        done = await seen(world, import_id, world.agent())
        codes = ["nik_format" if one["nik"] == "1" else None for one in rows]
        summary, good = done.summary, codes.count(None)
        wrong += unlike(
            ("results, in order", codes, done.codes),
            ("summary", ("DONE", good, ROWS - good), tuple(summary[n] for n in ("status", "accepted", "refused"))),
            ("imports", {import_id}, {one.json()["import_id"] for one in answers}),
            ("participants", good, await people_of(world.h) - before),
        )
    evidence.fired(cut, of=each, unit="kill")
    evidence.holds("inputs.answers", checked=ROWS * each, violations=wrong)


async def _cut_down(world: World, import_id: str, *, chunk: int, after: int) -> int:
    """A worker that is killed once so many lines are done; 1 if it was in the middle. Then its lease runs out."""
    async with working(worker(world, chunk=chunk)) as task:
        while (await seen(world, import_id, world.agent())).summary["line"] < after:
            assert not task.done()
    stopped = (await seen(world, import_id, world.agent())).summary["status"]
    world.h.pass_time(seconds=11)
    return int(stopped == "RUNNING")


@pytest.mark.cell("input.sheet.again", fault="inputs", service="registration")
async def test_an_upload_that_breaks_off_is_no_import_and_can_be_sent_again(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    each, wrong = scale(test=4, long=100), list[Violation]()
    async with listening(world.h.asgi) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        for _ in range(each):
            content, headers = table(*people(20)), {**world.agent(), "Content-Type": "text/csv"}
            async with unchanged(world.h, wrong):
                await _break_off(url, headers, content, dice.randrange(len(content)))
            answer = await client.post("/imports", content=content, headers=headers)
            wrong += unlike(("again", 202, answer.status_code))
    evidence.fired(each, of=each, unit="request")
    evidence.holds("inputs.unchanged", checked=each, violations=wrong)


async def _break_off(url: str, headers: Headers, content: bytes, at: int) -> None:
    """Announces the whole file, sends a part of it and no more; over once the server has hung up."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = ["POST /imports HTTP/1.1", "Host: x", f"Content-Length: {len(content)}"]
    head = "\r\n".join([*lines, *(f"{n}: {v}" for n, v in headers.items())]) + "\r\n\r\n"
    writer.write(head.encode() + content[:at])
    await writer.drain()
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 20)
    writer.close()


@pytest.mark.cell("input.sheet.formula", fault="inputs", service="registration")
async def test_text_that_looks_like_a_formula_stays_text(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """Kept as it was typed; in an export no cell begins like a formula."""
    trial = Trial()
    for turn in range(scale(test=4, long=100)):
        what = dice.choice(["1+1", "cmd|' /C calc'!A0", "SUM(A1:A9)", "nama"])
        texts = [f"{sign}{what} {dice.randrange(10**6)}" for sign in "=+-@\u2212"]
        rows = [one | {"name": text, "address": text} for one, text in zip(people(5), texts, strict=True)]
        content, media = (workbook(rows), XLSX) if turn % 2 else (table(*rows), "text/csv")
        done = await worked(world, content, media_type=media)
        stored = [await world.seen(one["participant_id"]) for one in done.rows if one["participant_id"]]
        as_typed = [(one["name"], one["address"]) for one in stored] == [(text, text) for text in texts]
        path = f"/imports/{done.summary['import_id']}/results"
        told = await world.h.client.get(path, headers={**world.agent(), "Accept": "text/csv"})
        cells = [cell for line in csv.reader(io.StringIO(told.text)) for cell in line]
        live = [text for text in [*cells, *map(escaped, texts)] if text.startswith(("=", "+", "-", "@"))]
        trial.take(unlike((f"{media}, five as typed", True, as_typed), ("formulas", 0, len(live))), tries=5)
    trial.ends(evidence, unit="row")
