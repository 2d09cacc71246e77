"""What a service is fed when a month of its events left the database: the same, out of the files."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Any

from contracts.values import ContributionMonth
from tests.integration.audit.test_comparing import Pair, pair, pytestmark, told

OCTOBER = ContributionMonth(2025, 10)
__all__ = ["pair", "pytestmark"]


async def october(p: Pair) -> int:
    """Registration's events archived, all but three of them in October; how many those are."""
    records = await p.records()
    for part, at in ((records[:-3], p.w.h.clock.wall()), (records[-3:], OCTOBER.ends_at + timedelta(days=2))):
        p.w.h.clock.move(at - p.w.h.clock.wall())
        await p.w.keep(*part)
        await p.w.signer.sign()
    await p.w.signer.publish()
    return len(records) - 3


async def replayed(p: Pair, *more: str) -> Any:
    result = await p.perisai("replay", "registration", "--json", *more)
    assert result.exit_code in (0, 1), result.output
    return {name: value for name, value in told(result).items() if name != "seconds"}


async def test_a_replay_out_of_the_files_equals_the_one_out_of_the_database(pair: Pair) -> None:
    count = await october(pair)
    hot = await replayed(pair)
    assert (hot["equal"], hot["log"]["equal"], hot["events"]) == (True, True, count + 3)
    wrote = await pair.perisai("cold", "write", "--month", "2025-10")
    assert wrote.exit_code == 0 and f"leaves 0 to {count - 1} in 1 files" in wrote.stdout, wrote.output
    shelf = str(pair.w.settings.shelf.folder)
    pair.environ["PERISAI_OWNER_DATABASE_URL"] = pair.w.admin_url
    await pair.w.tamper("UPDATE archive SET leaf = leaf || '\\x00'::bytea WHERE place = 0")
    assert not (await replayed(pair))["log"]["equal"]
    assert await replayed(pair, "--from-cold", shelf) == hot, "the files were asked, not the database"
    await pair.w.tamper("UPDATE archive SET leaf = substr(leaf, 1, length(leaf) - 1) WHERE place = 0")
    dropped = await pair.perisai("cold", "drop", "--month", "2025-10")
    assert dropped.exit_code == 0 and f"{count} events left" in dropped.stdout, dropped.output
    assert await replayed(pair) == hot
    checked = await pair.perisai("cross-check", "registration")
    assert checked.exit_code == 0 and f"{count + 3} archived, 0 not sent yet: equal" in checked.stdout
    shutil.rmtree(shelf)
    lost = await pair.perisai("cross-check", "registration", "--json")
    named = told(lost)["registration"]["named"]
    assert lost.exit_code == 1
    assert {(one["kind"], *one["what"]) for one in named if one["kind"] == "unreadable"} == {
        ("unreadable", "cold_month_missing")
    }
    assert len([one for one in named if one["kind"] == "unreadable"]) == count
