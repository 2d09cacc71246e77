"""`perisai`: what operators see and do. Talks to the services' operator routes; a service's own commands run in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from chassis import cli as chassis_cli
from chassis.clock import SystemClock
from chassis.console import show_table
from chassis.ids import new_id
from chassis.moments import moment
from deploy import account, account_page, copies, copy_page, settlement
from deploy.asking import address, ask, token
from deploy.local import places, qr, sandbox
from deploy.local.stack import SERVICES

WITHOUT_SETTINGS = {"payments": {"check-signature", "conformance", "sandbox", "qr"}, "audit": {"as-of"}}
"""Commands that go through its doors alone: for a bank's team, who hold no settings of ours, and for a look."""
FROM_FILES = "--from-cold"
"""A command with it may have nothing but files: on a machine of somebody who doubts."""
AsJson = Annotated[bool, typer.Option("--json", help="for machines")]

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Perisai for operators.")
parked = typer.Typer(no_args_is_help=True, help="Keys whose events wait.")
clock = typer.Typer(no_args_is_help=True, help="Business time, outside production.")
cli.add_typer(parked, name="parked")
cli.add_typer(clock, name="clock")
cli.add_typer(settlement.commands(lambda: address("payments"), lambda: token()), name="settlement")


def main() -> None:
    """The console script. `perisai SERVICE …` loads that service's commands under its own settings."""
    if len(sys.argv) > 1 and sys.argv[1] in SERVICES:
        _service(sys.argv[1])(args=sys.argv[2:], prog_name=f"perisai {sys.argv[1]}")
        return
    for name in SERVICES:
        cli.add_typer(typer.Typer(help=f"Commands of {name}, under its own role."), name=name)
    cli()


def _readers(facts: dict[str, Any]) -> str:
    """Those that do not run, with what they say; a blown fuse stands here."""
    idle = {topic: state for topic, state in facts["consumers"].items() if state != "running"}
    return "\n".join(f"{topic}: {state}" for topic, state in idle.items()) or "running"


def _lag(facts: dict[str, Any]) -> str:
    kafka = facts["kafka"]
    return "\n".join(f"{topic}: {n}" for topic, n in kafka["lag"].items()) if kafka["reachable"] else "Kafka is away"


def _attention(facts: dict[str, Any]) -> str:
    """What waits for a person; `docs/operations.md` says who sees which ones."""
    return "\n".join(f"{concern}: {n}" for concern, n in facts["attention"].items() if n) or "nothing"


STATUS_ROWS: dict[str, Callable[[dict[str, Any]], object]] = {
    "events": lambda facts: facts["events"],
    "unpublished": lambda facts: facts["unpublished"],
    "oldest unpublished": lambda facts: f"{facts['oldest_unpublished_s']:.1f} s",
    "relay": lambda facts: facts["relay"],
    "readers": _readers,
    "lag by topic": _lag,
    "parked keys": lambda facts: facts["parked_keys"],
    "waits for a person": _attention,
    "dead letters (all)": lambda facts: facts["kafka"].get("dead_letters", "Kafka is away"),
    "business time": lambda facts: str(facts["business_time"])[:19],
}


@cli.command()
def status(as_json: AsJson = False) -> None:
    """Lag, oldest unpublished event, parked keys and dead letters of every service."""
    found = {name: ask("GET", name, "/ops/status") for name in SERVICES}
    if as_json:
        print(json.dumps(found))
        return
    table = Table("", *SERVICES)
    for name, read in STATUS_ROWS.items():
        table.add_row(name, *(str(read(facts)) for facts in found.values()))
    show_table(table)


@parked.command("list")
def list_parked(as_json: AsJson = False) -> None:
    """Every key that waits: for what, since when, how often tried."""
    found = [{"service": name, **key} for name in SERVICES for key in ask("GET", name, "/ops/parked")]
    if as_json:
        print(json.dumps(found))
        return
    for key in found:
        reason = key["reason"] + (f": {key['detail']}" if key["detail"] else "")
        print(f"{key['service']} {key['stream']} {key['key']}")
        print(f"    {reason}; since {str(key['parked_at'])[:19]}, tried {key['attempts']} times;", end=" ")
        print(f"applied up to seq {key['applied_seq']}, {key['events']} events wait")
    if not found:
        print("no key is parked")


@parked.command("retry")
def retry_parked(
    service: str,
    stream: Annotated[str, typer.Argument()] = "",
    key: Annotated[str, typer.Argument()] = "",
    as_json: AsJson = False,
) -> None:
    """Try one parked key now; without STREAM and KEY, every key of the service that does not wait for another event."""
    if bool(stream) != bool(key):
        sys.exit("give STREAM and KEY of one key, or neither for all")
    path = f"/ops/parked/{quote(stream)}/{quote(key, safe='')}/retry" if key else "/ops/parked/retry"
    answer = ask("POST", service, path)
    what = f"{stream} {key} is" if key else f"{answer['keys']} keys are"
    print(json.dumps(answer) if as_json else f"{service}: {what} being tried; see `perisai parked list`")


@clock.command("show")
def show_clock(as_json: AsJson = False) -> None:
    """Business time of every service."""
    found = {name: ask("GET", name, "/ops/status")["business_time"] for name in SERVICES}
    print(json.dumps(found) if as_json else "\n".join(f"{name:<14} {at}" for name, at in found.items()))


@clock.command("advance")
def advance_clock(at: datetime, as_json: AsJson = False) -> None:
    """Move business time of every service forward to AT (WIB when it names no offset)."""
    from contracts.values import WIB

    moment = (at if at.tzinfo else at.replace(tzinfo=WIB)).isoformat()
    pair = {"at": moment, "as_of": SystemClock().wall().isoformat()}
    found = {name: ask("POST", name, "/ops/clock", pair)["business_time"] for name in SERVICES}
    print(json.dumps(found) if as_json else f"business time is {moment} in {', '.join(found)}")


def as_of(
    at: Annotated[str, typer.Argument(help="a time of the wall clock, ISO 8601; WIB when it names no offset")],
    participant: Annotated[str, typer.Option(help="id of a participant")] = "",
    agent: Annotated[str, typer.Option(help="id of an agent")] = "",
    wadah: Annotated[str, typer.Option(help="id of a Wadah")] = "",
    bill: Annotated[str, typer.Option(help="id of a bill")] = "",
    html: Annotated[Path | None, typer.Option(help="write a page for a hearing here")] = None,
    as_json: AsJson = False,
) -> None:
    """What was known of one participant, agent, Wadah or bill at a moment, and which events led to it: by whom, under which rules."""
    named = {"participant": participant, "agent": agent, "wadah": wadah, "bill": bill}
    subjects = [(subject, id_) for subject, id_ in named.items() if id_]
    if len(subjects) != 1:
        sys.exit("sebut salah satu dari / name one of --participant, --agent, --wadah, --bill")
    path = account.path_of(*subjects[0], moment(at))
    found = ask("GET", "audit", path, role="auditor")
    answers = {
        service: ask("POST", service, "/ops/as-of", wanted, role="auditor", nothing="nothing_known")
        for service, wanted in account.questions(found).items()
    }
    told = account.told(found, answers)
    if html is not None:
        _write(html, account_page.page(told))
    print(json.dumps(told.as_json()) if as_json else account.as_text(told))


@cli.command("export")
def export(
    participant: Annotated[str, typer.Argument(help="id of the participant")],
    into: Annotated[Path, typer.Option(help="folder of the two files")] = Path(),
    given: Annotated[bool, typer.Option("--given", help="the person has the copy: only note that")] = False,
    as_json: AsJson = False,
) -> None:
    """A copy of everything held about a person, as JSON and as a page, gathered from every service. For an officer of the person's branch."""
    as_officer = partial(ask, role="officer", scope=_branch_of(participant))
    path = f"/participants/{quote(participant, safe='')}/export"
    if given:
        noted = as_officer("POST", "registration", f"{path}/given", headers=_once())
        print(json.dumps(noted) if as_json else "dicatat sebagai sudah diberikan / noted as given")
        return
    asked = as_officer("POST", "registration", path, headers=_once())
    parts = {one: as_officer("GET", one, path, nothing="not_found") for one in copies.SERVICES}
    copy = copies.put_together(asked, parts, SystemClock().wall())
    files = {suffix: into / f"salinan-{asked['export_id']}.{suffix}" for suffix in ("json", "html")}
    try:
        copies.write(files["json"], copies.as_json(copy))
        copies.write(files["html"], copy_page.page(copy))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}; tidak ditulis / not written")
    told = {**asked, "files": {suffix: str(file) for suffix, file in files.items()}}
    print(json.dumps(told) if as_json else _copied(told))


def _copied(told: dict[str, Any]) -> str:
    """What was written, and what is left to do."""
    return (
        f"{' '.join(told['files'].values())}\n"
        f"berikan kepada orangnya sebelum {told['due_by']}, catat dengan --given, lalu hapus kedua berkas\n"
        f"give it to the person before {told['due_by']}, note it with --given, then delete both files"
    )


def _once() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


def _branch_of(participant: str) -> dict[str, str]:
    """The scope of an officer who may ask: beside `make run` the participant's branch. Nothing where a token is given, which has its own."""
    if os.environ.get("PERISAI_TOKEN"):
        return {}
    found = ask("GET", "registration", f"/participants/{quote(participant, safe='')}", role="auditor")
    return {"branch_id": found["branch_id"]}


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        sys.exit(f"--html: {file} tidak dapat ditulis / cannot be written ({error.strerror})")


def _service(name: str) -> typer.Typer:
    """The commands of one service, with its settings from the environment or from the running local stack."""
    if "PERISAI_DATABASE_URL" not in os.environ and not {*sys.argv[2:3]} & WITHOUT_SETTINGS.get(name, set()):
        file = places.home() / "environments" / f"{name}.json"
        if file.exists():
            os.environ.update(json.loads(file.read_text()))
        elif not any(word.startswith(FROM_FILES) for word in sys.argv):
            sys.exit(
                f"set PERISAI_DATABASE_URL and the other settings of {name}, or start the local stack with `make run`"
            )
    commands: typer.Typer = importlib.import_module(f"services.{name}.cli").app
    if name == "payments":
        commands.command("sandbox")(sandbox.make)
        commands.command("qr")(qr.show)
    every = chassis_cli.extend(commands, importlib.import_module(f"services.{name}.app").SERVICE)
    if name == "audit":
        every.command("as-of")(as_of)  # of everybody, in place of its own keys alone
    return every


if __name__ == "__main__":
    main()
