"""Hands a service's own events to a command of that service, which runs under its own role and compares them with what it has.

The service looks at its log first and names what to wait for; then the archive is read, in one picture. So nothing that is on its way is
called missing, and the archive may be ahead, which the service finds out for itself (`chassis.crosscheck`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import archived, memory
from chassis.archived import Segment
from chassis.database import steady
from services.audit.cold.shelf import Shelf
from services.audit.queries.feed import absent, lines
from services.audit.queries.log import size_of

PATIENCE_S = 30.0
"""So long the archive is given to take in what the service had sent."""
LOOK_EVERY_S = 0.2
LONGEST_LINE = 1 << 26


Reading = Callable[..., AsyncIterator[list[bytes]]]
"""Of a connection, a segment, and how many of its lines have passed."""


class Fed(NamedTuple):
    """`size`: leaves of the archive that was read. `outcome`: the command's last word."""

    size: int
    outcome: dict[str, Any]


class NotCompared(Exception):
    """The service's command ended without an outcome; its own words stand on standard error."""


class QuestionRefused(Exception):
    """The service cannot answer the question. `errors`: each with `field`, `code`, and `messages` in both languages (`id`, `en`)."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(", ".join(str(one["field"]) for one in errors))
        self.errors = errors


async def fed(
    engine: AsyncEngine,
    service: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    shelf: Shelf,
    files_first: bool = False,
    until: datetime | None = None,
    patience_s: float | None = None,
    rows: Callable[[Sequence[dict[str, Any]]], object] = lambda some: None,
) -> Fed:
    """Runs the command to its end; `rows` is given what it says before its outcome. `shelf`: where the leaves of cold months are, `files_first`:
    also of those that are in the database too. `patience_s`: for what is on its way (default: PATIENCE_S). Raises NotCompared, QuestionRefused, or
    the database's errors; then it is ended by us.
    """
    memory.settle()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env=dict(environment), limit=LONGEST_LINE
    )
    try:
        wanted, wish = await _awaited(process)
        await _archived(engine, wanted, PATIENCE_S if patience_s is None else patience_s)
        key_by_key = wish.get("key_by_key", False)
        reading = partial(
            lines, source=service, shelf=shelf, key_by_key=key_by_key, until=until, files_first=files_first
        )
        size = await _feed(engine, process, reading, wish.get("after"))
        return Fed(size, await _outcome(process, rows))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _awaited(process: Process) -> tuple[list[UUID], dict[str, Any]]:
    """For what the service wants us to wait, and how it wants to be fed."""
    wanted: list[UUID] = []
    while "feed" not in (told := await _told(process)):
        wanted += map(UUID, told.get("await", ()))
    return wanted, told


async def _archived(engine: AsyncEngine, wanted: list[UUID], patience_s: float) -> None:
    """Returns when all of them are there, or the patience is at its end: what is not there then is missing, and the service says so."""
    ends = time.monotonic() + patience_s
    while True:
        async with engine.connect() as conn:
            wanted = await absent(conn, wanted)
        if not wanted or time.monotonic() >= ends:
            return
        await asyncio.sleep(LOOK_EVERY_S)


async def _feed(engine: AsyncEngine, process: Process, reading: Reading, after: dict[str, Any] | None) -> int:
    """Leaves of the archive as it was handed over."""
    assert process.stdin is not None
    count = 0
    async with engine.connect() as picture:
        await steady(picture)
        size = await size_of(picture)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died; how, shows at its end
            for segment, passed in _segments(after, size):
                process.stdin.write(archived.segment(segment, passed))
                async for page in reading(picture, segment=segment, passed=passed):
                    process.stdin.writelines(page)
                    await process.stdin.drain()
                    count += len(page)
            process.stdin.write(archived.end(count))
            await process.stdin.drain()
            process.stdin.close()
    return size


def _segments(after: dict[str, Any] | None, size: int) -> list[tuple[Segment, int]]:
    """What is to be handed over of an archive of this size: the rest of what was being handed over, and all that is new since."""
    if after is None:
        return [(Segment(0, size), 0)]
    began = Segment.of_json(after["segment"])
    return [(began, after["lines"]), (Segment(began.end, size, tuple(map(UUID, after["passed"]))), 0)]


async def _outcome(process: Process, rows: Callable[[Sequence[dict[str, Any]]], object]) -> dict[str, Any]:
    while "outcome" not in (told := await _told(process)):
        rows(told["rows"])
    outcome: dict[str, Any] = told["outcome"]
    await process.wait()
    return outcome


async def _told(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    text = await process.stdout.readline()
    try:
        told: dict[str, Any] = json.loads(text)
    except ValueError:
        raise NotCompared(
            "its command ended without an outcome" if not text else "its command said something else"
        ) from None
    if "refused" in told:
        raise QuestionRefused(told["refused"])
    return told
