"""I7: replay = live. Each service rebuilds its state from its own log under its own role, by the command that the facts name, and compares.

Its word is taken for the differences only: that it compared everything is held against the rows and events counted here.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any

from tests.faults.checker.facts import CannotCheck
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World

WITHIN_S = 600
EQUAL, DIFFERENT = 0, 1


async def check(world: World, tally: Tally) -> None:
    """Not run where no command is known."""
    commands = {name: command for name, command in world.facts.replay.items() if name in world.facts.services}
    outcomes = await asyncio.gather(*(_replayed(name, command) for name, command in commands.items()))
    for service, outcome in zip(commands, outcomes, strict=True):
        await _compared_all(world, tally, service, outcome)
        tally.checked += sum(outcome["rows"].values())
        for found in outcome["differences"]:
            where = ".".join(part for part in (service, found["table"], found["column"]) if part)
            tally.bad(where, found["key"], expected="live equals replay", actual=found["kind"])


async def _replayed(service: str, command: Mapping[str, Any]) -> Mapping[str, Any]:
    """The outcome that the command printed. Raises CannotCheck when it ended without one."""
    child = await asyncio.create_subprocess_exec(
        *command["argv"],
        env={**os.environ, **command.get("env", {})},
        cwd=command.get("cwd"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, complaint = await asyncio.wait_for(child.communicate(), WITHIN_S)
    except TimeoutError as error:
        child.kill()
        raise CannotCheck(f"{service}: replay did not end within {WITHIN_S} s") from error
    try:
        outcome: Mapping[str, Any] = json.loads(told.splitlines()[-1])
        assert outcome["equal"] is (child.returncode == EQUAL) is (not outcome["differences"])
    except (ValueError, KeyError, IndexError, AssertionError) as error:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:] or ["nothing said"]
        raise CannotCheck(f"{service}: replay ended with {child.returncode}: {last[0][:200]}") from error
    return outcome


async def _compared_all(world: World, tally: Tally, service: str, outcome: Mapping[str, Any]) -> None:
    events = len(await world.log(service))
    tally.see(
        outcome["events"] == events, f"{service}.event_log", "", expected=f"{events} events", actual=outcome["events"]
    )
    for table, rows in outcome["rows"].items():
        (counted,) = await world.query(service, f'SELECT count(*) AS rows FROM public."{table}"')
        tally.see(
            counted["rows"] == rows, f"{service}.{table}", "", expected=f"{counted['rows']} rows compared", actual=rows
        )
