"""Every event of every topic is kept once, byte for byte, and every record that carried it is noted."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import ProgrammingError

from chassis.records import Record
from contracts.envelope import Envelope
from services.audit.domain.leaves import Leaf
from services.audit.tables import metadata
from tests.integration.audit.world import BRANCH, World, again


async def test_an_event_is_kept_byte_for_byte(w: World) -> None:
    record = w.branch()
    strange = Record(
        record.at,
        record.key,
        record.value,
        (*record.headers, ("x-odd", b"\xff\x00"), ("none", None)),
        1_700_000_000_123,
    )
    await w.keep(strange)
    ((leaf, place),) = await w.rows("SELECT leaf, place FROM archive")
    assert Leaf.decode(bytes(leaf)) == Leaf("agency", strange.key, strange.value, strange.headers)
    assert place == 0
    ((written_at, verdict, offset),) = await w.rows('SELECT written_at, verdict, "offset" FROM sightings')
    assert (written_at, verdict) == (datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC), "first")
    assert offset == record.at.offset


async def test_an_event_is_found_by_what_it_is_about(w: World) -> None:
    record = w.branch()
    envelope = Envelope.from_headers(record.headers)
    await w.keep(record)
    ((stream, key, seq, type_, actor, branch_id, correlation_id, participant_id),) = await w.rows(
        "SELECT stream, key, seq, type, actor, branch_id, correlation_id, participant_id FROM archive"
    )
    assert (stream, key, seq, type_, actor) == ("branches", envelope.key, 1, "BranchOpened", "tests")
    assert (branch_id, correlation_id, participant_id) == (BRANCH, envelope.correlation_id, None)


async def test_a_repeat_is_a_sighting_and_no_second_leaf(w: World) -> None:
    record = w.branch()
    await w.keep(record, again(record))
    await w.keep(again(again(record)))
    assert await w.one("SELECT count(*) FROM archive") == 1
    assert await w.rows('SELECT verdict, place FROM sightings ORDER BY "offset"') == [
        ("first", 0),
        ("repeat", 0),
        ("repeat", 0),
    ]


async def test_a_batch_that_comes_again_changes_nothing(w: World) -> None:
    """The offset was not committed before the process died."""
    batch = w.branches(20)
    await w.keep(*batch)
    before = (
        await w.rows("SELECT * FROM archive ORDER BY place"),
        await w.rows('SELECT * FROM sightings ORDER BY "offset"'),
    )
    await w.keep(*batch[5:], *w.branches(3))
    assert await w.rows("SELECT * FROM archive WHERE place < 20 ORDER BY place") == before[0]
    assert await w.rows('SELECT * FROM sightings WHERE place < 20 ORDER BY "offset"') == before[1]
    assert await w.one("SELECT size FROM log_head") == await w.one("SELECT count(*) FROM archive") == 23


async def test_other_bytes_under_a_known_id_are_named_and_do_not_replace(w: World) -> None:
    record = w.branch()
    forged = again(record, value=record.value.replace(b"Cabang", b"Kantor"))  # type: ignore[union-attr]
    await w.keep(record)
    await w.keep(forged)
    assert await w.one("SELECT count(*) FROM archive") == 1
    ((verdict, place, offset),) = await w.rows(
        "SELECT verdict, place, \"offset\" FROM sightings WHERE verdict <> 'first'"
    )
    assert (verdict, place, offset) == ("altered", 0, forged.at.offset)


async def test_what_is_no_event_of_ours_is_noted_by_its_place_alone(w: World) -> None:
    """Its bytes may be anything, a person's data in clear among it: they stay on the topic, and their hash is here."""
    record = w.branch()
    stranger = Record(again(record).at, b"key", b'{"nik": "3671010101010001"}', ())
    await w.keep(record, stranger)
    ((reason, place),) = await w.rows("SELECT reason, place FROM sightings WHERE verdict = 'stranger'")
    assert (reason, place) == ("bad_envelope: ce_specversion is missing", None)
    assert await w.one("SELECT count(*) FROM archive") == 1


async def test_a_type_of_the_future_is_archived_like_any_other(w: World) -> None:
    record = w.branch()
    headers = tuple(
        (name, (value or b"").replace(b"BranchOpened", b"BranchMoved"))
        if name in ("ce_type", "ce_dataschema")
        else (name, value)
        for name, value in record.headers
    )
    await w.keep(Record(record.at, record.key, record.value, headers))
    assert await w.one("SELECT type FROM archive") == "BranchMoved"


async def test_keepers_side_by_side_leave_no_hole(w: World) -> None:
    batches = [w.branches(30) for _ in range(12)]
    await asyncio.gather(*(w.keep(*batch) for batch in batches))
    places = [place for (place,) in await w.rows("SELECT place FROM archive ORDER BY place")]
    assert places == list(range(360))
    keys = dict.fromkeys(itertools.chain.from_iterable(batches))
    assert await w.one("SELECT count(DISTINCT event_id) FROM archive") == len(keys) == 360


@pytest.mark.parametrize("table", ["archive", "sightings", "tiles", "event_log"])
async def test_the_services_own_role_can_neither_change_nor_delete(w: World, table: str) -> None:
    await w.keep(w.branch())
    for statement in (
        f"UPDATE {table} SET {_a_column(table)} = {_a_column(table)}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            await w.rows(statement)


def _a_column(table: str) -> str:
    return {"archive": "seq", "sightings": "verdict", "tiles": "hashes", "event_log": "seq"}[table]


async def test_the_migrated_database_is_that_of_tables_py(w: World) -> None:
    def differences(conn: sa.Connection) -> list[Any]:
        def ours(name: str | None, kind: str, _parents: Any) -> bool:
            return kind != "table" or name in metadata.tables

        context = MigrationContext.configure(conn, opts={"compare_type": True, "include_name": ours})
        return list(compare_metadata(context, metadata))

    async with w.h.app.read() as conn:
        assert await conn.run_sync(differences) == []
