"""What an auditor types, in a process' place: exit codes, one sentence for what cannot be answered, every record named."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner, Result

from chassis.ids import new_id
from services.audit.cli import app
from services.audit.cli.verify import BESIDE_THE_TREE
from services.audit.domain.notes import NoteKey
from services.audit.verification.resuming import FIRST_LINE
from tests.integration.audit.world import ORIGIN, World, environment

ALTER = "UPDATE archive SET leaf = leaf || '\\x00'::bytea WHERE place IN (2, 5)"


async def typed(w: World, *words: str, **more: str) -> Result:
    """`perisai audit WORDS`, in a thread of its own, where the command may have its own event loop."""
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, words, env=environment(w) | more))


async def test_an_untouched_log_is_verified(w: World) -> None:
    await w.filled(3, 4)
    found = await typed(w, "verify")
    assert (found.exit_code, found.stdout) == (
        0,
        f"{BESIDE_THE_TREE}\n{ORIGIN}: 7 events under 2 checkpoints, nothing archived since: verified / terverifikasi\n",
    )
    told = json.loads((await typed(w, "verify", "--json")).stdout)
    assert (told["verified"], told["events"], told["findings"]) == (True, 7, [])


async def test_before_the_first_checkpoint_there_is_nothing_to_verify(w: World) -> None:
    await w.keep(*w.branches(2))
    found = await typed(w, "verify")
    last = found.stdout.splitlines()[-1]
    assert found.exit_code == 1
    assert last.endswith("2 archived since the last one: nothing to verify yet / belum ada yang dapat diverifikasi")


async def test_every_altered_record_is_named_and_the_exit_code_is_one(w: World) -> None:
    await w.filled(8)
    await w.tamper(ALTER)
    ids = [await w.one(f"SELECT event_id FROM archive WHERE place = {place}") for place in (2, 5)]
    found = await typed(w, "verify")
    assert found.exit_code == 1
    first, second, _, last = found.stdout.splitlines()
    assert first.startswith(f"place 2, event {ids[0]}: altered / diubah: ")
    assert second.startswith(f"place 5, event {ids[1]}: altered / diubah: ")
    assert last.endswith("NOT VERIFIED / TIDAK TERVERIFIKASI, 2 findings")
    told = json.loads((await typed(w, "verify", "--json")).stdout)
    assert [(one["kind"], one["place"]) for one in told["findings"]] == [("altered", 2), ("altered", 5)]


async def test_that_records_are_not_judged_is_said(w: World) -> None:
    """Which record carried an event is the archive's own note: whoever writes to the database can change it, and no tree says so."""
    await w.filled(3)
    await w.tamper('UPDATE sightings SET "offset" = "offset" + 1000')
    found = await typed(w, "verify")
    assert found.exit_code == 0
    assert "not judged: which records carried an event" in found.stdout and "tidak dinilai" in found.stdout
    assert json.loads((await typed(w, "verify", "--json")).stdout)["not_judged"] == ["records"]


async def test_checkpoints_kept_outside_are_asked_too(w: World, tmp_path: Path) -> None:
    await w.filled(3)
    kept = tmp_path / "kept"
    kept.mkdir()
    note = (w.folder / "checkpoint").read_text()
    (kept / "3.checkpoint").write_text(note)
    assert (await typed(w, "verify", "--kept", str(kept))).exit_code == 0
    other = tmp_path / "other"
    other.write_text(note.replace(ORIGIN, "other.example/log"))
    found = await typed(w, "verify", "--kept", str(kept), "--kept", str(other))
    assert found.exit_code == 1
    assert "it is of other.example/log, and this is" in found.stdout


async def test_what_cannot_be_answered_is_one_sentence_that_names_the_option(w: World, tmp_path: Path) -> None:
    await w.filled(3)
    key = w.settings.public_key
    (tmp_path / "letter").write_text("Dear auditor,\n")
    for words, said in (
        (("--kept", str(tmp_path / "nowhere")), "--kept: "),
        (("--key", "nonsense"), "--key: "),
        (("--key", str(NoteKey("other.example/log", key.public))), "--key: it is the key of other.example/log"),
        (("--resume", str(tmp_path / "letter")), "is not the file of a verification / bukan berkas verifikasi"),
        (("--resume", str(tmp_path / "no-folder" / "x")), "x cannot be written / tidak dapat ditulis"),
        (("--resume", str(tmp_path)), "cannot be written / tidak dapat ditulis"),
    ):
        refused = await typed(w, "verify", *words)
        assert (refused.exit_code, refused.stdout) == (1, ""), words
        assert said in refused.stderr and len(refused.stderr.splitlines()) == 1, refused.stderr
    assert (tmp_path / "letter").read_text() == "Dear auditor,\n"
    away = await typed(w, "verify", PERISAI_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert away.exit_code == 1 and away.stderr.startswith("audit: the database does not answer")
    missing = await typed(w, "verify", PERISAI_AUDIT_SIGNING_KEY="")
    assert missing.exit_code == 1 and "PERISAI_AUDIT_SIGNING_KEY" in missing.stderr


async def test_a_log_signed_with_another_key_than_the_auditor_knows_is_not_verified(w: World) -> None:
    await w.filled(3)
    assert (await typed(w, "verify", "--key", str(w.settings.public_key))).exit_code == 0
    found = await typed(w, "verify", "--key", str(NoteKey(ORIGIN, bytes(range(32)))))
    assert found.exit_code == 1 and f"it is not signed by {ORIGIN}" in found.stdout


async def test_the_file_to_resume_from_is_gone_when_all_was_verified(w: World, tmp_path: Path) -> None:
    await w.filled(3)
    file = tmp_path / "verify.progress"
    file.write_text(f"{FIRST_LINE}\n")
    assert (await typed(w, "verify", "--resume", str(file))).exit_code == 0
    assert not file.exists()


async def test_what_cannot_be_proved_is_one_sentence_in_both_languages_and_no_file(w: World, tmp_path: Path) -> None:
    await w.filled(4)
    await w.keep(w.branch())
    ids = [str(await w.one(f"SELECT event_id FROM archive WHERE place = {place}")) for place in range(5)]
    file = tmp_path / "event.tlog-proof"
    for event_id, said in (
        ("3671010101010001", "EVENT_ID: '3671010101010001' is not the id of an event (a UUID) / bukan nomor peristiwa"),
        (str(new_id()), "is in the archive / tidak ada di arsip"),
        (ids[4], "is archived and not signed yet, ask again in"),
    ):
        refused = await typed(w, "prove", event_id, "-o", str(file))
        assert (refused.exit_code, refused.stdout, file.exists()) == (1, "", False)
        assert said in refused.stderr and len(refused.stderr.splitlines()) == 1, refused.stderr
    nowhere = await typed(w, "prove", ids[0], "-o", str(tmp_path / "no-folder" / "x"))
    assert (nowhere.exit_code, "cannot be written / tidak dapat ditulis" in nowhere.stderr) == (1, True)
    await w.tamper(ALTER)
    changed = await typed(w, "prove", ids[2], "-o", str(file))
    assert (changed.exit_code, "arsip telah diubah" in changed.stderr, file.exists()) == (1, True, False)


async def test_a_checkpoint_of_another_log_or_one_that_is_none_is_told(w: World, tmp_path: Path) -> None:
    await w.filled(3)
    other, letter = tmp_path / "other", tmp_path / "letter"
    other.write_text((w.folder / "checkpoint").read_text().replace(ORIGIN, "other.example/log"))
    letter.write_text("Dear auditor,\n")
    for file, said in (
        (other, f"it is of other.example/log, and this is {ORIGIN} / log lain"),
        (letter, "a note is a text"),
    ):
        found = await typed(w, "verify", "--kept", str(file))
        assert found.exit_code == 1
        (line,) = [line for line in found.stdout.splitlines() if "kept outside" in line]
        assert "bukan milik log ini" in line and said in line
