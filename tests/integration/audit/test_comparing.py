"""`perisai audit cross-check` and `perisai audit replay`, as an auditor runs them: the service compares in a process of its own, under its role."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from chassis.businessclock import BusinessClock
from chassis.clock import SystemClock
from chassis.ids import new_id
from chassis.records import Record
from chassis.telemetry import configure_logs
from contracts.envelope import Envelope
from services.audit.cli import app, called
from services.audit.feeding import fed
from services.registration.app import SERVICE as REGISTRATION
from tests.integration.audit.world import World, audited, environment
from tests.integration.registration.world import World as Branch
from tests.support import archive, toy_processes
from tests.support.eventually import eventually
from tests.support.service import Harness, harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)  # several processes, one after the other
ECHOES = """
import json, sys
print(sys.argv[1], flush=True)
lines = [json.loads(line) for line in sys.stdin]
print(json.dumps({"outcome": {"ids": [line["id"] for line in lines if "id" in line]}}))
"""
"""A command that tells in which order it was fed."""


@dataclass
class Pair:
    """Audit, and registration with a branch at work, whose settings lie where `perisai` looks for them."""

    w: World
    h: Harness
    environ: dict[str, str]

    async def records(self) -> list[Record]:
        """What registration's relay would have sent, all of it."""
        return await archive.published(self.h)

    async def perisai(self, *arguments: str) -> Result:
        """`perisai audit ARGUMENTS`."""
        try:
            return await asyncio.to_thread(CliRunner().invoke, app, [*arguments], env=self.environ)
        finally:
            configure_logs("tests")

    async def in_registration(self, sql: str, **values: object) -> None:
        """Behind its back."""
        async with self.h.app.engine.begin() as conn:
            await conn.execute(sa.text(sql), values)


@pytest.fixture
async def pair(stack: Stack, tmp_path: Path) -> AsyncIterator[Pair]:
    async with audited(stack, tmp_path / "checkpoints") as w, harness(REGISTRATION, stack) as h:
        await Branch.opened(h)
        home = tmp_path / "home"
        (home / "environments").mkdir(parents=True)
        own = toy_processes.environment("registration", h.app.settings.database_url, "127.0.0.1:1", "perisai.")
        (home / "environments" / "registration.json").write_text(
            json.dumps({name: value for name, value in own.items() if name.startswith("PERISAI_")})
        )
        yield Pair(w, h, environment(w) | {"PERISAI_HOME": str(home)})


def told(result: Result) -> Any:
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.usefixtures("impatient")
async def test_a_log_and_its_archive_agree_and_a_cut_tail_is_named_though_the_tree_holds(pair: Pair) -> None:
    """After the last checkpoint nothing but the service's own log knows what was there."""
    records = await pair.records()
    await pair.w.keep(*records[:-3])
    await pair.w.signer.sign()
    await pair.w.signer.publish()
    await pair.w.keep(*records[-3:])
    equal = await pair.perisai("cross-check", "registration")
    assert equal.exit_code == 0, equal.output
    assert f"{len(records)} events in its log, {len(records)} archived, 0 not sent yet: equal" in equal.stdout
    await pair.w.tamper("DELETE FROM archive WHERE place >= $1", len(records) - 2)
    await pair.w.tamper("UPDATE log_head SET size = size - 2")
    assert (await pair.w.verify()).verified
    cut = await pair.perisai("cross-check", "registration", "--json")
    assert cut.exit_code == 1
    ids = [dict(record.headers)["ce_id"].decode() for record in records[-2:]]  # type: ignore[union-attr]
    assert [(one["kind"], one["event_id"]) for one in told(cut)["registration"]["named"]] == [
        ("missing_in_archive", one) for one in ids
    ]


async def test_an_event_that_was_slipped_in_and_signed_is_named(pair: Pair) -> None:
    records = await pair.records()
    await pair.w.keep(*records)
    forged = replace(
        records[0],
        headers=tuple(
            (n, str(new_id()).encode() if n == "ce_id" else b"77" if n == "ce_seq" else v)
            for n, v in records[0].headers
        ),
    )
    await pair.w.keep(forged)
    await pair.w.signer.sign()
    assert (await pair.w.verify()).verified
    result = await pair.perisai("cross-check", "registration")
    assert result.exit_code == 1
    event_id = dict(forged.headers)["ce_id"].decode()  # type: ignore[union-attr]
    assert f"missing in the log / tidak ada di log layanan: event {event_id}" in result.stdout


async def test_what_is_on_its_way_is_waited_for(pair: Pair) -> None:
    records = await pair.records()
    await pair.w.keep(*records[:-1])
    before = pair.w.h.app.counters.statements

    async def late() -> None:
        async def looked_for() -> bool:
            return pair.w.h.app.counters.statements > before

        await eventually(looked_for, within_s=300)
        await pair.w.keep(records[-1])

    environ = {**called.environment(), "PERISAI_HOME": pair.environ["PERISAI_HOME"]}
    asked = called.command("", "registration", "fed", "cross-check")
    found, _ = await asyncio.gather(
        fed(
            pair.w.h.app.engine,
            "registration",
            asked,
            environment=environ,
            shelf=pair.w.settings.shelf,
            patience_s=300,
        ),
        late(),
    )
    assert (found.outcome["equal"], found.outcome["archived"], found.size) == (True, len(records), len(records))


@pytest.mark.parametrize("key_by_key", [True, False])
async def test_a_service_is_fed_as_it_asks(pair: Pair, key_by_key: bool) -> None:
    """In the order of recording, or one key's events after another's."""
    await Branch.opened(pair.h, code="J09")
    records = await pair.records()
    await pair.w.keep(*records)
    envelopes = [Envelope.from_headers(one.headers) for one in records]
    by_key, by_id = sorted(envelopes, key=lambda e: (e.stream, e.key, e.seq)), sorted(envelopes)
    assert by_key != by_id
    found = await fed(
        pair.w.h.app.engine,
        "registration",
        [sys.executable, "-c", ECHOES, json.dumps({"feed": True, "key_by_key": key_by_key})],
        environment=called.environment(),
        shelf=pair.w.settings.shelf,
    )
    assert found.outcome["ids"] == [str(one.event_id) for one in (by_key if key_by_key else by_id)]


async def test_state_is_rebuilt_from_the_archive_and_the_outcome_recorded(pair: Pair) -> None:
    records = await pair.records()
    await pair.w.keep(*records)
    equal = await pair.perisai("replay", "registration", "--json")
    assert equal.exit_code == 0, equal.output
    assert (told(equal)["equal"], told(equal)["events"], told(equal)["log"]["equal"]) == (True, len(records), True)
    await pair.in_registration("UPDATE branches SET city = 'Serang'")
    differs = await pair.perisai("replay", "registration")
    assert differs.exit_code == 1
    ((branch_id,),) = (await _all(pair.h, "SELECT branch_id FROM branches"))[:1]
    assert f"differs / berbeda: branches {branch_id} city" in differs.stdout
    first, second = [one.event for one in await pair.w.h.events("replays")]
    assert (first.service, first.size, first.events) == ("registration", len(records), len(records))  # type: ignore[attr-defined]
    assert (first.differences, first.tables, first.discrepancies) == (0, (), 0)  # type: ignore[attr-defined]
    assert (second.differences, second.tables, second.rows) == (1, ("branches",), first.rows)  # type: ignore[attr-defined]
    assert (await pair.w.h.replay()).equal


async def test_an_outcome_counts_in_the_month_in_which_audit_lives(pair: Pair) -> None:
    """As every other event of the archive, also where an operator moved business time on."""
    await pair.w.keep(*await pair.records())
    pair.w.h.app.clock = SystemClock()
    later = datetime.now(UTC) + timedelta(days=40)
    await BusinessClock(pair.w.h.app).advance_to(later)
    assert (await pair.perisai("replay", "registration")).exit_code == 0
    (replayed,) = await pair.w.h.events("replays")
    assert replayed.envelope.occurred_at >= later


async def test_the_state_of_then_is_compared_with_what_the_log_makes_of_it(pair: Pair) -> None:
    then = pair.h.clock.wall()
    before = len(await pair.records())
    pair.h.pass_time(hours=1)
    await Branch.opened(pair.h, code="J09")
    records = await pair.records()
    await pair.w.keep(*records)
    result = await pair.perisai("replay", "registration", "--until", then.isoformat(), "--json")
    assert result.exit_code == 0, result.output
    assert (told(result)["events"], told(result)["log"]["log"], told(result)["equal"]) == (before, before, True)
    assert told(result)["rows"]["branches"] == 1
    (event,) = [one.event for one in await pair.w.h.events("replays")]
    assert event.until == then  # type: ignore[attr-defined]


async def _all(h: Harness, sql: str) -> list[Any]:
    async with h.app.read() as conn:
        return list((await conn.execute(sa.text(sql))).all())


async def test_an_archive_that_begins_late_is_told_so_by_both_and_what_it_lacks_is_named(pair: Pair) -> None:
    """What came before its first event is missing in it: named, and folded by nobody."""
    first = len(await pair.records())
    pair.h.pass_time(hours=1)
    await Branch.opened(pair.h, code="J09")
    records = await pair.records()
    await pair.w.keep(*records[first:])
    lacking = [dict(one.headers)["ce_id"].decode() for one in records[:first]]  # type: ignore[union-attr]
    for command in ("cross-check", "replay"):
        late = await pair.perisai(command, "registration")
        assert late.exit_code == 1, late.output
        assert "the archive begins late / arsip mulai terlambat: the log of registration 20" in late.stdout
        assert all(f"missing in the archive / tidak ada di arsip: event {one}" in late.stdout for one in lacking)
    found = told(await pair.perisai("cross-check", "registration", "--json"))["registration"]
    assert (found["begins_late"], found["log_begins"] < found["archive_begins"]) == (True, True)
    await pair.w.keep(*records)
    whole = await pair.perisai("cross-check", "registration", "--json")
    assert (whole.exit_code, told(whole)["registration"]["begins_late"]) == (0, False)


async def test_an_event_of_a_type_or_version_that_nobody_knows_is_named_and_the_others_are_folded(pair: Pair) -> None:
    """It is archived like any other and proved like any other; a replay says that it cannot fold it, and of which event that is."""
    records = await pair.records()
    strange = [
        replace(
            records[0],
            headers=tuple((n, new.get(n, v)) for n, v in records[0].headers),
        )
        for new in (
            {"ce_id": str(new_id()).encode(), "ce_seq": b"77", "ce_type": b"BranchSold"},
            {"ce_id": str(new_id()).encode(), "ce_seq": b"78", "ce_dataschema": b"perisai:schemas/BranchOpened/9"},
        )
    ]
    strange[0] = replace(
        strange[0],
        headers=tuple(
            (n, b"perisai:schemas/BranchSold/1" if n == "ce_dataschema" else v) for n, v in strange[0].headers
        ),
    )
    await pair.w.keep(*records, *strange)
    result = await pair.perisai("replay", "registration")
    assert result.exit_code == 1, result.output
    for one in strange:
        event_id = dict(one.headers)["ce_id"].decode()  # type: ignore[union-attr]
        assert f"could not be folded / tidak dapat diolah: event_log {event_id}" in result.stdout
        assert f"missing in the log / tidak ada di log layanan: event {event_id}" in result.stdout
    assert "only_" not in result.stdout and "differs" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["cross-check", "bank"], 1, "there is no bank"),
        (["replay", "bank"], 1, "there is no bank"),
        (["replay", "registration", "--until", "noon"], 1, "'noon' bukan waktu"),
        (
            ["replay", "registration", "--until", "2099-01-01"],
            1,
            "--until: that time has not come yet / waktu itu belum",
        ),
        (["cross-check", "registration", "--via", "false"], 2, "nothing was compared"),
        (["replay", "registration", "--via", "echo {service}"], 2, "nothing was compared"),
        (["replay", "registration", "--via", "no-such-program"], 2, "nothing was compared"),
    ],
)
async def test_what_cannot_be_asked_or_had_is_said_and_nothing_recorded(
    pair: Pair, arguments: list[str], code: int, said: str
) -> None:
    result = await pair.perisai(*arguments)
    assert (result.exit_code, said in result.output) == (code, True)
    assert await pair.w.h.events("replays") == []


@pytest.mark.parametrize("command", ["cross-check", "replay"])
async def test_a_service_whose_database_is_away_is_one_sentence(pair: Pair, command: str) -> None:
    file = Path(pair.environ["PERISAI_HOME"]) / "environments" / "registration.json"
    own = json.loads(file.read_text()) | {"PERISAI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    file.write_text(json.dumps(own))
    asked = called.command("", "registration", "fed", command)
    environ = {**called.environment(), "PERISAI_HOME": pair.environ["PERISAI_HOME"]}
    process = await asyncio.create_subprocess_exec(
        *asked,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert (
        "the database does not answer / basis data tidak menjawab" in err.decode() and "Traceback" not in err.decode()
    )
