"""The outreach day as the commands play it: `play`, then `table` and `differences` of its report."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from deploy.local.outreach import aftermath, auditing, day, history, report
from deploy.local.outreach.doors import opened
from deploy.local.stack import LocalStack


async def play(stack: LocalStack, tell: Callable[[str], None]) -> dict[str, Any]:
    """Plays history, day, next morning and the end of the month on a running stack, or finds them played, and has them audited; the
    report. Raises Trouble.
    """
    async with opened(stack, timeout_s=60) as doors:
        cast = await history.happen(stack, doors, tell)
        await history.reach_the_day(doors)
        played = await day.happen(doors, cast, tell)
        settled = await aftermath.next_morning(doors, cast, played, tell)
        await day.be_told(doors, cast, played, tell)
        found = await report.ask(doors, cast, played)
        month = await aftermath.end_of_month(doors, cast, tell)
        tell("the auditor: archive, tree, one proof, and every service replayed from its log")
        return found | settled | month | await report.at_rest(doors) | await auditing.ask(stack)


def table(found: dict[str, Any]) -> str:
    """For a person to read."""
    return report.table(found)


def differences(found: dict[str, Any]) -> list[str]:
    """What does not add up, one line each."""
    refusals = json.loads((day.HERE / "refusals.json").read_text(encoding="utf-8"))
    return report.differences(found, report.expected(refusals))
