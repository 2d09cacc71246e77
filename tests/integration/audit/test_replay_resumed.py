"""`perisai audit replay`, killed in the middle: called again it goes on from there, and says the same as one that nobody disturbed."""

from __future__ import annotations

import random
import shlex
import sys
from typing import Any

import asyncpg
import pytest

from tests.integration.audit.test_comparing import Pair, pair, told
from tests.integration.registration.world import World as Branch

__all__ = ["pair"]
pytestmark = pytest.mark.timeout(900)  # a process for every call

SMALL = "import sys; from chassis import archived; archived.BATCH = 1; from deploy import cli; sys.argv[0] = 'perisai'; cli.main()"
VIA = f"{shlex.quote(sys.executable)} -c {shlex.quote(SMALL)} {{service}}"
"""One event in a transaction."""


async def replayed(pair: Pair, *, killed_at: int = 0, point: str = "Y1") -> Any:
    """The outcome; None when it was killed after so many transactions."""
    if killed_at:
        pair.environ |= {"FAULT_AT": point, "FAULT_HIT": str(killed_at)}
    result = await pair.perisai("replay", "registration", "--via", VIA, "--json")
    for name in ("FAULT_AT", "FAULT_HIT"):
        pair.environ.pop(name, None)
    assert result.exit_code == 2 if killed_at else result.exit_code in (0, 1), result.output
    return None if killed_at else told(result)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    about = {"resumed": 0, "seconds": {}}
    return {**one, **about} == {**other, **about}


async def _state_and_log(pair: Pair) -> None:
    """An edited row, an edited event, a lost one, and one that the archive lost."""
    database = pair.h.app.settings.database_url.rpartition("/")[2]
    connection = await asyncpg.connect(f"{pair.w.admin_url.rpartition('/')[0]}/{database}")
    try:
        await connection.execute("UPDATE branches SET city = 'Serang'")
        await connection.execute(
            "UPDATE event_log SET actor = 'nobody' WHERE position = (SELECT min(position) FROM event_log)"
        )
        await connection.execute("DELETE FROM event_log WHERE position = (SELECT max(position) FROM event_log)")
    finally:
        await connection.close()
    await pair.w.tamper("DELETE FROM archive WHERE place = 4")


@pytest.mark.usefixtures("impatient")
async def test_killed_again_and_again_it_says_what_it_says_undisturbed(pair: Pair) -> None:
    records = await pair.records()
    await pair.w.keep(*records)
    await _state_and_log(pair)
    undisturbed = await replayed(pair)
    assert (undisturbed["resumed"], undisturbed["equal"], len(undisturbed["log"]["named"])) == (0, False, 3)
    draw = random.Random(254)
    first = draw.randint(1, len(records) - 3)
    await replayed(pair, killed_at=first)
    await replayed(pair, killed_at=draw.randint(1, len(records) - 1 - first))
    await replayed(pair, killed_at=1, point="Y2")
    resumed = await replayed(pair)
    assert resumed["resumed"] == undisturbed["events"]
    assert same(resumed, undisturbed)


async def test_what_was_recorded_and_archived_meanwhile_belongs_to_it(pair: Pair) -> None:
    records = await pair.records()
    await pair.w.keep(*records)
    await replayed(pair, killed_at=2)
    await Branch.opened(pair.h, code="J09")
    after = await pair.records()
    await pair.w.keep(*after[len(records) : -2])
    await pair.in_registration("DELETE FROM relay_cursors")  # the last two are on their way
    await replayed(pair, killed_at=1, point="Y2")
    await pair.records()
    await pair.w.keep(*after[-2:])
    outcome = await replayed(pair)
    assert (outcome["differences"], outcome["log"]["named"]) == ([], [])
    assert (outcome["events"], outcome["log"]["archived"], outcome["log"]["unsent"]) == (len(after), len(after), 0)


async def test_what_other_code_folded_is_thrown_away(pair: Pair) -> None:
    records = await pair.records()
    await pair.w.keep(*records)
    await replayed(pair, killed_at=2)
    await pair.in_registration("""UPDATE shadow."so far" SET code = 'of yesterday'""")
    outcome = await replayed(pair)
    assert (outcome["resumed"], outcome["events"], outcome["equal"]) == (0, len(records), True)
