"""What must not succeed is tried, and nothing comes of it: every answer is judged, and every row of the database is as it was before.

async with nothing_changes(h, evidence) as trial:
    trial.take(refused("no form", await h.client.post(…), 400, "malformed"))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from tests.faults.evidence import Evidence, Violation
from tests.faults.threats.rows import Picture, changes, picture
from tests.support.service import Harness

ANSWERS: Final = "inputs.answers"


@dataclass
class Trial:
    """How much was tried, and all that was wrong with it."""

    tried: int = 0
    wrong: list[Violation] = field(default_factory=list)

    def take(self, found: Iterable[Violation], *, tries: int = 1) -> None:
        """So many tries more, and what is wrong with them."""
        self.tried += tries
        self.wrong += found

    def ends(self, evidence: Evidence, *, unit: str = "request", proving: str = ANSWERS) -> None:
        """Writes down what was tried, and that nothing was wrong with it."""
        evidence.fired(self.tried, of=self.tried, unit=unit)
        evidence.holds(proving, checked=self.tried, violations=self.wrong)


@asynccontextmanager
async def nothing_changes(
    h: Harness,
    evidence: Evidence,
    *,
    proving: str = ANSWERS,
    without: Collection[str] = (),
    grown: Collection[str] = (),
) -> AsyncIterator[Trial]:
    """A trial that ends with the block, and beside what it proves ("T4.files") that nothing changed ("T4.unchanged").

    A block that raises leaves no evidence.
    """
    trial, changed = Trial(), list[Violation]()
    async with unchanged(h, changed, without=without, grown=grown) as before:
        yield trial
    trial.ends(evidence, proving=proving)
    evidence.holds(f"{proving.partition('.')[0]}.unchanged", checked=before.rows, violations=changed)


@asynccontextmanager
async def unchanged(
    h: Harness, wrong: list[Violation], *, without: Collection[str] = (), grown: Collection[str] = ()
) -> AsyncIterator[Picture]:
    """Adds to `wrong` every table that is not as it was when the block began; see `picture` and `changes`."""
    before = await picture(h, without=without)
    yield before
    wrong += changes(before, await picture(h, without=without), grown=grown)


async def people_of(h: Harness) -> int:
    """How many are registered."""
    async with h.app.read() as conn:
        return int((await conn.execute(sa.text("SELECT count(*) FROM participants"))).scalar_one())
