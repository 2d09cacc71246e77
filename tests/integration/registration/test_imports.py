"""Imports of CSV and XLSX: one result per row, whatever the rows hold and whatever crashes in between."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from chassis.transaction import Meta
from contracts.events.participants import ParticipantRegistered
from services.registration.commands.registering import Registering
from services.registration.imports import store
from services.registration.imports.chunk import ImportingRows
from services.registration.imports.files import XLSX_TYPE
from services.registration.imports.rows import row_of
from services.registration.imports.store import Lease
from services.registration.imports.table import Line
from services.registration.imports.uploader import Uploader
from tests.integration.registration.files import row, seen, table, upload, worked, worker, working
from tests.integration.registration.world import World, form, nik_of
from tests.support.counters import holds


def xlsx(*rows: dict[str, Any]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(rows[0]))
    for one in rows:
        sheet.append(list(one.values()))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


async def number_of(world: World, table_: str) -> int:
    async with world.h.app.read() as conn:
        return int((await conn.execute(sa.text(f"SELECT count(*) FROM {table_}"))).scalar_one())


class TestEachRow:
    async def test_every_row_gets_its_result_and_the_good_ones_a_code(self, world: World) -> None:
        done = await worked(world, table(row(), row(nik="1"), row(nik="3.2E+15"), row(birth_date="1990-02-30"), row()))
        assert done.summary["status"] == "DONE"
        assert (done.summary["rows"], done.summary["accepted"], done.summary["refused"]) == (5, 2, 3)
        assert done.summary["codes"] == {"date_impossible": 1, "nik_format": 1, "nik_not_text": 1}
        assert done.codes == [None, "nik_format", "nik_not_text", "date_impossible", None]
        assert [one["line"] for one in done.rows] == [2, 3, 4, 5, 6]
        assert [one["column"] for one in done.rows[1:4]] == ["nik", "nik", "birth_date"]
        assert len(done.rows[0]["contribution_code"]) == 13
        assert done.rows[1]["remedy"]["id"]
        assert done.rows[1]["remedy"]["en"]

    async def test_events_say_that_they_came_by_import_and_who_uploaded(self, world: World) -> None:
        done = await worked(world, table(row()))
        (recorded,) = [
            r for r in await world.h.events("participants") if r.envelope.key == done.rows[0]["participant_id"]
        ]
        assert isinstance(recorded.event, ParticipantRegistered)
        assert (recorded.event.entry, recorded.event.consent.channel) == ("IMPORT", "import")
        assert (recorded.envelope.agent_id, recorded.envelope.actor) == (world.agent_id, "agent-1")

    async def test_a_row_twice_and_a_registered_nik(self, world: World) -> None:
        known = form()
        await world.register(known, world.officer())
        twice = row()
        other_data = {**twice, "income": "2000000"}
        done = await worked(world, table(twice, row(nik=known["nik"]), twice, other_data))
        assert done.codes == [None, "nik_registered", "duplicate_of_line", "duplicate_of_line"]
        assert "line 2" in done.rows[2]["remedy"]["en"]

    async def test_a_row_twice_across_chunks(self, world: World) -> None:
        twice = row()
        content = table(twice, *(row() for _ in range(3)), twice)
        answer = await upload(world, content)
        await worker(world, chunk=2).work(asyncio.Event())
        done = await seen(world, answer.json()["import_id"], world.agent())
        assert done.codes == [None, None, None, None, "duplicate_of_line"]

    async def test_a_row_whose_double_was_refused_is_judged_by_itself(self, world: World) -> None:
        good = row()
        done = await worked(world, table({**good, "phone": "12"}, good))
        assert done.codes == ["phone_format", None]

    async def test_the_same_person_in_a_corrected_file_gets_the_first_result(self, world: World) -> None:
        good, bad = row(), row()
        first = await worked(world, table(good, {**bad, "phone": "12"}))
        second = await worked(world, table(good, bad))
        assert second.outcomes == ["accepted", "accepted"]
        assert second.codes == ["registered_before", None]
        assert second.rows[0]["contribution_code"] == first.rows[0]["contribution_code"]

    async def test_warnings_are_told(self, world: World) -> None:
        done = await worked(world, table(row(sex="F")))
        assert done.rows[0]["warnings"] == ["nik_sex_differs"]

    async def test_blank_lines_bom_semicolons_and_crlf(self, world: World) -> None:
        people = [row(), row()]
        lines = [";".join(people[0]), ";".join(people[0].values()), "", ";;;", ";".join(people[1].values())]
        content = b"\xef\xbb\xbf" + "\r\n".join(lines).encode()
        done = await worked(world, content)
        assert [one["line"] for one in done.rows] == [2, 5]
        assert done.outcomes == ["accepted", "accepted"]
        assert done.summary["blank_lines"] == 2

    async def test_results_hold_nothing_of_the_person(self, world: World) -> None:
        person = row(email="bukan-surel")
        answer = await upload(world, table(person, row(name="Nama Rahasia")))
        await worker(world).work(asyncio.Event())
        path = f"/imports/{answer.json()['import_id']}/results"
        for accept in ("application/json", "text/csv"):
            text = (await world.h.client.get(path, headers={**world.agent(), "Accept": accept})).text
            assert person["nik"] not in text
            assert "Rahasia" not in text
            assert "bukan-surel" not in text

    async def test_results_as_csv_can_be_opened_in_a_spreadsheet(self, world: World) -> None:
        done = await upload(world, table(row(), row(nik="1")))
        await worker(world).work(asyncio.Event())
        headers = {**world.agent(), "Accept": "text/csv"}
        answer = await world.h.client.get(f"/imports/{done.json()['import_id']}/results", headers=headers)
        read = list(csv.DictReader(io.StringIO(answer.text)))
        assert [one["line"] for one in read] == ["2", "3"]
        assert read[1]["code"] == "nik_format"
        assert not any(cell.startswith(("=", "+", "-", "@")) for one in read for cell in one.values())


class TestXlsx:
    async def test_rows_are_read_as_a_spreadsheet_types_them(self, world: World) -> None:
        from datetime import date

        good = {**row(), "birth_date": date(1990, 3, 4), "income": 1_000_000}
        number = {**row(), "nik": 3671040403900001}
        done = await worked(world, xlsx(good, number), media_type=XLSX_TYPE)
        assert done.codes == [None, "nik_not_text"]

    async def test_what_is_no_workbook_is_refused_as_a_whole(self, world: World) -> None:
        answer = await upload(world, table(row()), media_type=XLSX_TYPE)
        assert (answer.status_code, answer.json()["code"]) == (422, "file_not_a_table")


class TestRefusedAsAWhole:
    @pytest.mark.parametrize(
        ("content", "code", "field"),
        [
            (b"", "file_empty", None),
            (table(row())[:-1] + b"\xe9\n", "file_encoding", None),
            (table(row()) + b"a\0b", "file_not_a_table", None),
            (table(row()) + b'"unclosed', "file_quote", None),
            (table({k: v for k, v in row().items() if k != "phone"}), "column_missing", "phone"),
            (b"nik,nik\n1,2\n", "column_doubled", "nik"),
            (table(row(surprise="x")), "column_unknown", None),
            (table(row()).split(b"\n", 1)[1], "column_unknown", None),
        ],
    )
    async def test_the_answer_names_line_or_column_and_nothing_is_imported(
        self, world: World, content: bytes, code: str, field: str | None
    ) -> None:
        answer = await upload(world, content)
        assert (answer.status_code, answer.json()["code"], answer.json().get("field")) == (422, code, field)
        assert await number_of(world, "imports") == 0
        assert "{" not in answer.json()["detail"]

    async def test_other_media_and_too_many_bytes(self, world: World) -> None:
        assert (await upload(world, b"x", media_type="application/pdf")).status_code == 415
        assert (await upload(world, b"x" * (32 * 1024 * 1024 + 1))).status_code == 413


class TestWhoUploads:
    async def test_an_officer_names_agents_or_registers_for_the_branch(self, world: World) -> None:
        rows = [row(agent_code=world.agent_code), row(agent_code=""), row(agent_code="PRS99999999")]
        done = await worked(world, table(*rows), world.officer())
        assert done.codes == [None, None, "agent_unknown"]
        assert done.rows[2]["column"] == "agent_code"
        managers = [(await world.seen(one["participant_id"]))["agent_id"] for one in done.rows[:2]]
        assert managers == [str(world.agent_id), None]

    async def test_a_board_names_its_own_agents(self, world: World) -> None:
        rows = [row(agent_code=world.agent_code), row(agent_code="")]
        assert (await worked(world, table(*rows), world.coordinator())).codes == [None, "agent_required"]

    async def test_an_agent_uploads_for_himself_alone(self, world: World) -> None:
        other = await world.registered()
        await world.pay(other)
        agent_id, code = await world.proposed(other)
        await world.activated(agent_id)
        rows = [row(agent_code=world.agent_code), row(agent_code=code)]
        assert (await worked(world, table(*rows))).codes == [None, "agent_unknown"]

    async def test_foreign_and_unknown_imports_are_404(self, world: World) -> None:
        done = await worked(world, table(row()))
        foreign = world.h.token(roles=["officer"], branch_id=new_id())
        for import_id, headers in ((done.summary["import_id"], foreign), (str(new_id()), world.agent())):
            for path in (f"/imports/{import_id}", f"/imports/{import_id}/results"):
                assert (await world.h.client.get(path, headers=headers)).status_code == 404

    async def test_roles_that_register_nobody_cannot_upload(self, world: World) -> None:
        for headers in (world.checker(), world.h.token(roles=["participant"])):
            assert (await upload(world, table(row()), headers)).status_code == 403


class TestTwice:
    async def test_the_same_bytes_by_the_same_uploader_are_one_import(self, world: World) -> None:
        content = table(row())
        first, again = await upload(world, content), await upload(world, content)
        assert (first.status_code, again.status_code) == (202, 200)
        assert first.json() == again.json()
        await worker(world).work(asyncio.Event())
        assert (await upload(world, content)).json() == first.json()
        assert not await worker(world).work(asyncio.Event())
        assert await number_of(world, "participants") == 2

    async def test_uploaded_at_the_same_moment_they_are_one_import(self, world: World) -> None:
        content = table(row())
        answers = await asyncio.gather(*(upload(world, content) for _ in range(4)))
        assert len({one.json()["import_id"] for one in answers}) == 1
        assert await number_of(world, "imports") == 1

    async def test_an_idempotency_key_is_required(self, world: World) -> None:
        headers = {k: v for k, v in world.agent().items() if k != "Idempotency-Key"}
        assert (await upload(world, table(row()), headers)).json()["code"] == "idempotency_key_missing"


class TestAtRest:
    async def test_the_file_is_encrypted_and_goes_with_the_last_chunk(self, world: World) -> None:
        person = row()
        await upload(world, table(person))
        async with world.h.app.read() as conn:
            boxes = (await conn.execute(sa.text("SELECT box FROM import_parts"))).scalars().all()
        assert boxes
        assert not any(person["nik"].encode() in bytes(box) or b"Siti" in bytes(box) for box in boxes)
        await worker(world).work(asyncio.Event())
        assert await number_of(world, "import_parts") == 0

    async def test_no_table_shows_a_person_in_clear(self, world: World) -> None:
        person = row(name="Nama Rahasia", address="Jalan Rahasia")
        await worked(world, table(person))
        async with world.h.app.read() as conn:
            tables = (
                await conn.execute(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            ).scalars()
            for name in list(tables):
                text = json.dumps((await conn.execute(sa.text(f"SELECT t::text FROM {name} t"))).scalars().all())
                for secret in (
                    "Rahasia",
                    person["nik"],
                    "6281234567890",
                    b"Rahasia".hex(),
                    person["nik"].encode().hex(),
                ):
                    assert secret not in text, name


class TestInterrupted:
    async def test_cut_down_in_mid_import_it_goes_on_and_ends_the_same(self, world: World) -> None:
        content = table(*(row() if n % 7 else row(nik="1") for n in range(60)))
        answer = await upload(world, content)
        import_id = answer.json()["import_id"]
        async with working(worker(world, chunk=5)) as task:
            while (await seen(world, import_id, world.agent())).summary["line"] < 21:
                assert not task.done()
        cut = await seen(world, import_id, world.agent())
        assert cut.summary["status"] == "RUNNING"
        assert not await worker(world).work(asyncio.Event()), "the lease still stands"
        world.h.pass_time(seconds=11)
        assert await worker(world, chunk=7).work(asyncio.Event())
        done = await seen(world, import_id, world.agent())
        assert (done.summary["status"], done.summary["rows"]) == ("DONE", 60)
        assert done.summary["accepted"] + done.summary["refused"] == 60
        assert [one["line"] for one in done.rows] == list(range(2, 62))
        assert done.codes.count("nik_format") == 9
        assert await number_of(world, "participants") == 1 + 51
        assert (await world.h.replay()).equal

    async def test_stopped_it_gives_the_lease_back(self, world: World) -> None:
        answer = await upload(world, table(*(row() for _ in range(6))))
        stop = asyncio.Event()
        stop.set()
        await worker(world, chunk=2).work(stop)
        half = await seen(world, answer.json()["import_id"], world.agent())
        assert (half.summary["line"], half.summary["status"]) == (3, "RUNNING")
        assert await worker(world).work(asyncio.Event())
        assert (await seen(world, answer.json()["import_id"], world.agent())).summary["accepted"] == 6

    async def test_two_workers_that_both_believe_to_hold_it_write_each_row_once(self, world: World) -> None:
        answer = await upload(world, table(*(row() for _ in range(40))))
        first = worker(world, chunk=2, lease_s=0.001)
        async with working(first) as task:
            while (await seen(world, answer.json()["import_id"], world.agent())).summary["line"] < 5:
                assert not task.done()
            world.h.pass_time(seconds=1)
            while await worker(world, chunk=3).work(asyncio.Event()):
                pass
            await task
        assert not await worker(world).work(asyncio.Event())
        done = await seen(world, answer.json()["import_id"], world.agent())
        assert (done.summary["accepted"], done.summary["status"]) == (40, "DONE")
        assert await number_of(world, "participants") == 41

    async def test_a_row_that_breaks_the_code_is_refused_alone(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        poison = nik_of()
        original = world.h.app.vault.nik_hash

        def breaking(nik: str) -> str:
            if nik == poison:
                raise RuntimeError("poison")
            return original(nik)

        monkeypatch.setattr(world.h.app.vault, "nik_hash", breaking)
        done = await worked(world, table(row(), row(nik=poison), row(), row()))
        assert done.codes == [None, "row_failed", None, None]
        assert done.summary["rows"] == 4

    async def test_a_stored_file_that_cannot_be_opened_ends_as_refused(self, world: World) -> None:
        answer = await upload(world, table(row()))
        async with world.h.app.engine.begin() as conn:
            await conn.execute(sa.text("UPDATE import_parts SET box = box || 'x'::bytea"))
        await worker(world).work(asyncio.Event())
        done = await seen(world, answer.json()["import_id"], world.agent())
        assert (done.summary["status"], done.summary["fault"]["code"]) == ("REFUSED", "file_unreadable")
        assert not await worker(world).work(asyncio.Event())


async def test_the_worker_of_the_service_finds_uploads_by_itself(world: World) -> None:
    answer = await upload(world, table(row()))
    stop = asyncio.Event()
    task = asyncio.create_task(world.h.app.composition.workers["imports"](stop))
    try:
        async with asyncio.timeout(60):
            while (await seen(world, answer.json()["import_id"], world.agent())).summary["status"] != "DONE":
                assert not task.done()
    finally:
        stop.set()
        await task


async def test_a_chunk_takes_as_many_statements_for_five_hundred_rows_as_for_one(world: World) -> None:
    await upload(world, table(row()))
    async with world.h.app.engine.begin() as conn:
        until = world.h.clock.wall().replace(year=2030)
        claimed = await store.claim(conn, token=new_id(), now=world.h.clock.wall(), until=until)
    assert claimed is not None
    lease = Lease(
        claimed.import_id,
        claimed.token,
        "csv",
        Uploader(actor="officer-1", role="officer", branch_id=world.branch_id, wadah_id=None, agent_id=None),
        0,
        Meta(actor="officer-1", correlation_id=new_id()),
    )
    registering = Registering(world.h.app.vault, world.h.app.numbers)
    importing = ImportingRows(world.h.app.vault, registering, lease, lease_for=until - world.h.clock.wall())
    taken, line = [], 1
    for number in (1, 500):
        rows = [
            row_of(
                Line(line + n + 1, {**row(), "agent_code": world.agent_code}), 0 if line == 1 and n == 0 else line + n
            )
            for n in range(number)
        ]
        before = await world.h.statements()
        outcomes = await world.h.run(importing, rows)
        after = await world.h.statements()
        assert {type(outcome).__name__ for outcome in outcomes} == {"Written"}
        taken.append((after[0] - before[0], after[1] - before[1]))
        line += number
    assert taken[0] == taken[1]
    holds("registration.import_chunk.statements", taken[0][0])
    assert taken[0][1] == 1
