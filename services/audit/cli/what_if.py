"""`perisai audit what-if`: a month's incentives or contributions under other rules, recomputed by payments from the archive. Nothing is recorded."""

from __future__ import annotations

import json
import sys
import tomllib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from chassis.console import show_table
from services.audit.cli.called import Via, command, environment, past, played
from services.audit.cli.opened import UNANSWERED, AsJson, database, month_of, refuse, settings
from services.audit.feeding import QuestionRefused, fed
from services.audit.settings import Settings

SERVICE = "payments"
MOST_BYTES = 64 * 1024
"""Of a file of rules: it goes to payments as one argument of a command."""


class Subject(StrEnum):
    INCENTIVES = "incentives"
    CONTRIBUTIONS = "contributions"


Month = Annotated[str, typer.Option(metavar="YYYY-MM", help="the incentive month, or the month that was paid for")]
Rules = Annotated[
    Path,
    typer.Option(
        metavar="FILE", help="TOML: a table per parameter, with the values alone that differ from those in force"
    ),
]
Until = Annotated[str, typer.Option(metavar="TIME", help="as known then (WIB unless it says); default: now")]
Everybody = Annotated[bool, typer.Option("--everybody", help="those too whose sum would be the same")]


def ask(
    subject: Subject,
    month: Month,
    rules: Rules,
    until: Until = "",
    everybody: Everybody = False,
    via: Via = "",
    as_json: AsJson = False,
) -> None:
    """What a month would have come to under other rules, and for whom. Exit code 1: it cannot be asked so; 2: no answer could be had."""
    own, asked = settings(), [subject.value, "--month", str(month_of(month)), "--rules", _given(rules)]
    upto = past(until)
    asked += ["--until", upto.isoformat()] if upto else []
    asked += ["--everybody"] if everybody else []
    try:
        rows, outcome = played(_told(own, command(via, SERVICE, "what-if", *asked), upto))
    except QuestionRefused as refused:
        _refused(refused.errors, as_json=as_json)
    if as_json:
        print(json.dumps({"subject": subject, "month": month, "rows": rows, **outcome}))
        return
    _show(subject, month, rows, outcome)


async def _told(own: Settings, asked: Sequence[str], until: datetime | None) -> tuple[list[Any], dict[str, Any]]:
    rows: list[Any] = []
    async with database(own.database_url) as engine:
        found = await fed(
            engine, SERVICE, asked, environment=environment(), shelf=own.shelf, until=until, rows=rows.extend
        )
    return rows, found.outcome


def _given(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"--rules: {file} cannot be read / tidak dapat dibaca ({type(error).__name__})")
    if len(text.encode()) > MOST_BYTES:
        refuse(f"--rules: {file} is over {MOST_BYTES} bytes / melebihi {MOST_BYTES} bita")
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        refuse(f"--rules: {file} is no TOML / bukan TOML: {error}")
    return urlsafe_b64encode(json.dumps(given, default=str).encode()).decode()


def _refused(errors: Sequence[Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"refused": [*errors]}))
    for one in errors:
        print(f"audit: {one['field']}: {one['messages']['en']} / {one['messages']['id']}", file=sys.stderr)
    raise typer.Exit(UNANSWERED)


def _show(subject: Subject, month: str, rows: Sequence[Any], outcome: dict[str, Any]) -> None:
    table = Table("who", "id", "rules", "was", "would be", "difference", title=f"{subject} {month}, rupiah")
    for one in rows:
        sums = (f"{one[name]:,}" for name in ("was", "would", "difference"))
        table.add_row(one["role"], one["id"], one["rules"]["would"], *sums)
    for role, total in outcome["totals"].items():
        sums = (f"{total[name]:,}" for name in ("was", "would", "difference"))
        table.add_row(
            f"all: {role}", f"{total['different']} of {total['count']} differ / berbeda", "", *sums, style="bold"
        )
    show_table(table)
    for role, total in outcome["totals"].items():
        if total["unstated"]:
            print(
                f"{role}: {total['unstated']} are not as stated; what came since is in no statement yet / belum dinyatakan"
            )
    for changed in outcome["rules"]:
        for name, value in changed["values"].items():
            print(f"{changed['version']} {name}: {_short(value['was'])} -> {_short(value['would'])}")
    for kind in outcome["unmet"]:
        print(f"{kind}: nobody stands under it in this month / tidak berlaku bagi siapa pun pada bulan ini")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
