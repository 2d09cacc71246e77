"""Counts that do not drift with the neighbours' load: statements, commits, sequential scans, compared with a committed ceiling.

    async with watched(h.app) as seen:
        await h.run(use_case, items)
    holds("payments.snap_payment.statements", seen.statements)

Ceilings stand in tests/bench/counters.json: `{"name": {"most": 12, "why": "what they are"}}`. A count may fall freely; raising one means a
new value and its reason in the same change.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.service import App

NOTES = "PERISAI_COUNTS"
"""Variable that names a file for every count that is compared."""
CEILINGS = Path(__file__).parents[1] / "bench" / "counters.json"
_HISTORY_CHANGED = re.compile(r"\b(UPDATE|DELETE\s+FROM|TRUNCATE)\s+(ONLY\s+|TABLE\s+)?\"?event_log\b", re.IGNORECASE)


@dataclass
class Seen:
    """What one engine did while watched. `sent`: statement with its parameters, in order."""

    engine: AsyncEngine
    sent: list[tuple[str, Any]] = field(default_factory=list)
    commits: int = 0

    @property
    def statements(self) -> int:
        return len(self.sent)

    @property
    def history_changes(self) -> int:
        """Statements that change or delete events; 0, always."""
        return sum(bool(_HISTORY_CHANGED.search(statement)) for statement, _ in self.sent)

    async def sequential_scans(self, tables: Collection[str]) -> list[str]:
        """Where a statement would read one of these tables from end to end, by the plans for the parameters it had.

        Means something only for tables that are large and analysed: PostgreSQL reads small ones so anyway.
        """
        found = []
        async with self.engine.connect() as conn:
            for statement, parameters in dict(self._explainable()).items():
                plan = (await conn.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)).scalar_one()
                plans = json.loads(plan) if isinstance(plan, str) else plan
                found += [f"{table}: {statement}" for table in _scanned(plans[0]["Plan"]) if table in tables]
        return found

    async def rows_handled(self) -> dict[str, int]:
        """Statement that reads → the rows that the nodes of its plan gave on or threw away, over all their loops, when it is run once more."""
        found = {}
        async with self.engine.connect() as conn:
            for statement, parameters in dict(self._explainable()).items():
                plan = (
                    await conn.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
                ).scalar_one()
                plans = json.loads(plan) if isinstance(plan, str) else plan
                found[statement] = _handled(plans[0]["Plan"])
        return found

    def _explainable(self) -> list[tuple[str, Any]]:
        verbs = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
        return [(s, p) for s, p in self.sent if s.lstrip().upper().startswith(verbs)]


@asynccontextmanager
async def watched(app: App) -> AsyncIterator[Seen]:
    """Watches the engine of a service while the block runs."""
    seen = Seen(app.engine)
    engine = app.engine.sync_engine

    def statement(_conn: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        seen.sent.append((sql, parameters))

    def commit(_: sa.Connection) -> None:
        seen.commits += 1

    event.listen(engine, "after_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield seen
    finally:
        event.remove(engine, "after_cursor_execute", statement)
        event.remove(engine, "commit", commit)


def holds(name: str, count: int) -> None:
    """Fails when the count is above its ceiling, or has none."""
    entry = ceilings().get(name)
    assert entry is not None, f"{name} has no ceiling in {CEILINGS.name}: add it with {count} and why"
    _note(name, count, entry["most"])
    assert count <= entry["most"], (
        f"{name} is {count}, at most {entry['most']} ({entry['why']}): find what was added, or raise it there and say why"
    )


def _note(name: str, count: int, most: int) -> None:
    """A line in the file that `make bench-check` names, whichever test process it is; nothing otherwise."""
    if path := os.environ.get(NOTES):
        with Path(path).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"name": name, "value": count, "allowed": most}) + "\n")


@lru_cache(maxsize=1)
def ceilings() -> dict[str, dict[str, Any]]:
    """Name → {"most": …, "why": …}."""
    found: dict[str, dict[str, Any]] = json.loads(CEILINGS.read_text(encoding="utf-8"))
    return found


def _scanned(plan: dict[str, Any]) -> list[str]:
    own = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return own + [name for part in plan.get("Plans", ()) for name in _scanned(part)]


def _handled(plan: dict[str, Any]) -> int:
    """Counts are averages of a loop."""
    removed = sum(count for name, count in plan.items() if name.startswith("Rows Removed"))
    own: float = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return round(own) + sum(map(_handled, plan.get("Plans", ())))
