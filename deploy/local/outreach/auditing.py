"""The day as an auditor asks about it: is every event archived, has none been changed, can one be proved, does today's state follow from them?

The counts are of one moment: all events that the logs held then. Timers go on by themselves, so what was recorded later is neither missing
nor strange.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from chassis.topicreader import read_topic
from contracts.events import TOPICS
from deploy.local import places
from deploy.local.outreach.doors import until
from deploy.local.stack import LocalStack

ARCHIVED_WITHIN_S = 120.0
AT_ONCE = 2
Run = Callable[..., Awaitable[tuple[int, str]]]
PROVED = "ContributionPaid"
"""The event that is proved is the newest of this type: money came."""
_NEWEST = "SELECT event_id FROM event_log WHERE type = $1 ORDER BY position DESC LIMIT 1"
# Not archived, or not under a checkpoint. Audit's own events wait for the next one: they alone bring about none.
_OPEN = (
    "SELECT count(*) FROM unnest($1::uuid[]) AS wanted(event_id) LEFT JOIN archive USING (event_id)"
    " WHERE place IS NULL OR (source <> 'audit' AND place >= (SELECT COALESCE(max(size), 0) FROM checkpoints))"
)


async def ask(stack: LocalStack) -> dict[str, Any]:
    """`events` of all logs at this moment, how many of them are `on_topics` and archived, and `strangers`: ids there that are in no log."""
    logged = await _ids(stack)
    await until("every event archived and signed", lambda: _signed(stack, logged), within_s=ARCHIVED_WITHIN_S)
    archived = await _read(stack, "audit", "SELECT event_id FROM archive")
    on_topics = await _on_topics(stack)
    strangers = (archived | on_topics) - await _ids(stack)
    return {
        "events": len(logged),
        "on_topics": len(logged & on_topics),
        "strangers": len(strangers),
        "audit": {"archived": len(logged & archived), **await _proved(stack)},
    }


async def _proved(stack: LocalStack) -> dict[str, Any]:
    """What the commands say, each a process of its own, as an auditor has it."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(*argv: str) -> tuple[int, str]:
        async with turns:
            return await _run(stack, argv)

    verified, checked, replayed = await asyncio.gather(
        one(*_perisai("audit", "verify", "--json")),
        _checked(stack, one),
        asyncio.gather(*(one(*_perisai(name, "replay", "--json")) for name in stack.services)),
    )
    return {
        "verified": _told(*verified).get("verified") is True,
        "proof_checked": checked,
        "replay_equal": {
            name: _told(*outcome).get("equal") is True for name, outcome in zip(stack.services, replayed, strict=True)
        },
    }


async def _checked(stack: LocalStack, run: Run) -> bool:
    """Whether the newest payment is proved to the verifier that stands alone: without our packages, our settings and our database."""
    (event_id,) = await _read(stack, "payments", _NEWEST, PROVED)
    file = stack.folder / "payment.tlog-proof"
    made = _told(*await run(*_perisai("audit", "prove", str(event_id), "--out", str(file), "--json")))
    if not made:
        return False
    code, _ = await run(sys.executable, "-I", *made["check"][1:], "--quiet")
    return code == 0


async def _signed(stack: LocalStack, wanted: Collection[UUID]) -> bool:
    return await _read(stack, "audit", _OPEN, list(wanted)) == {0}


async def _ids(stack: LocalStack) -> set[Any]:
    return set().union(*[await _read(stack, name, "SELECT event_id FROM event_log") for name in stack.services])


async def _on_topics(stack: LocalStack) -> set[Any]:
    """The ids of all records; a repeat is one."""
    bootstrap = stack.kafka.bootstrap.split(",")
    return {
        UUID((dict(record.headers)["ce_id"] or b"").decode())
        for topic in sorted({*TOPICS.values()})
        async for record in read_topic(bootstrap, stack.topic_prefix + topic)
    }


async def _read(stack: LocalStack, service: str, sql: str, *values: object) -> set[Any]:
    """The first column, as the role for long readers sees it."""
    connection = await asyncpg.connect(stack.databases.url(service, "reader"))
    try:
        return {row[0] for row in await connection.fetch(sql, *values)}
    finally:
        await connection.close()


def _perisai(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "deploy.cli", *words)


def _told(code: int, out: str) -> dict[str, Any]:
    """What a command answered; nothing when it failed."""
    return json.loads(out) if code == 0 else {}


async def _run(stack: LocalStack, argv: Sequence[str]) -> tuple[int, str]:
    """A command beside this stack, with nothing of our own environment but where programs are; its exit code and output."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *argv, env=kept | {"PERISAI_HOME": str(stack.folder)}, cwd=places.PROJECT, stdout=PIPE, stderr=DEVNULL
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()
