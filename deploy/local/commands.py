"""What the Makefile's targets do. Each ends with an exit code; what goes wrong is one sentence (Trouble)."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.local import dev, outreach_day, places, programs
from deploy.local.bad_day import play as day
from deploy.local.bad_day import sheet
from deploy.local.console import Console
from deploy.local.kafka import cluster
from deploy.local.outreach import history
from deploy.local.stack import OUTSIDE, SERVICES, LocalStack
from deploy.local.state import State, StateFile, end_leftovers
from deploy.local.trouble import Trouble

STOP_WITHIN_S = 90
ON_THE_BAD_DAY = tuple(name for name in SERVICES if name != "audit")
"""Its books are the bank's, the ledger and the reconciliation; an archive beside them would only take their time."""


async def run() -> int:
    """Everything up, the outreach day played, then up until a signal or a crash."""
    console = Console()
    home = places.home()
    async with _everything(home, os.environ, console) as stack:
        console.tell(f"everything is up after {stack.start_seconds:.1f} s; logs are in {home / 'logs'}")
        await stack.unless_crashed(_play(stack, console))
        console.page(addresses(stack))
        try:
            await stack.until_crash()
        except asyncio.CancelledError:
            console.tell("stopping everything")
    console.tell("all is stopped; the data stays, `make run` continues on it")
    return 0


async def _play(stack: LocalStack, console: Console) -> None:
    """Plays the day and shows its table. A day that cannot be summed up is told, and the stack stays up to be looked at."""
    try:
        report = await outreach_day.play(stack, console.tell)
    except Trouble as trouble:
        console.tell(f"the day could not be played to its end: {trouble.told()}")
        console.tell("everything stays up: look with `.venv/bin/perisai status` and `.venv/bin/perisai parked list`")
    else:
        console.page(outreach_day.table(report))


async def demo(report: Path) -> int:
    """The outreach day in a throw-away folder on free ports; writes `report` and gives 0 only if all of it adds up."""
    console = Console(quiet=True)
    async with _throw_away(console) as stack:
        began = time.monotonic()
        found = await stack.unless_crashed(outreach_day.play(stack, console.tell))
        seconds = {"setup": _setup_seconds(), "start": stack.start_seconds, "play": time.monotonic() - began}
        await stack.forget_given_servers()
        found |= {"stack": stack.names(), "seconds": {name: round(value, 1) for name, value in seconds.items()}}
        report.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        console.page(outreach_day.table(found))
        if wrong := outreach_day.differences(found):
            raise Trouble(f"The outreach day does not add up; {report} has all counts:", tail=tuple(wrong))
    console.tell(f"all adds up; the report is {report}")
    return 0


async def bad_day(payments: int, seed: int, report: Path, *, as_json: bool) -> int:
    """A bank's bad day of so many payments in a throw-away folder; 0 only if the bank's books, our ledger and the reconciliation agree."""
    console = Console(sys.stderr if as_json else None, quiet=True)
    async with _throw_away(console, ON_THE_BAD_DAY) as stack:
        found = await stack.unless_crashed(day.play(stack, payments, seed, console.tell))
        await stack.forget_given_servers()
        found |= {"stack": stack.names()}
        report.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        if as_json:
            print(json.dumps(found))
        else:
            console.page(sheet.table(found))
        if found["differences"]:
            raise Trouble(f"The books do not agree; {report} has all figures:", tail=tuple(found["differences"]))
    console.tell(f"every rupiah is accounted for; the report is {report}")
    return 0


@contextlib.asynccontextmanager
async def _throw_away(console: Console, services: Sequence[str] = SERVICES) -> AsyncIterator[LocalStack]:
    """Everything in a folder of its own on free ports. The folder is deleted at the end, unless something failed: then it is named."""
    folder = Path(tempfile.mkdtemp(prefix="perisai-demo-"))
    folder.chmod(0o711)  # as root PostgreSQL runs as another user, which must pass through
    try:
        async with _everything(folder, _of_its_own(os.environ), console, services) as stack:
            yield stack
    except Exception:
        console.tell(f"the logs of this run are kept in {folder / 'logs'}")
        raise
    except asyncio.CancelledError:
        places.remove(folder)
        raise
    places.remove(folder)


async def status(*, as_json: bool) -> int:
    """Prints each process, whether it lives, whether it is ready, and where it is."""
    state = StateFile(places.home()).read()
    rows = {name: await _row(state, name) for name in sorted({*state.processes, *_addresses(state)})}
    if as_json:
        print(json.dumps({"running": state.running, "facts": state.facts, "processes": rows}, indent=2))
    elif state.running:
        for name, row in rows.items():
            print(f"{name:<14} {row['state']:<10} pid {row['pid'] or '-':<8} {row['address']}")
    else:
        left = [name for name, row in rows.items() if row["state"] != "gone"]
        print(
            f"Perisai is not running; {', '.join(left)} left over: `make stop` ends them."
            if left
            else "Perisai is not running."
        )
    return 0


def stop() -> None:
    """Ends the supervisor in order, or what a dead one left behind; Trouble if it does not end."""
    state = StateFile(places.home()).read()
    if state.supervisor and state.supervisor.alive:
        os.kill(state.supervisor.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN_S
        while state.supervisor.alive:
            if time.monotonic() > deadline:
                raise Trouble(
                    f"The supervisor (pid {state.supervisor.pid}) has not ended after {STOP_WITHIN_S} s; see {places.home() / 'logs'}."
                )
            time.sleep(0.1)
        print("Perisai is stopped; its data stays.")
    elif ended := end_leftovers(state):
        print(f"The supervisor was gone; ended what it had left: {', '.join(ended)}.")
    else:
        print("Perisai is not running.")


def clean() -> None:
    """Stops everything of this checkout and deletes its data; downloads stay."""
    home = places.home()
    stop()
    dev.down(home / "dev")
    for place in home.iterdir() if home.exists() else ():
        if place == places.cache():
            continue
        if place.is_dir():
            places.remove(place)
        else:
            place.unlink()
    print(f"All data in {home} is deleted; downloads are kept.")


def addresses(stack: LocalStack) -> str:
    """The page that a person needs once everything is up."""
    lines = [f"{name:<14} {stack.url(name)}/docs   {stack.url(name)}/asyncapi" for name in stack.services]
    lines += [
        f"{'messages':<14} {stack.url('gateway')}/   what was sent, on the messaging gateway's page",
        f"{'bank':<14} {stack.url('bank')}/books   what it took and handed on",
        f"{'acquirer':<14} {stack.url('acquirer')}/books   QR codes that wallets paid; `.venv/bin/perisai payments qr --pay` pays one",
        f"{'issuer':<14} {stack.url('issuer')}/.well-known/openid-configuration",
        f"{'kafka':<14} {stack.kafka.bootstrap}   {stack.kafka.about}",
        f"{'postgres':<14} {stack.postgres.admin_url}   PostgreSQL {stack.postgres.version}",
        "",
        "`make status` in another terminal tells what runs; `.venv/bin/perisai status` how far behind it is. Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _everything(
    folder: Path, environ: Mapping[str, str], console: Console, services: Sequence[str] = SERVICES
) -> LocalStack:
    return LocalStack(
        folder,
        services=services,
        outside=OUTSIDE,
        environ=environ,
        business_time=history.BEGINS,
        brokers=_brokers(environ),
        tell=console.tell,
        echo=console.echo,
    )


def _brokers(environ: Mapping[str, str]) -> int:
    """BROKERS: one, or a cluster of three."""
    given = environ.get("BROKERS") or "1"
    if not given.isdigit() or int(given) not in cluster.SIZES:
        raise Trouble(f"BROKERS={given} is neither 1 nor 3.")
    return int(given)


def _of_its_own(environ: "os._Environ[str]") -> dict[str, str]:
    """The environment without demanded ports and, on given servers, with names that nobody else has."""
    own = {name: value for name, value in environ.items() if not name.endswith("_PORT")}
    mark = f"demo{os.urandom(4).hex()}"
    return own | {"PERISAI_DATABASE_PREFIX": f"{mark}_", "PERISAI_TOPIC_PREFIX": f"{mark}."}


def _setup_seconds() -> float:
    """How long `make setup` last took, as it wrote down itself; 0 if it was never needed."""
    file = places.PROJECT / ".venv" / "setup-seconds"
    return float(file.read_text()) if file.exists() else 0.0


def _addresses(state: State) -> dict[str, str]:
    return {name: url for name, url in state.facts.items() if str(url).startswith("http://")}


async def _row(state: State, name: str) -> dict[str, Any]:
    ident, address = state.processes.get(name), _addresses(state).get(name, "")
    alive = ident is not None and ident.alive
    ready = alive and (not address or await programs.answers_ready(address)())
    return {
        "state": "ready" if ready else "not ready" if alive else "gone",
        "pid": ident.pid if ident and alive else None,
        "address": address,
    }
