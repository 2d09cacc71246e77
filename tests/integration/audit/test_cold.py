"""Closed months as Parquet: written whole or not at all, and taken out of the database without anything being lost."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from chassis.clock import SystemClock
from chassis.ids import new_id
from contracts.values import WIB, ContributionMonth
from services.audit.cold.writing import write
from services.audit.domain.verifying import Kind
from tests.integration.audit.cold_months import (
    OCTOBER,
    SECOND,
    SEPTEMBER,
    alone_verified,
    asked,
    months,
    small_files,
    written,
)
from tests.integration.audit.test_commands import typed
from tests.integration.audit.test_reads import read
from tests.integration.audit.test_search import AUDITOR, ask, envelope_of, registered
from tests.integration.audit.world import World, again

__all__ = ["small_files"]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


class TestWriting:
    async def test_a_closed_month_ends_with_its_last_checkpoint_and_is_verified_from_the_database_and_from_the_files_alone(
        self, w: World, tmp_path: Path
    ) -> None:
        await months(w, 300, 40)
        said = await asked(w, SEPTEMBER)
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

    async def test_what_was_not_signed_at_the_end_of_a_month_stands_in_the_next(self, w: World) -> None:
        end = OCTOBER.starts_at
        for at, count in ((end - timedelta(days=9), 5), (end + timedelta(seconds=2), 0), (OCTOBER.ends_at, 1)):
            if count == 0:
                w.h.clock.move(end - timedelta(seconds=1) - w.h.clock.wall())
                await w.keep(w.branch())
            w.h.clock.move(at - w.h.clock.wall())
            await w.filled(count)
        assert await w.one("SELECT recorded_at < :end FROM archive WHERE place = 5", end=end)
        assert "leaves 0 to 4 in 1 files" in (await asked(w, SEPTEMBER)).stdout
        assert "leaves 5 to 5 in 1 files" in (await asked(w, OCTOBER)).stdout

    async def test_again_changes_nothing_and_elsewhere_makes_the_same_bytes(self, w: World, tmp_path: Path) -> None:
        await months(w, 300)
        folder = await written(w)
        before = snapshot(folder)
        told = json.loads((await asked(w, SEPTEMBER, "--json")).stdout)
        assert (told["written"], snapshot(folder)) == (False, before)
        assert (await asked(w, SEPTEMBER, "--to", str(tmp_path / "other"))).exit_code == 0
        assert snapshot(tmp_path / "other" / "2025-09") == before

    async def test_a_month_that_is_spoilt_is_not_written_over(self, w: World) -> None:
        await months(w, 300)
        folder = await written(w)
        (folder / "000000000256.parquet").write_bytes(b"")
        before = snapshot(folder)
        refused = await asked(w)
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
        for deed, said in (
            ("UPDATE archive SET leaf = leaf || '\\x00'::bytea WHERE place = 7", "it is not what was signed"),
            ("DELETE FROM archive WHERE place = 9", "the archive has not every leaf from 0 to 255"),
        ):
            await w.tamper(deed)
            refused = await asked(w)
            assert refused.exit_code == 1 and said in refused.stderr and "verify it" in refused.stderr, refused.output
            assert [*(w.folder / "cold").iterdir()] == [], deed

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
        again_ = await asked(w)
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

    async def test_who_looked_at_whose_data_is_told_out_of_the_files(self, w: World) -> None:
        who = new_id()
        w.h.clock.move(SEPTEMBER.starts_at - w.h.clock.wall() + timedelta(hours=1))
        await w.h.app.composition.keepers["audit"]([read(w, who)])
        await months(w, 5)

        async def told() -> list[dict[str, Any]]:
            reads: list[dict[str, Any]] = json.loads(
                (await typed(w, "reads", "--participant", str(who), "--json")).stdout
            )["reads"]
            return reads

        before = await told()
        assert [(one["door"], one["kinds"]) for one in before] == [("GET /participants", ["people: name, phone"])]
        await written(w)
        assert "6 events left the database" in (await self.dropped(w)).stdout
        assert await told() == before
        shutil.rmtree(w.folder / "cold")
        assert [(one["actor"], one["door"], one["kinds"]) for one in await told()] == [("officer-1", "?", [])]
