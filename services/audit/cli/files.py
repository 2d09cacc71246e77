"""`perisai audit verify --from-cold`: cold months from their files alone, on a machine that has nothing else of ours."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Never

import typer

from chassis.settings import PREFIX
from services.audit.cli.opened import UNANSWERED, refuse, settings
from services.audit.cli.told import finding_line, notes_of, progress
from services.audit.cold.judging import Judged, judge_all
from services.audit.cold.shelf import Shelf
from services.audit.domain.notes import BadNote, NoteKey
from services.audit.domain.verifying import Finding, kept_outside


def run(folder: Path, key: str, kept: Sequence[Path], *, as_json: bool) -> Never:
    """Judges them, says what was found and ends the command. `kept`: checkpoints kept outside, or folders with them and the published tiles."""
    known = _key(key)
    outside, findings = kept_outside(known, [text for path in kept for text in notes_of(path)])
    shelf = Shelf(folder)
    if not shelf.months():
        refuse(f"--from-cold: {folder} has no cold months / tidak ada bulan dingin")
    with progress("verified") as tell:
        judged = judge_all(shelf, known, [path for path in kept if path.is_dir()], tell, {*outside})
    findings += judged.findings
    beyond = sorted({one.size for one in outside} - judged.compared)
    if as_json:
        told = {"log": known.name, "verified": not findings, "findings": [one._asdict() for one in findings]}
        cold = {month: [*span] for month, span in judged.spans.items()}
        print(json.dumps({**told, "cold": cold, "not_compared": beyond}))
    else:
        print("\n".join([*map(finding_line, findings), *_not_compared(beyond), _sum(known, judged, findings)]))
    raise typer.Exit(UNANSWERED if findings else 0)


def _key(text: str) -> NoteKey:
    if not text and not os.environ.get(PREFIX + "AUDIT_SIGNING_KEY"):
        refuse("--key: name the log's public key, as `perisai audit key` shows it / sebutkan kunci publik log")
    if not text:
        return settings().public_key
    try:
        return NoteKey.parse(text)
    except BadNote as error:
        refuse(f"--key: no key of a log / bukan kunci log: {error}")


def _not_compared(sizes: Sequence[int]) -> list[str]:
    """Kept checkpoints of sizes that do not follow from the files: the log was larger then than they are, or a month is not there or not whole."""
    if not sizes:
        return []
    span = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} … {sizes[-1]}"
    return [
        f"{len(sizes)} kept checkpoints, of {span} leaves, are beyond what these files tell: not compared / di luar berkas ini: tidak dibandingkan"
    ]


def _sum(key: NoteKey, judged: Judged, findings: Sequence[Finding]) -> str:
    spans = ", ".join(f"{month} ({span.start} to {span.end - 1})" for month, span in judged.spans.items())
    events = sum(span.end - span.start for span in judged.spans.values())
    said = f"NOT VERIFIED / TIDAK TERVERIFIKASI, {len(findings)} findings" if findings else "verified / terverifikasi"
    return f"{key.name}: {events} events in cold months {spans}: {said}"
