"""Operator commands that every service has, run in a process of their own under the service's own role: replay, as-of, letters, republish, rebase,
forget-again."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import pwd
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, NoReturn

import typer
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chassis import comparing, fed, restored
from chassis.asof import Account
from chassis.asof import as_of as account_as_of
from chassis.database import Unavailable
from chassis.deadletters import DeadLetters, LetterUnreadable
from chassis.ids import new_id
from chassis.lost import ErasureIncomplete
from chassis.moments import moment
from chassis.opened import opened
from chassis.privacy.looks import Seen
from chassis.problems import Refusal, render
from chassis.producer import PartitionsChanged, make_producer
from chassis.reads import Read
from chassis.rebase import WritersRunning, assert_writers_stopped
from chassis.rebase import rebase as rebase_relay
from chassis.records import subjects_in
from chassis.replay import Outcome, ReplayRunning
from chassis.replay import replay as replay_service
from chassis.republish import republish as republish_events
from chassis.service import App, Service
from chassis.transaction import Meta, Scope

AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
PRODUCER_START_S = 10


def extend(commands: typer.Typer, service: Service) -> typer.Typer:
    """Adds the common commands to a service's own."""

    if "replay" not in {command.name for command in commands.registered_commands}:  # audit has one that can do more

        @commands.command()
        def replay(as_json: AsJson = False) -> None:
            """Rebuild the state from the event log in a shadow schema and compare it with the live tables; exit code 1 if they differ."""
            replay_own(service, as_json=as_json)

    commands.add_typer(fed.commands(service), name="fed")

    @commands.command("as-of")
    def as_of(
        at: Annotated[str, typer.Argument(help="a time of the wall clock, ISO 8601; WIB when it names no offset")],
        key: Annotated[list[str], typer.Option(help="STREAM/KEY, once for each thing")],
        as_json: AsJson = False,
    ) -> None:
        """What the events of some keys had come to at a moment: the events and the rows that follow from them. Changes nothing."""
        account = uvloop.run(_as_of(service, moment(at), [_place(one) for one in key]))
        print(json.dumps(account.as_json()) if as_json else _accounted(account))

    @commands.command()
    def letters(
        place: Annotated[str, typer.Argument(help="topic:partition:offset of one letter, to open it")] = "",
        as_json: AsJson = False,
    ) -> None:
        """List this service's dead letters; with PLACE, print that record as it was found (base64: it may hold personal data), which is on record."""
        found = uvloop.run(_letters(service, place))
        if place:
            print(json.dumps(found[0]) if found else sys.exit(f"{service.name}: no dead letter of {place}"))
        else:
            print(json.dumps(found) if as_json else "\n".join(_line(letter) for letter in found) or "no dead letters")

    @commands.command()
    def republish(
        stream: Annotated[str, typer.Option(help="of this stream only")] = "",
        key: Annotated[str, typer.Option(help="of this key only")] = "",
        as_json: AsJson = False,
    ) -> None:
        """Send events once more, when the broker lost what it had acknowledged; readers skip what they know."""
        sent = uvloop.run(_republish(service, stream or None, key or None))
        print(json.dumps({"sent": sent}) if as_json else f"{service.name}: {sent} events sent once more")

    @commands.command()
    def rebase(as_json: AsJson = False) -> None:
        """After a restore into another PostgreSQL server: send what may be unpublished and begin anew. Stop the service's writers first."""
        sent = uvloop.run(_rebase(service))
        print(
            json.dumps({"sent": sent}) if as_json else f"{service.name}: {sent} events sent again, the relay may start"
        )

    @commands.command("forget-again")
    def forget_again(as_json: AsJson = False) -> None:
        """Carry out erasures that this database lost. After a restore it happens by itself at the next start; for one that cannot be seen, this."""
        taken = uvloop.run(_forget_again(service))
        print(json.dumps({"events": taken}) if as_json else f"{service.name}: {taken} events taken back")

    return commands


def replay_own(service: Service, *, as_json: bool) -> NoReturn:
    """What `perisai SERVICE replay` does, to the exit code."""
    outcome = uvloop.run(_replay(service, quiet=as_json))
    print(json.dumps(outcome.as_json()) if as_json else _told(service.name, outcome))
    sys.exit(0 if outcome.equal else 1)


async def _replay(service: Service, *, quiet: bool) -> Outcome:
    def progress(done: int) -> None:
        if not quiet:
            print(f"\r{service.name}: {done} events replayed", end="", file=sys.stderr, flush=True)

    async with opened(service) as app:
        try:
            outcome = await replay_service(service, app.engine, app.vault, app.keys, progress=progress)
        except (ReplayRunning, Unavailable) as error:
            sys.exit(f"{service.name}: {error}; nothing was compared / tidak ada yang dibandingkan")
    if not quiet:
        print(file=sys.stderr)
    return outcome


async def _as_of(service: Service, at: datetime, of: list[tuple[str, str]]) -> Account:
    async with opened(service) as app:
        try:
            return await account_as_of(service, app.engine, app.vault, app.keys, at=at, now=app.clock.wall(), of=of)
        except Refusal as refusal:
            told = render(refusal.rejected)["messages"]
            sys.exit(f"{service.name}: {told['id']} / {told['en']}")
        except Unavailable as error:
            sys.exit(f"{service.name}: {error}")


def _place(text: str) -> tuple[str, str]:
    stream, separator, key = text.partition("/")
    if not (stream and separator and key):
        sys.exit(f"{text!r} bukan kunci; tulis / names no key; write STREAM/KEY, such as participants/0199…")
    return stream, key


def _accounted(account: Account) -> str:
    lines = [
        f"{e.recorded_at.isoformat()}  {e.type} {e.stream}/{e.key} {e.seq}  by {e.actor}  under {e.rules}"
        for e in (one.envelope for one in account.events)
    ]
    for table, found in account.tables.items():
        lines.append(f"\n{table}")
        for row in found:
            lines += [f"  {name}: {value}" for name, value in row.items() if value is not None]
            lines.append("")
    return "\n".join(lines)


async def _letters(service: Service, place: str) -> list[dict[str, Any]]:
    async with opened(service) as app:
        settings = app.settings
        box = DeadLetters(
            app.engine,
            app.wrap,
            app.vault,
            app.clock,
            bootstrap=settings.kafka_bootstrap.split(","),
            service=service.name,
            instance=app.instance,
            prefix=settings.topic_prefix,
        )
        try:
            found = [letter async for letter in box.listed(place)]
            if place and found:
                await app.reads.record(_opened(service.name, place, found[0]))
            return found
        except Unavailable as error:
            sys.exit(f"{service.name}: {error}; a letter is shown only when that it was opened is on record")
        except (KafkaError, TimeoutError, LetterUnreadable) as error:
            sys.exit(f"{service.name}: {error or type(error).__name__}")


def _opened(service: str, place: str, letter: dict[str, Any]) -> Read:
    """That this letter was opened, by the account of the machine under which the command runs."""
    persons = sorted(subjects_in([base64.b64decode(letter["value"] or "")]))
    seen = Seen("dead-letters", ("record",), tuple(persons), (place,))
    meta = Meta(f"operator:{_account()}", new_id())
    return Read(meta, Scope(), ("operator",), f"perisai {service} letters", [seen])


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user that has no name
        return str(os.getuid())


def _line(letter: dict[str, Any]) -> str:
    return "  ".join(str(letter[name]) for name in ("day", "place", "reason"))


async def _republish(service: Service, stream: str | None, key: str | None) -> int:
    async with _sending(service) as (app, producer):
        return await republish_events(
            app.engine,
            producer,
            service=service.name,
            prefix=app.settings.topic_prefix,
            catalogue=service.catalogue,
            stream=stream,
            key=key,
        )


async def _rebase(service: Service) -> int:
    async with _sending(service) as (app, producer):
        try:
            await assert_writers_stopped(app.engine)
        except WritersRunning as running:
            sys.exit(f"{service.name}: {running}")
        return await rebase_relay(
            app.engine,
            producer,
            service=service.name,
            prefix=app.settings.topic_prefix,
            catalogue=service.catalogue,
        )


async def _forget_again(service: Service) -> int:
    async with opened(service) as app:
        try:
            return await restored.forget_again(app, restored.following(app))
        except ErasureIncomplete as error:
            sys.exit(f"{service.name}: {error}; nothing was changed")
        except (KafkaError, TimeoutError) as error:
            sys.exit(f"{service.name}: Kafka does not answer ({type(error).__name__}); run it again when it does")


@asynccontextmanager
async def _sending(service: Service) -> AsyncIterator[tuple[App, AIOKafkaProducer]]:
    """A producer that is started; one sentence and exit code 1 when the broker does not answer."""
    async with opened(service) as app:
        producer = make_producer(
            app.settings.kafka_bootstrap.split(","),
            client_id=f"{app.instance}-operator",
            partitions=service.catalogue.partitions,
        )
        try:
            async with asyncio.timeout(PRODUCER_START_S):
                await producer.start()
            yield app, producer
        except PartitionsChanged as error:
            sys.exit(f"{service.name}: {error}; keys would lose their order, nothing was sent there")
        except (KafkaError, TimeoutError) as error:
            sys.exit(f"{service.name}: Kafka does not answer ({type(error).__name__}); run it again when it does")
        finally:
            with contextlib.suppress(Exception):  # settles: what was not acknowledged was told as a failure
                await asyncio.wait_for(producer.stop(), 2)


def _told(name: str, outcome: Outcome) -> str:
    lines = [f"{name}: {outcome.events} events, " + ", ".join(f"{t} {n}" for t, n in outcome.rows.items())]
    lines += [f"  {comparing.SAID[d.kind]}: {d.table} {d.key} {d.column or ''}".rstrip() for d in outcome.differences]
    lines.append("  replay equals live / sama" if outcome.equal else f"  {len(outcome.differences)} DIFFER / BERBEDA")
    return "\n".join(lines)
