"""`perisai SERVICE fed …`: commands of a service that audit calls, each under the service's own role, and feeds with what the archive has.

They say on standard output for what to wait, read the feed from standard input, and end with their outcome. Every line of the output is an
object in JSON: `await` with ids, any number of them; `feed`, when the feed may begin, whether `key_by_key`, and `after` what it goes on, where a
replay was interrupted; at last `outcome`. Exit code 0: equal, 1: something
differs, 2: nothing was compared.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
import typer
import uvloop

from chassis import crosscheck, memory
from chassis.archived import BrokenOff, batches
from chassis.crosscheck import Feed, FromArchive, Ready
from chassis.database import Unavailable, is_outage
from chassis.moments import moment
from chassis.opened import opened
from chassis.replay import ReplayRunning, replay
from chassis.service import App, Service
from chassis.sofar import Mark

EQUAL, DIFFERENT, NOT_COMPARED = 0, 1, 2
_IDS = 1_000
_PART_BYTES = 1 << 20

Until = Annotated[str, typer.Option(help="up to this time, compared with what the log makes of it")]


def commands(service: Service) -> typer.Typer:
    """Those of one service."""
    app = typer.Typer(no_args_is_help=True, help="Called and fed by `perisai audit`.")

    @app.command("cross-check")
    def cross_check() -> None:
        """Compare the event log with the archive."""
        sys.exit(uvloop.run(_cross_check(service)))

    @app.command("replay")
    def replay(until: Until = "") -> None:
        """Rebuild the state from the archive in a shadow schema and compare it with the live tables."""
        sys.exit(uvloop.run(_replay(service, moment(until) if until else None)))

    return app


async def _cross_check(service: Service) -> int:
    async with comparing(service) as app:
        tally = await crosscheck.cross_check(
            service, app.engine, feed(), ready=ready(service), progress=progress(service)
        )
    say({"outcome": tally.as_json()})
    return EQUAL if tally.equal else DIFFERENT


async def _replay(service: Service, until: datetime | None) -> int:
    async with comparing(service) as app:
        source = FromArchive(service, app.engine, feed(), ready=ready(service), until=until)
        tell = progress(service, await _length(app))
        outcome = await replay(service, app.engine, app.vault, app.keys, source=source, until=until, progress=tell)
    say({"outcome": {**outcome.as_json(), "log": source.tally.as_json()}})
    return EQUAL if outcome.equal and source.tally.equal else DIFFERENT


@asynccontextmanager
async def comparing(service: Service) -> AsyncIterator[App]:
    """One sentence when nothing could be compared."""
    async with opened(service) as app:
        memory.settle()
        try:
            yield app
            print(file=sys.stderr)  # after the progress
        except (ReplayRunning, Unavailable, BrokenOff) as error:
            print(f"{service.name}: {error}; nothing was compared / tidak ada yang dibandingkan", file=sys.stderr)
            sys.exit(NOT_COMPARED)
        except Exception as error:
            if not is_outage(error):
                raise
            print(
                f"{service.name}: the database does not answer / basis data tidak menjawab ({type(error).__name__})",
                file=sys.stderr,
            )
            sys.exit(NOT_COMPARED)


def progress(service: Service, of: int = 0) -> Callable[[int], None]:
    """On standard error: how many `of` how many, how fast, and how long it still takes."""
    began: tuple[int, float] | None = None

    def tell(events: int) -> None:
        nonlocal began
        now = time.monotonic()
        began = began or (events, now)
        first, at = began
        rate = (events - first) / max(now - at, 0.001)
        left = f", {rate:.0f}/s, {max(of - events, 0) / rate:.0f} s left" if rate and of else ""
        print(
            f"\r{service.name}: {events}{f' of {of}' if of else ''} events{left}   ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    return tell


async def _length(app: App) -> int:
    """Events of its log by now."""
    async with app.read() as conn:
        return int((await conn.execute(sa.text("SELECT count(*) FROM event_log"))).scalar_one())


def feed() -> Feed:
    return batches(_lines())


async def _lines() -> AsyncIterator[Sequence[bytes]]:
    while lines := await asyncio.to_thread(sys.stdin.buffer.readlines, _PART_BYTES):
        yield lines


def ready(service: Service) -> Ready:
    async def ready(awaited: Sequence[UUID], after: Mark | None) -> None:
        for start in range(0, len(awaited), _IDS):
            say({"await": [str(one) for one in awaited[start : start + _IDS]]})
        where = {} if after is None else {"after": {name: after[name] for name in ("segment", "lines", "passed")}}
        say({"feed": True, "key_by_key": service.folds_key_by_key, **where})

    return ready


def say(told: Mapping[str, Any]) -> None:
    print(json.dumps(told, separators=(",", ":")), flush=True)
