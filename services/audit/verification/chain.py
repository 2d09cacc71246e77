"""The checkpoints in the database, each judged by itself, and whether each continues the one before.

What is wrong with one says nothing of the next: where the one before is missing or altered, the tree says what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.audit.domain.base64text import to_text
from services.audit.domain.checkpoints import Checkpoint, Contradiction, check_continues, read_signed
from services.audit.domain.merkle import EMPTY_ROOT
from services.audit.domain.notes import BadNote, NoteKey
from services.audit.domain.verifying import Finding, Kind
from services.audit.queries.log import path_of
from services.audit.tables import checkpoints
from services.audit.verification.trust import Trust


@dataclass(frozen=True, slots=True)
class Link:
    """A checkpoint as it was signed, with what its row says of the one before: `before` leaves, and how to prove it."""

    checkpoint: Checkpoint
    before: int
    row: Any

    def continues(self, older: Checkpoint) -> bool:
        """Whether what stands here proves it."""
        try:
            check_continues(older, self.checkpoint, path_of(self.row))
        except (ValueError, Contradiction):
            return False
        return True


async def links_of(conn: AsyncConnection, key: NoteKey) -> tuple[list[Link], list[Finding]]:
    """Those that stand there as they were signed, by size, and a finding of each other."""
    asked = sa.select(checkpoints).where(checkpoints.c.log == key.name).order_by(checkpoints.c.size)
    good: list[Link] = []
    findings: list[Finding] = []
    for row in (await conn.execute(asked)).all():
        try:
            signed = read_signed(row.note, key)
            if (row.size, row.root) != (signed.size, to_text(signed.root)):
                raise BadNote("its columns say other than what was signed / kolomnya lain dari yang ditandatangani")
            good.append(Link(signed, row.before, row))
        except BadNote as error:
            findings.append(_finding(row.size, str(error)))
    return good, findings


async def chained(
    trust: Trust, log: str, links: Sequence[Link], outside: Sequence[Checkpoint], named: Sequence[Finding]
) -> list[Finding]:
    """Those that do not continue the one before, and those that are missing. `trust`: climbed; `outside`: kept by others; `named`: already."""
    told = {finding.place for finding in named if finding.kind is Kind.CHECKPOINT}
    kept = {one.size: one for one in outside}
    findings: list[Finding] = []
    last = Checkpoint(log, 0, EMPTY_ROOT)
    for link in links:
        size, before = link.checkpoint.size, link.before
        known = last if last.size == before else kept.get(before)
        if not (known and link.continues(known)) and not await _by_the_tree(trust, log, link):
            text = f"nothing proves that it continues the {before} leaves before it / tidak terbukti menyambung {before} daun sebelumnya"
            findings.append(_finding(size, text))
        elif before < last.size:
            en = f"it follows on {before} leaves, and the one before it has {last.size}"
            findings.append(_finding(size, f"{en} / menyambung {before} daun, padahal yang sebelumnya {last.size}"))
        elif before > last.size and before not in told:
            en = f"it is not there, and that of {size} leaves follows on it"
            findings.append(_finding(before, f"{en} / tidak ada, padahal yang {size} daun menyambungnya"))
        last = link.checkpoint
    return findings


async def _by_the_tree(trust: Trust, log: str, link: Link) -> bool:
    if not 0 < link.before < link.checkpoint.size:
        return False
    root = await trust.root_at(link.before)
    return root is not None and link.continues(Checkpoint(log, link.before, root))


def _finding(size: int, detail: str) -> Finding:
    return Finding(Kind.CHECKPOINT, size, None, detail)
