"""Closed months as Parquet: written whole or not at all, verified from the files alone, searched and replayed from, and taken out of the database."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import Result

from chassis.clock import SystemClock
from contracts.values import WIB, ContributionMonth
from services.audit.cold import writing
from services.audit.cold.writing import write
from services.audit.domain.merkle import perfect_root
from services.audit.domain.verifying import Kind
from tests.integration.audit.test_commands import typed
from tests.integration.audit.test_search import AUDITOR, ask, envelope_of, registered
from tests.integration.audit.world import ORIGIN, World, again

SEPTEMBER, OCTOBER = ContributionMonth(2025, 9), ContributionMonth(2025, 10)


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files for a month of 300 events."""
    monkeypatch.setattr(writing, "PART_LEAVES", 256)


async def months(w: World, *sizes: int) -> None:
    """From September on, so many events a month, and one more in the month after."""
    for number, size in enumerate((*sizes, 1)):
        at = (SEPTEMBER + number).starts_at + timedelta(days=3)
        w.h.clock.move(at - w.h.clock.wall())
        await w.filled(size)


async def cold(w: World, month: ContributionMonth = SEPTEMBER, *more: str) -> Result:
    return await typed(w, "cold", "write", "--month", str(month), *more)


async def written(w: World, month: ContributionMonth = SEPTEMBER) -> Path:
    """The month's folder."""
    told = await cold(w, month, "--json")
    assert told.exit_code == 0, told.output
    return Path(json.loads(told.stdout)["folder"])


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


class TestWriting:
    async def test_a_closed_month_ends_with_its_last_checkpoint_and_is_verified_from_the_database_and_from_the_files_alone(
        self, w: World, tmp_path: Path
    ) -> None:
        await months(w, 300, 40)
        said = await cold(w, SEPTEMBER)
        assert said.exit_code == 0, said.output
        folder = w.folder / "cold" / "2025-09"
        assert said.stdout.startswith(f"{folder}: leaves 0 to 299 in 2 files, ")
        assert sorted(path.name for path in folder.iterdir()) == [
            "000000000000.parquet",
            "000000000256.parquet",
            "manifest.json",
        ]
        await written(w, OCTOBER)
        told = json.loads((await typed(w, "verify", "--json")).stdout)
        assert (told["verified"], told["events"], told["cold"]) == (True, 341, ["2025-09", "2025-10"])
        shutil.copytree(w.folder / "cold", tmp_path / "usb")
        alone = await alone_verified(tmp_path / "usb", w)
        assert alone.exit_code == 0, alone.output
        assert "340 events in cold months 2025-09 (0 to 299), 2025-10 (300 to 339): verified" in alone.stdout

    async def test_again_changes_nothing_and_elsewhere_makes_the_same_bytes(self, w: World, tmp_path: Path) -> None:
        await months(w, 300)
        folder = await written(w)
        before = snapshot(folder)
        told = json.loads((await cold(w, SEPTEMBER, "--json")).stdout)
        assert (told["written"], snapshot(folder)) == (False, before)
        assert (await cold(w, SEPTEMBER, "--to", str(tmp_path / "other"))).exit_code == 0
        assert snapshot(tmp_path / "other" / "2025-09") == before

    async def test_a_month_that_is_spoilt_is_not_written_over(self, w: World) -> None:
        await months(w, 300)
        folder = await written(w)
        (folder / "000000000256.parquet").write_bytes(b"")
        before = snapshot(folder)
        refused = await cold(w)
        assert (refused.exit_code, snapshot(folder)) == (1, before)
        assert "000000000256.parquet" in refused.stderr and "tidak ditulis" in refused.stderr

    async def test_what_cannot_be_written_is_one_sentence_and_leaves_nothing(self, w: World) -> None:
        await months(w, 5, 0, 5)
        now = SystemClock().wall().astimezone(WIB)
        for month, said in (
            (f"{now:%Y-%m}", "is not over"),
            ("2025-10", "nothing was signed in 2025-10"),
            ("2025-12", "nothing was signed since the end of 2025-12"),
            ("2026-06", "nothing was signed in 2026-06 or since"),
            ("2025-13", "is no month"),
            ("September", "is no month"),
        ):
            refused = await typed(w, "cold", "write", "--month", month)
            assert (refused.exit_code, refused.stdout) == (1, ""), (month, refused.output)
            assert "--month: " in refused.stderr and said in refused.stderr, refused.stderr
            assert len(refused.stderr.splitlines()) == 1
        assert not (w.folder / "cold").exists() or [*(w.folder / "cold").iterdir()] == []

    async def test_an_archive_that_was_changed_is_not_written(self, w: World) -> None:
        await months(w, 300)
        for deed, undo in (
            ("UPDATE archive SET leaf = leaf || '\\x00'::bytea WHERE place = 7", None),
            ("DELETE FROM archive WHERE place = 9", None),
        ):
            await w.tamper(deed)
            refused = await cold(w)
            assert refused.exit_code == 1 and "verify it" in refused.stderr, refused.output
            assert [*(w.folder / "cold").iterdir()] == [], undo

    async def test_one_that_is_stopped_half_way_leaves_nothing_and_the_next_one_is_whole(self, w: World) -> None:
        await months(w, 600)
        shelf, seen = w.folder / "cold", list[list[str]]()

        def stop(done: int, of: int) -> None:
            seen.append(sorted(path.name for path in (shelf / ".2025-09.writing").iterdir()))
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await write(w.h.app.engine, w.settings.public_key, SEPTEMBER, shelf, now=SystemClock().wall(), tell=stop)
        assert seen == [["000000000000.parquet"]]
        assert [*shelf.iterdir()] == []
        (shelf / ".2025-09.writing").mkdir()  # as a process that was killed leaves it
        (shelf / ".2025-09.writing" / "000000000000.parquet").write_bytes(b"half")
        assert json.loads((await typed(w, "verify", "--json")).stdout)["cold"] == []
        folder = await written(w)
        assert [path.name for path in shelf.iterdir()] == [folder.name]
        assert (await w.verify()).findings == []


async def alone_verified(folder: Path, w: World, *more: str) -> Result:
    """Where there is no database and no setting."""
    return await typed(
        w,
        *("verify", "--from-cold", str(folder), "--key", str(w.settings.public_key), *more),
        PERISAI_DATABASE_URL="",
        PERISAI_AUDIT_SIGNING_KEY="",
    )


Deed = Callable[[Path, Path], set[tuple[str, int, str]]]
"""Does something to September (leaves 0 to 299) or October's folder, and says which findings it is worth: kind, place, a word of the detail."""


def rewritten(file: Path, select: str) -> None:
    """The file anew as somebody with DuckDB would write it; `select` over the table `was`."""
    other = file.with_suffix(".new")
    with duckdb.connect() as conn:
        conn.execute(f"CREATE TABLE was AS SELECT * FROM read_parquet('{file}')")
        conn.execute(f"COPY ({select} ORDER BY place) TO '{other}' (FORMAT parquet)")
    other.replace(file)


def change(**columns: str) -> str:
    """All rows, with other columns."""
    return f"SELECT * REPLACE ({', '.join(f'{value} AS {name}' for name, value in columns.items())}) FROM was"


FIRST, SECOND = "000000000000.parquet", "000000000256.parquet"
ONLY_BY_DATABASE = "which are not those that were signed in it"
OTHER_FILE = ("file", 0, f"{FIRST} is not the file that was written")


def value_changed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, change(leaf="CASE WHEN place = 7 THEN leaf || '\\x00'::BLOB ELSE leaf END"))
    return {OTHER_FILE, ("altered", 7, FIRST)}


def value_and_hash_changed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    """The column of hashes is computed anew: the tiles that were published tell."""
    leaf = "CASE WHEN place = 7 THEN leaf || '\\x00'::BLOB ELSE leaf END"
    rewritten(september / FIRST, change(leaf=leaf, leaf_hash=f"unhex(sha256('\\x00'::BLOB || ({leaf})))"))
    return {OTHER_FILE, ("altered", 7, FIRST)}


def column_changed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, change(actor="CASE WHEN place = 9 THEN 'nobody' ELSE actor END"))
    return {OTHER_FILE, ("misfiled", 9, "columns actor")}


def payload_changed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, change(payload="CASE WHEN place = 9 THEN '{}' ELSE payload END"))
    return {OTHER_FILE, ("misfiled", 9, "columns payload")}


def row_removed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, "SELECT * FROM was WHERE place <> 3")
    return {OTHER_FILE, ("deleted", 3, FIRST)}


def row_inserted(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, f"SELECT * FROM was UNION ALL {change(place='9000')} WHERE place = 3")
    return {OTHER_FILE, ("inserted", 9000, "")}


def row_doubled(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, "SELECT * FROM was UNION ALL SELECT * FROM was WHERE place = 3")
    return {OTHER_FILE, ("inserted", 3, "a second row")}


def rows_swapped(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, change(place="CASE place WHEN 3 THEN 8 WHEN 8 THEN 3 ELSE place END"))
    return {OTHER_FILE, ("moved", 3, "belongs at place 8"), ("moved", 8, "belongs at place 3")}


def bytes_changed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    """Of the file as it lies: its end, where Parquet says what is in it."""
    content = bytearray((september / FIRST).read_bytes())
    content[-8:-4] = b"\xff\xff\xff\x7f"
    (september / FIRST).write_bytes(content)
    return {OTHER_FILE, ("file", 0, f"{FIRST} cannot be read")}


def types_changed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, change(recorded_at="'noon'", leaf="'text'"))
    return {OTHER_FILE, ("file", 0, f"{FIRST} cannot be read")}


def column_removed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    rewritten(september / FIRST, "SELECT * EXCLUDE (leaf_hash) FROM was")
    return {OTHER_FILE, ("file", 0, f"{FIRST} cannot be read")}


def file_removed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    (september / SECOND).unlink()
    return {("file", 256, f"{SECOND} is missing")}


def file_of_another_month(september: Path, october: Path) -> set[tuple[str, int, str]]:
    shutil.copy(october / "000000000300.parquet", september / FIRST)
    return {OTHER_FILE, ("file", 0, "holds other leaves than 0 to 255")}


def file_added(september: Path, october: Path) -> set[tuple[str, int, str]]:
    shutil.copy(september / FIRST, september / "000000009999.parquet")
    return {("file", 0, "000000009999.parquet is no file of this month")}


def _manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    told = json.loads((folder / "manifest.json").read_text())
    change(told)
    (folder / "manifest.json").write_text(json.dumps(told, indent=1) + "\n")


def file_changed_with_its_hash(september: Path, october: Path) -> set[tuple[str, int, str]]:
    """What anchors an event is the tree, not the hash of a file."""
    rewritten(september / FIRST, change(leaf="CASE WHEN place = 7 THEN leaf || '\\x00'::BLOB ELSE leaf END"))
    part = writing.part_of(september / FIRST, 0, 256)
    _manifest(september, lambda told: told["files"].__setitem__(0, part._asdict()))
    return {("altered", 7, FIRST)}


def manifest_with_other_hashes(september: Path, october: Path) -> set[tuple[str, int, str]]:
    _manifest(september, lambda told: told["nodes"].__setitem__(0, "00" * 32))
    return {("file", 0, "the hashes of manifest.json are not those that were signed")}


def manifest_and_value_changed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    """Even so the published tiles tell which."""
    value_and_hash_changed(september, october)
    with duckdb.connect() as conn:
        asked = f"SELECT leaf_hash FROM read_parquet('{september / FIRST}') ORDER BY place"
        hashes = [bytes(one) for (one,) in conn.execute(asked).fetchall()]
    node = perfect_root(hashes).hex()
    _manifest(september, lambda told: told["nodes"].__setitem__(0, node))
    other = ("file", 0, "the hashes of manifest.json are not those that were signed")
    return {OTHER_FILE, other, ("altered", 7, FIRST)}


def manifest_of_another_month(september: Path, october: Path) -> set[tuple[str, int, str]]:
    shutil.copy(october / "manifest.json", september)
    return {
        ("file", 300, "manifest.json is of 2025-10"),
        ("file", 300, f"{FIRST} is no file of this month"),
        ("file", 300, f"{SECOND} is no file of this month"),
        ("file", 300, "000000000300.parquet is missing"),
        ("file", 300, "the cold months 2025-09 and 2025-10 do not follow each other"),
    }


def manifest_with_another_checkpoint(september: Path, october: Path) -> set[tuple[str, int, str]]:
    _manifest(september, lambda told: told.update(checkpoint=told["checkpoint"].replace("\n300\n", "\n301\n")))
    return {("file", 0, "manifest.json is not what was written: the signature of")}


def manifest_that_ends_sooner(september: Path, october: Path) -> set[tuple[str, int, str]]:
    _manifest(september, lambda told: told.update(end=299))
    return {("file", 0, "manifest.json is not what was written")}


def manifest_spelt_otherwise(september: Path, october: Path) -> set[tuple[str, int, str]]:
    text = (september / "manifest.json").read_text()
    (september / "manifest.json").write_text(text + "\n")
    return {("file", 0, "it is not spelt as it was written")}


def manifest_removed(september: Path, october: Path) -> set[tuple[str, int, str]]:
    (september / "manifest.json").unlink()
    return {("file", 0, "manifest.json is missing")}


DEEDS: list[Deed] = [
    value_changed,
    value_and_hash_changed,
    column_changed,
    payload_changed,
    row_removed,
    row_inserted,
    row_doubled,
    rows_swapped,
    bytes_changed,
    types_changed,
    column_removed,
    file_removed,
    file_of_another_month,
    file_added,
    file_changed_with_its_hash,
    manifest_with_other_hashes,
    manifest_and_value_changed,
    manifest_of_another_month,
    manifest_with_another_checkpoint,
    manifest_that_ends_sooner,
    manifest_spelt_otherwise,
    manifest_removed,
]


class TestVerifying:
    async def test_every_deed_is_named_and_nothing_else_with_the_database_and_without(
        self, w: World, tmp_path: Path
    ) -> None:
        """One log for all deeds; each is done to a copy of its months."""
        await months(w, 300, 40)
        await written(w, SEPTEMBER), await written(w, OCTOBER)
        clean = tmp_path / "clean"
        shutil.copytree(w.folder / "cold", clean)
        for number, deed in enumerate(DEEDS):
            shelf = tmp_path / f"{number}"
            shutil.copytree(clean, shelf)
            wanted = deed(shelf / "2025-09", shelf / "2025-10")
            with_tiles = await alone_verified(shelf, w, "--kept", str(w.folder), "--json")
            with_database = await typed(w, "verify", "--json", PERISAI_AUDIT_COLD=str(shelf))
            for result in (with_tiles, with_database):
                assert result.exit_code == 1, (deed.__name__, result.output)
                told = [(one["kind"], one["place"], one["detail"]) for one in json.loads(result.stdout)["findings"]]
                named = [
                    [said for said in told if wanted_[:2] == said[:2] and wanted_[2] in said[2]] for wanted_ in wanted
                ]
                assert all(named), (deed.__name__, wanted, told)
                rest = {*told} - {said for group in named for said in group}
                assert {said[2] for said in rest if ONLY_BY_DATABASE not in said[2]} == set(), deed.__name__

    async def test_perisai_asks_for_no_settings_where_there_are_files_alone(self, w: World, tmp_path: Path) -> None:
        await months(w, 300)
        shelf = (await written(w)).parent
        argv = ("verify", "--from-cold", str(shelf), "--key", str(w.settings.public_key))
        environ = {"PATH": os.environ["PATH"], "PERISAI_HOME": str(tmp_path / "nothing")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli", "audit", *argv), env=environ, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b""), err
        assert out.decode().strip().endswith("300 events in cold months 2025-09 (0 to 299): verified / terverifikasi")

    async def test_without_any_copy_of_the_hashes_the_range_is_named(self, w: World, tmp_path: Path) -> None:
        await months(w, 300, 40)
        folder = await written(w)
        value_and_hash_changed(folder, folder)
        found = json.loads((await alone_verified(folder.parent, w, "--json")).stdout)["findings"]
        assert [(one["kind"], one["place"]) for one in found] == [("file", 0), ("unprovable", 0)]

    async def test_a_month_under_another_key_or_name_is_named(self, w: World) -> None:
        await months(w, 300, 40)
        folder = await written(w)
        shelf = str(folder.parent)
        other = str(replace(w.settings.public_key, public=bytes(range(32))))
        found = await typed(w, "verify", "--from-cold", shelf, "--key", other)
        assert found.exit_code == 1 and f"it is not signed by {ORIGIN}" in found.stdout
        folder.rename(folder.with_name("2025-08"))
        found = await alone_verified(folder.parent, w)
        assert found.exit_code == 1 and "manifest.json is of 2025-09" in found.stdout
        empty = await alone_verified(folder, w)
        assert empty.exit_code == 1 and "has no cold months" in empty.stderr
        keyless = await typed(w, "verify", "--from-cold", str(folder.parent), PERISAI_AUDIT_SIGNING_KEY="")
        assert keyless.exit_code == 1 and "--key: " in keyless.stderr

    async def test_a_month_that_holds_what_was_signed_in_another_is_named_by_the_database(self, w: World) -> None:
        await months(w, 300, 40)
        folder = await written(w)
        _manifest(folder, lambda told: told.update(month="2025-08"))
        folder.rename(folder.with_name("2025-08"))
        assert (await alone_verified(folder.parent, w)).exit_code == 0, "its events are those that were signed"
        (finding,) = (await w.verify()).findings
        assert finding.kind is Kind.FILE and "the cold month 2025-08 holds leaves 0 to 299" in finding.detail

    async def test_a_history_rewritten_since_is_told_by_the_checkpoint_of_the_month(self, w: World) -> None:
        await months(w, 40)
        shelf = (await written(w)).parent
        kept = w.folder.parent / "kept"
        shutil.copytree(shelf, kept)
        await w.wipe()
        await months(w, 50)
        found = await typed(w, "verify", PERISAI_AUDIT_COLD=str(kept))
        assert found.exit_code == 1 and "its history was rewritten" in found.stdout


class TestDropping:
    async def dropped(self, w: World, month: ContributionMonth = SEPTEMBER, **more: str) -> Result:
        return await typed(
            w, "cold", "drop", "--month", str(month), **{"PERISAI_OWNER_DATABASE_URL": w.admin_url, **more}
        )

    async def test_leaves_leave_and_all_is_still_verified_proved_searched_and_known(self, w: World) -> None:
        who, record = registered(w)
        w.h.clock.move(SEPTEMBER.starts_at - w.h.clock.wall() + timedelta(hours=1))
        await w.h.app.composition.keepers["participants"]([record])
        mine = w.branch()
        await w.keep(mine)
        await months(w, 300, 40)
        wanted = [envelope_of(mine).event_id, envelope_of(record).event_id]
        before = [await ask(w, f"/events/{one}") for one in wanted]
        page = await ask(w, "/events", participant_id=str(who))
        await written(w)
        said = await self.dropped(w)
        assert said.exit_code == 0 and "302 events left the database" in said.stdout, said.output
        assert await w.one("SELECT count(*) FROM archive WHERE leaf IS NOT NULL") == 41
        assert (await w.verify()).findings == []
        assert [await ask(w, f"/events/{one}") for one in wanted] == before
        assert await ask(w, "/events", participant_id=str(who)) == page
        assert page["items"][0]["intact"] is True
        account = await w.h.client.get(
            f"/accounts/participant/{who}",
            params={"at": w.h.clock.wall().isoformat()},
            headers=w.h.token(roles=AUDITOR),
        )
        assert [one["intact"] for one in account.json()["events"]] == [True]
        proved = await typed(w, "prove", str(wanted[0]), "-o", str(w.folder.parent / "proof"))
        assert proved.exit_code == 0, proved.output
        await w.keep(again(mine), replace(again(mine), headers=(*mine.headers, ("more", b"x"))))
        told = await ask(w, f"/events/{wanted[0]}")
        assert sorted(one["verdict"] for one in told["records"]) == ["altered", "first", "repeat"]
        assert "0 events left the database" in (await self.dropped(w)).stdout
        again_ = await cold(w)
        assert again_.exit_code == 0 and "is there already" in again_.stdout, again_.output

    async def test_only_the_owner_may_and_only_what_the_files_have_byte_for_byte(self, w: World) -> None:
        await months(w, 300, 40)
        assert "is no cold month" in (await self.dropped(w)).stderr
        folder = await written(w)
        nobody = await self.dropped(w, PERISAI_OWNER_DATABASE_URL="")
        assert nobody.exit_code == 1 and "only the owner of the database" in nobody.stderr
        with pytest.raises(Exception, match="permission denied"):
            await w.rows("UPDATE archive SET leaf = NULL")
        await w.tamper("UPDATE archive SET leaf = leaf || '\\x00'::bytea WHERE place = 270")
        altered = await self.dropped(w)
        assert altered.exit_code == 1 and "the event of place 270 in the database is not the one" in altered.stderr
        assert await w.one("SELECT count(*) FROM archive WHERE leaf IS NOT NULL AND place = 270") == 1
        (folder / SECOND).unlink()
        spoilt = await self.dropped(w)
        assert spoilt.exit_code == 1 and f"{SECOND} is missing" in spoilt.stderr

    async def test_what_was_taken_out_and_is_in_no_file_is_deleted(self, w: World) -> None:
        """By hand, or with the folder of the month: a missing file is told as one, a missing month event by event."""
        await months(w, 300, 40)
        await w.tamper("UPDATE archive SET leaf = NULL WHERE place = 310")
        assert [(one.kind, one.place) for one in (await w.verify()).findings] == [(Kind.DELETED, 310)]
        folder = await written(w)
        assert (await self.dropped(w)).exit_code == 0
        (folder / SECOND).rename(w.folder / "away.parquet")
        found = [(one.kind, one.place) for one in (await w.verify()).findings]
        assert found == [(Kind.FILE, 256), (Kind.DELETED, 310)]
        lost = await w.one("SELECT event_id FROM archive WHERE place = 260")
        told = await ask(w, f"/events/{lost}")
        assert (told["intact"], told["payload"], told["leaf_hash"]) == (False, None, "")
        shutil.rmtree(folder)
        found = [(one.kind, one.place) for one in (await w.verify()).findings]
        assert found == [(Kind.DELETED, place) for place in (*range(300), 310)]

    async def test_a_column_that_was_changed_after_the_leaf_left_is_named(self, w: World) -> None:
        await months(w, 300, 40)
        await written(w)
        await self.dropped(w)
        await w.tamper("UPDATE archive SET actor = 'nobody' WHERE place = 8")
        assert [(one.kind, one.place) for one in (await w.verify()).findings] == [(Kind.MISFILED, 8)]


class TestSearching:
    async def test_the_files_alone_answer_as_the_archive_does(self, w: World) -> None:
        who, record = registered(w)
        await w.h.app.composition.keepers["participants"]([record])
        await months(w, 300, 40)
        shelf = str((await written(w, SEPTEMBER)).parent)
        await written(w, OCTOBER)
        end = OCTOBER.ends_at.isoformat()

        async def found(*words: str) -> list[dict[str, Any]]:
            said = await typed(
                w,
                "cold",
                "events",
                "--from-cold",
                shelf,
                "--json",
                *words,
                PERISAI_DATABASE_URL="",
                PERISAI_AUDIT_SIGNING_KEY="",
            )
            assert said.exit_code == 0, said.output
            told: list[dict[str, Any]] = json.loads(said.stdout)
            return told

        questions: list[tuple[tuple[str, ...], dict[str, Any]]] = [
            ((), {}),
            (("--oldest",), {"order": "oldest"}),
            (("--participant", str(who)), {"participant_id": str(who)}),
            (("--type", "BranchOpened", "--limit", "7"), {"type": "BranchOpened", "limit": 7}),
            (("--type", "BranchOpened", "--after", "280"), {"type": "BranchOpened", "after": 280}),
            (("--since", "2025-10-01"), {"since": "2025-09-30T17:00:00Z"}),
            (("--until", "2025-10-01", "--actor", "tests"), {"until": "2025-09-30T17:00:00Z", "actor": "tests"}),
        ]
        for words, query in questions:
            archived = await ask(w, "/events", **{"until": end, **query})
            want = [{**one, "records": [], "more_records": False} for one in archived["items"]]
            assert await found(*words) == want, words
        said = await typed(w, "cold", "events", "--from-cold", shelf, "--participant", str(who))
        assert said.stdout.splitlines() == [
            f"0 {record_time(record)} ParticipantRegistered participants {who} 1 by tests"
        ]

    async def test_plain_sql_counts_events_per_type_and_finds_those_of_one_participant(self, w: World) -> None:
        """No code of ours: what DuckDB reads, Spark and Trino read."""
        who, record = registered(w)
        await w.h.app.composition.keepers["participants"]([record])
        await months(w, 300, 40)
        shelf = (await written(w, SEPTEMBER)).parent
        await written(w, OCTOBER)
        with duckdb.connect() as conn:
            files = f"read_parquet('{shelf}/*/*.parquet')"
            counted = conn.execute(f"SELECT type, count(*) FROM {files} GROUP BY type ORDER BY type").fetchall()
            archived = await w.rows("SELECT type, count(*) FROM archive WHERE place < 341 GROUP BY type ORDER BY type")
            assert counted == [tuple(row) for row in archived]
            asked = f"SELECT event_id, payload->>'$.participant_id', leaf_hash = unhex(sha256('\\x00'::BLOB || leaf)) FROM {files}"
            mine = conn.execute(f"{asked} WHERE participant_id = ?", [str(who)]).fetchall()
            assert mine == [(str(envelope_of(record).event_id), str(who), True)]
            kinds = dict(
                conn.execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {files})").fetchall()
            )
            assert {kinds[name] for name in ("event_id", "participant_id", "payload")} == {"VARCHAR"}
            assert kinds["recorded_at"] == "TIMESTAMP WITH TIME ZONE"

    async def test_what_cannot_be_asked_is_one_sentence(self, w: World, tmp_path: Path) -> None:
        for words, said in (
            (("--participant", "me"), "--participant: 'me' is no id"),
            (("--stream", "bills"), "--stream, --key: name both"),
            (("--from-cold", str(tmp_path / "nowhere")), "has no cold months"),
        ):
            refused = await typed(w, "cold", "events", *words)
            assert (refused.exit_code, refused.stdout) == (1, "") and said in refused.stderr, refused.output


def record_time(record: Any) -> str:
    return f"{envelope_of(record).recorded_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
