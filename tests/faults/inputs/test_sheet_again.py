"""Files that come again, break off, or lose their worker: one import, one result per row, each person once."""

from __future__ import annotations

import asyncio
import csv
import io
import random

import httpx
import pytest
import sqlalchemy as sa

from services.registration.imports.results import escaped
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd
from tests.faults.inputs.sheets import XLSX, people, workbook
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.served import served
from tests.integration.registration.files import seen, table, upload, worked, worker, working
from tests.integration.registration.world import Headers, World
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.unit.deploy.serving import served as listening

pytestmark = pytest.mark.timeout(900)
ROWS = 40


@pytest.mark.cell("input.sheet.again", fault="inputs", service="registration")
async def test_the_same_file_is_one_import_and_a_cut_one_goes_on_where_it_stood(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    """Uploaded three times at once, its worker cut down in the middle, uploaded again when it is done."""
    dice, each, wrong, cut = random.Random(seed), scale(test=2, long=100), list[Violation](), 0
    async with served("registration", stack) as h:
        world = await World.opened(h)
        for _ in range(each):
            rows = [one if dice.random() < 0.8 else {**one, "nik": "1"} for one in people(ROWS)]
            before, content = await _people_of(h), table(*rows)
            answers = await asyncio.gather(*(upload(world, content) for _ in range(3)))
            import_id = answers[0].json()["import_id"]
            cut += await _cut_down(world, import_id, chunk=dice.randrange(1, 6), after=dice.randrange(3, ROWS // 2))
            while await worker(world, chunk=dice.randrange(1, 9)).work(asyncio.Event()):
                pass
            answers.append(await upload(world, content))
            done = await seen(world, import_id, world.agent())
            codes = ["nik_format" if one["nik"] == "1" else None for one in rows]
            summary, good = done.summary, codes.count(None)
            if (done.codes, summary["status"], summary["accepted"], summary["refused"]) != (
                codes,
                "DONE",
                good,
                ROWS - good,
            ):
                wrong.append(odd("results", import_id, f"{good} of {ROWS} accepted, in order", summary["status"]))
            if len({one.json()["import_id"] for one in answers}) != 1 or await _people_of(h) - before != good:
                wrong.append(odd("participants", import_id, good, await _people_of(h) - before))
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


async def _people_of(h: Harness) -> int:
    async with h.app.read() as conn:
        return int((await conn.execute(sa.text("SELECT count(*) FROM participants"))).scalar_one())


@pytest.mark.cell("input.sheet.again", fault="inputs", service="registration")
async def test_an_upload_that_breaks_off_is_no_import_and_can_be_sent_again(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    dice, each = random.Random(seed), scale(test=4, long=100)
    async with served("registration", stack) as h:
        world, wrong = await World.opened(h), list[Violation]()
        async with listening(h.asgi) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
            for _ in range(each):
                content, headers = table(*people(20)), {**world.agent(), "Content-Type": "text/csv"}
                before = await picture(h)
                await _break_off(url, headers, content, dice.randrange(len(content)))
                wrong += changes(before, await picture(h))
                answer = await client.post("/imports", content=content, headers=headers)
                if answer.status_code != 202:
                    wrong.append(odd("again", "", 202, answer.status_code))
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
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    """Kept as it was typed; in an export no cell begins like a formula."""
    dice, each, wrong = random.Random(seed), scale(test=4, long=100), list[Violation]()
    async with served("registration", stack) as h:
        world = await World.opened(h)
        for turn in range(each):
            what = dice.choice(["1+1", "cmd|' /C calc'!A0", "SUM(A1:A9)", "nama"])
            texts = [f"{sign}{what} {dice.randrange(10**6)}" for sign in "=+-@\u2212"]
            rows = [one | {"name": text, "address": text} for one, text in zip(people(5), texts, strict=True)]
            content, media = (workbook(rows), XLSX) if turn % 2 else (table(*rows), "text/csv")
            done = await worked(world, content, media_type=media)
            stored = [await world.seen(one["participant_id"]) for one in done.rows if one["participant_id"]]
            if [(one["name"], one["address"]) for one in stored] != [(text, text) for text in texts]:
                wrong.append(odd(media, turn, "five, as typed", f"{done.codes}"))
            path = f"/imports/{done.summary['import_id']}/results"
            told = await h.client.get(path, headers={**world.agent(), "Accept": "text/csv"})
            cells = [cell for line in csv.reader(io.StringIO(told.text)) for cell in line]
            live = [text for text in [*cells, *map(escaped, texts)] if text.startswith(("=", "+", "-", "@"))]
            wrong += [odd("export", turn, "no formula", f"{len(live)} cells")] if live else []
    evidence.fired(5 * each, of=5 * each, unit="row")
    evidence.holds("inputs.answers", checked=5 * each, violations=wrong)
