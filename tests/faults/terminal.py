"""What a person sees: a line per cell, failures last with the command that replays them, and the totals."""

from __future__ import annotations

from tests.faults.report import Run
from tests.faults.results import Result

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11")
_HEAD = (
    f"{'cell':<30}{'service':<15}{'fired':>9}  {' '.join(f'{name:<4}' for name in INVARIANTS)} {'recovery':>13}  result"
)


def line(result: Result) -> str:
    """One cell."""
    found = {one["id"]: one for one in result.invariants}
    marks = " ".join(f"{_mark(found.get(name)):<4}" for name in INVARIANTS)
    recovery = f"{result.recovery_s:.1f}/{result.budget_s:g} s" if result.recovery_s is not None else "–"
    fired = f"{result.fired}/{result.planned}"
    told = result.status if result.status in ("pass", "absent") else f"{result.status.upper()}   {result.replay}"
    text = f"{result.cell:<30}{result.service:<15}{fired:>9}  {marks} {recovery:>13}  {told}"
    if result.status == "fail":
        text += "".join(f"\n    {one}" for one in _named(result))
    return f"{text}\n    {result.why}" if result.why else text


def _mark(found: dict[str, object] | None) -> str:
    if found is None:
        return "–"
    return {"pass": "✓", "fail": f"✗{found['violations']}", "not_run": "?"}[str(found["status"])]


def _named(result: Result) -> list[str]:
    return [
        f"{one['id']}: {first['where']} {first['key']}: expected {first['expected']}, found {first['actual']}"
        for one in result.invariants
        for first in one["first"]
    ]


def table(run: Run, seconds: float) -> str:
    """The whole run."""
    order = {"absent": 0, "pass": 1, "error": 2, "fail": 3}
    shown = sorted(run.results, key=lambda result: order[result.status])
    absent: dict[str, list[str]] = {}
    for result in shown:
        if result.absent:
            absent.setdefault(result.absent, []).append(result.cell)
    lines = [_HEAD, *(line(result) for result in shown if result.status != "absent")]
    lines += [f"absent: {why}: {', '.join(cells)}" for why, cells in absent.items()]
    lines += [f"broken build {one['id']}: {_caught(one)} in {one['seconds']:.1f} s" for one in run.broken]
    return "\n".join([*lines, totals(run, seconds)])


def _caught(one: dict[str, object]) -> str:
    by = one["caught_by"]
    return f"caught by {', '.join(by) if isinstance(by, list) else by}" if one["status"] == "pass" else "NOT CAUGHT"


def totals(run: Run, seconds: float) -> str:
    found, counts = run.totals(), run.counts()
    caught = sum(one["status"] == "pass" for one in run.broken)
    return (
        f"{found['planned']} cells  {found['passed']} pass  {found['failed']} fail  {found['error']} error  {found['absent']} absent"
        f"   {counts['kills']} kills  {counts['registrations']} registrations  lost {counts['lost']}  doubled {counts['doubled']}"
        f"   broken builds {caught}/{len(run.broken)} caught   {run.stack.get('kafka', 'no broker')}"
        f"   PostgreSQL {run.stack.get('postgres', '–')}   {int(seconds // 60)} min {int(seconds % 60)} s"
    )
