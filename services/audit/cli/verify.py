"""`perisai audit verify`: everything is computed anew, and every record that is not what was signed is named."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import memory
from services.audit.cli import files
from services.audit.cli.opened import UNANSWERED, AsJson, database, refuse, settings
from services.audit.cli.told import finding_line, notes_of, progress
from services.audit.domain.notes import BadNote, NoteKey
from services.audit.queries.log import size_of
from services.audit.settings import Settings
from services.audit.verification.parts import Judge
from services.audit.verification.resuming import OtherFile, Resumable
from services.audit.verification.run import Outcome, here, verify
from services.audit.verification.workers import WorkerLost, workers

BROKEN_OFF = 130
WORTH_PROCESSES = 65_536
"""Events: fewer are judged in less time than a process takes to start."""
BESIDE_THE_TREE = (
    "not under the tree, so not judged: which records carried an event (partition, offset, times, repeats)"
    " / tidak di bawah pohon, jadi tidak dinilai: rekaman mana yang membawa kejadian"
)
Kept = Annotated[
    list[Path] | None,
    typer.Option(help="a checkpoint that somebody kept outside, or a folder of them; may be repeated"),
]
Key = Annotated[str, typer.Option(help="the log's public key as you know it; default: that of the settings")]
Resume = Annotated[
    Path | None, typer.Option(help="write down here what is judged; broken off, the same command goes on from there")
]
FromCold = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="the cold months of this folder alone: needs no database and no settings, but --key"
    ),
]
Workers = Annotated[int, typer.Option(min=0, help="processes side by side; 0: one per processor")]


def run(
    kept: Kept = None,
    key: Key = "",
    resume: Resume = None,
    processes: Workers = 0,
    from_cold: FromCold = None,
    as_json: AsJson = False,
) -> None:
    """Compute the whole log anew, cold months with it; exit code 1 and every record and file named when anything is not what was signed."""
    if from_cold is not None:
        files.run(from_cold, key, kept or [], as_json=as_json)
    own = settings()
    known, others = _key(key, own), [note for path in kept or () for note in notes_of(path)]
    try:
        outcome = asyncio.run(_verified(own, known, others, resume, processes or os.cpu_count() or 1))
    except KeyboardInterrupt:
        print("\naudit: broken off, nothing is said of the rest / dihentikan", file=sys.stderr)
        raise typer.Exit(BROKEN_OFF) from None
    if as_json:
        print(json.dumps(outcome.as_json()))
    else:
        for finding in outcome.findings:
            print(finding_line(finding))
        print(BESIDE_THE_TREE)
        print(_sum(outcome))
    raise typer.Exit(0 if outcome.verified else UNANSWERED)


async def _verified(own: Settings, key: NoteKey, kept: list[str], resume: Path | None, processes: int) -> Outcome:
    memory.settle()
    async with database(own.database_url, connections=processes + 1) as engine, _judge(engine, own, processes) as by:
        with _resumable(resume, key.name, by) as judge, progress("verified") as tell:
            try:
                return await verify(
                    engine, key, own.audit_folder, kept=kept, by=judge, shelf=own.shelf, at_once=processes, tell=tell
                )
            except WorkerLost as error:
                refuse(f"{error}: nothing is said of the rest / proses berhenti")


@contextlib.asynccontextmanager
async def _judge(engine: AsyncEngine, own: Settings, processes: int) -> AsyncIterator[Judge]:
    async with engine.connect() as conn:
        size = await size_of(conn)
    if processes == 1 or size < WORTH_PROCESSES:
        yield here(engine, own.audit_folder, own.shelf)
        return
    async with workers(processes) as judge:
        yield judge


@contextlib.contextmanager
def _resumable(file: Path | None, log: str, by: Judge) -> Iterator[Judge]:
    """Takes the file away when the verification came to its end."""
    if file is None:
        yield by
        return
    try:
        resumable = Resumable(file, log, by)
    except OtherFile as error:
        refuse(f"--resume: {error}")
    except OSError as error:
        refuse(f"--resume: {file} cannot be written / tidak dapat ditulis ({error.strerror})")
    with resumable:
        yield resumable.judge
        resumable.finished()


def _key(text: str, own: Settings) -> NoteKey:
    try:
        key = NoteKey.parse(text) if text else own.public_key
    except BadNote as error:
        refuse(f"--key: no key of a log / bukan kunci log: {error}")
    if key.name != own.audit_log:
        refuse(f"--key: it is the key of {key.name}, and this is {own.audit_log} / kunci log lain")
    return key


def _sum(outcome: Outcome) -> str:
    proved = f"{outcome.log}: {outcome.events} events under {outcome.checkpoints} checkpoints"
    since = f"{outcome.unsigned} archived since the last one" if outcome.unsigned else "nothing archived since"
    since += f", {len(outcome.cold)} cold months" if outcome.cold else ""
    if outcome.verified:
        return f"{proved}, {since}: verified / terverifikasi"
    if not outcome.findings:
        return f"{proved}, {since}: nothing to verify yet / belum ada yang dapat diverifikasi"
    return f"{proved}, {since}: NOT VERIFIED / TIDAK TERVERIFIKASI, {len(outcome.findings)} findings"
