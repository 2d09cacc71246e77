"""What the files of cold months alone tell: every change to them is named, and they answer as the archive does."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb

from services.audit.cold import writing
from services.audit.domain.merkle import perfect_root
from services.audit.domain.verifying import Kind
from tests.integration.audit.cold_months import (
    FIRST,
    OCTOBER,
    SECOND,
    SEPTEMBER,
    alone_verified,
    months,
    small_files,
    written,
)
from tests.integration.audit.test_commands import typed
from tests.integration.audit.test_search import ask, envelope_of, registered
from tests.integration.audit.world import BRANCH, ORIGIN, World

__all__ = ["small_files"]
DOC = Path(__file__).parents[3] / "docs" / "for-auditors.md"

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
    return {("file", 0, "manifest.json is not what was written / bukan yang ditulis: the signature of")}


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
                assert all(" / " in detail for _, _, detail in told), (deed.__name__, "not in both languages", told)
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
        assert "events of places 0 to 255 were changed" in found[1]["detail"]

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

    async def test_a_month_that_is_not_there_shows_in_the_places_of_the_others(self, w: World) -> None:
        await months(w, 5, 4, 3)
        for month in (SEPTEMBER, OCTOBER, OCTOBER + 1):
            folder = await written(w, month)
        shutil.rmtree(folder.with_name(str(OCTOBER)))
        found = await alone_verified(folder.parent, w)
        assert found.exit_code == 0, found.output
        assert "8 events in cold months 2025-09 (0 to 4), 2025-11 (9 to 11): verified" in found.stdout

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

    async def test_checkpoints_kept_outside_are_held_against_those_of_the_months(
        self, w: World, tmp_path: Path
    ) -> None:
        await months(w, 40)
        shelf, mine, other = tmp_path / "usb", tmp_path / "mine", tmp_path / "other"
        shutil.copytree((await written(w)).parent, shelf)
        mine.write_text((w.folder / f"{40:020d}.checkpoint").read_text())
        other.write_text(mine.read_text().replace(ORIGIN, "other.example/log"))
        assert (await alone_verified(shelf, w, "--kept", str(mine))).exit_code == 0
        await w.wipe()
        await months(w, 40)
        for file, said in (
            (w.folder / f"{40:020d}.checkpoint", "does not begin with the 40 leaves that were signed"),
            (other, f"bukan milik log ini: it is of other.example/log, and this is {ORIGIN}"),
        ):
            found = await alone_verified(shelf, w, "--kept", str(file))
            assert found.exit_code == 1 and said in found.stdout

    async def test_a_history_rewritten_and_signed_anew_is_told_by_a_checkpoint_kept_from_the_middle_of_a_month(
        self, w: World, tmp_path: Path
    ) -> None:
        """Who holds the log's key makes events, tree and checkpoints that agree with each other, but not with what somebody kept."""
        await months(w, AMID)
        kept = kept_of(w, tmp_path)
        shutil.copytree((await written(w)).parent, tmp_path / "true")
        found = json.loads((await alone_verified(tmp_path / "true", w, "--kept", str(kept), "--json")).stdout)
        assert (found["verified"], found["not_compared"]) == (True, [301]), found
        await w.wipe()
        await months(w, AMID)
        rewritten = (await written(w)).parent
        assert (await alone_verified(rewritten, w)).exit_code == 0, "it agrees with itself"
        for size in (10, 256, 290, 300):
            one = await alone_verified(rewritten, w, "--kept", str(kept / f"{size:020d}.checkpoint"), "--json")
            (finding,) = json.loads(one.stdout)["findings"]
            assert (one.exit_code, finding["kind"], finding["place"]) == (1, "checkpoint", size)
            assert f"does not begin with the {size} leaves that were signed" in finding["detail"]

    async def test_a_month_of_another_history_is_told_by_the_others(self, w: World, tmp_path: Path) -> None:
        await months(w, 300, 40)
        shutil.copytree(await written(w), tmp_path / "2025-09")
        await w.wipe()
        await months(w, 300, 40)
        shutil.copytree(await written(w, OCTOBER), tmp_path / "2025-10")
        found = json.loads((await alone_verified(tmp_path, w, "--json")).stdout)["findings"]
        assert [(one["kind"], one["place"]) for one in found] == [("checkpoint", 300)]
        assert found[0]["detail"].endswith("ditulis ulang (cold month / bulan dingin 2025-10, 000000000300.parquet)")

    async def test_a_kept_checkpoint_of_which_the_files_tell_nothing_is_told_so_and_is_no_finding(
        self, w: World, tmp_path: Path
    ) -> None:
        """October alone tells of September at 256 and 300, where a subtree of 2^n leaves ends, and not at 10 and 290; 341 is November's."""
        await months(w, AMID, 40)
        kept = kept_of(w, tmp_path)
        shutil.copytree(await written(w, OCTOBER), tmp_path / "usb" / "2025-10")
        found = await alone_verified(tmp_path / "usb", w, "--kept", str(kept))
        assert found.exit_code == 0, found.output
        assert "3 kept checkpoints, of 10 … 341 leaves, are beyond what these files tell" in found.stdout

    async def test_a_file_that_was_changed_tells_nothing_of_the_checkpoints_within_it(
        self, w: World, tmp_path: Path
    ) -> None:
        await months(w, AMID)
        kept, folder = kept_of(w, tmp_path), await written(w)
        value_and_hash_changed(folder, folder)
        found = json.loads((await alone_verified(folder.parent, w, "--kept", str(kept), "--json")).stdout)
        assert [(one["kind"], one["place"]) for one in found["findings"]] == [("file", 0), ("unprovable", 0)]
        assert found["not_compared"] == [10, 301]


AMID = (10, 246, 34, 10)
"""A month of 300 leaves under four checkpoints."""


def kept_of(w: World, folder: Path) -> Path:
    """The published checkpoints, without the tiles, as somebody kept them."""
    kept = folder / "kept"
    shutil.copytree(w.folder, kept, ignore=shutil.ignore_patterns("cold", "tile"))
    return kept


class TestSearching:
    async def test_the_files_alone_answer_as_the_archive_does(self, w: World) -> None:
        who, record = registered(w)
        await w.h.app.composition.keepers["participants"]([record])
        await months(w, 300, 40)
        shelf = str((await written(w, SEPTEMBER)).parent)
        await written(w, OCTOBER)
        end = OCTOBER.ends_at.isoformat()
        ((stream, key),) = await w.rows("SELECT stream, key FROM archive WHERE place = 7")

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
            (("--branch", str(BRANCH), "--oldest"), {"branch_id": str(BRANCH), "order": "oldest"}),
            (("--stream", stream, "--key", key), {"stream": stream, "key": key}),
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
        count, of_one, changed = (
            one.replace("'cold/", f"'{shelf}/").replace("'…'", f"'{who}'") for one in documented()
        )
        with duckdb.connect() as conn:
            files = f"read_parquet('{shelf}/*/*.parquet')"
            archived = await w.rows("SELECT type, count(*) FROM archive WHERE place < 341 GROUP BY type")
            assert sorted(conn.execute(count).fetchall()) == sorted(tuple(row) for row in archived)
            found = conn.execute(f"SELECT type, payload->>'$.participant_id' FROM ({of_one})").fetchall()
            assert found == [("ParticipantRegistered", str(who))]
            assert conn.execute(changed).fetchall() == []
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


def documented() -> list[str]:
    """The statements that auditors are told to try."""
    _, _, after = DOC.read_text(encoding="utf-8").partition("```sql\n")
    return [one.strip() for one in after.partition("```")[0].split(";") if one.strip()]
