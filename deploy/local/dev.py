"""Kafka and PostgreSQL alone, in the background: `python -m deploy.local.dev up | down | env | serve`.

`up` returns when both answer; `env` prints what a shell wants (`eval "$(python -m deploy.local.dev env)"`), after which the tests and
`make run` use them. `serve` is the process behind `up`; with `--until-exit-of PID` it ends with that process.
"""

import argparse
import asyncio
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.local import places
from deploy.local.console import Console
from deploy.local.stack import LocalStack
from deploy.local.state import Ident, StateFile
from deploy.local.trouble import Trouble

EXPORTED = ("KAFKA_BOOTSTRAP", "DATABASE_URL")
PATIENCE_S = 180  # a first start downloads Kafka


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local.dev", description="Kafka and PostgreSQL in the background."
    )
    parser.add_argument("action", choices=["up", "down", "env", "serve"])
    parser.add_argument("--folder", type=Path, default=places.home() / "dev")
    parser.add_argument("--until-exit-of", type=int, metavar="PID")
    options = parser.parse_args()
    try:
        match options.action:
            case "up":
                up(options.folder)
                print_environment(options.folder)
            case "down":
                down(options.folder)
            case "env":
                print_environment(options.folder)
            case "serve":
                asyncio.run(serve(options.folder, options.until_exit_of))
    except Trouble as trouble:
        sys.exit(trouble.told())


def up(folder: Path, *, until_exit_of: int | None = None) -> dict[str, str]:
    """Starts the two servers if they do not run and returns their facts; Trouble if they do not come up."""
    folder.mkdir(parents=True, exist_ok=True)
    state_file, log = StateFile(folder), folder / "serve.log"
    if not (state_file.read().running and state_file.taken):
        argv = [sys.executable, "-m", "deploy.local.dev", "serve", "--folder", str(folder)]
        argv += ["--until-exit-of", str(until_exit_of)] if until_exit_of else []
        environment = {name: value for name, value in os.environ.items() if name not in EXPORTED}
        with log.open("wb") as out:
            server = subprocess.Popen(
                argv,
                cwd=places.PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        _await_facts(state_file, server, log)
    return state_file.read().facts


def _await_facts(state_file: StateFile, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ((state := state_file.read()).facts and state.supervisor and state.supervisor.pid == server.pid):
        if server.poll() is not None or time.monotonic() > deadline:
            lines = tuple(log.read_text(errors="replace").splitlines()[-15:])
            raise Trouble(f"Kafka and PostgreSQL did not come up in {log.parent}.", tail=lines)
        time.sleep(0.1)


def down(folder: Path) -> None:
    """Stops them and waits until they are gone; nothing happens if none run."""
    supervisor = StateFile(folder).read().supervisor
    if supervisor and supervisor.alive:
        os.kill(supervisor.pid, signal.SIGTERM)
        while supervisor.alive:
            time.sleep(0.05)


def print_environment(folder: Path) -> None:
    facts = StateFile(folder).read().facts
    if not facts:
        raise Trouble(f"Nothing runs in {folder}; start it with `python -m deploy.local.dev up`.")
    for name in EXPORTED:
        print(f"export {name}={shlex.quote(facts[name])}")


async def serve(folder: Path, until_exit_of: int | None) -> None:
    """Runs the two servers until a signal, a crash, or the end of the process that wanted them."""
    console = Console()
    this = asyncio.current_task()
    assert this is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, this.cancel)
    demanded = {name: value for name, value in os.environ.items() if name.endswith("_PORT")}
    try:
        async with LocalStack(folder, environ=demanded, tell=console.tell, echo=console.echo) as stack:
            waits = [asyncio.create_task(stack.until_crash())]
            waits += [asyncio.create_task(_end_of(until_exit_of))] if until_exit_of else []
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
    except asyncio.CancelledError:
        pass


async def _end_of(pid: int) -> None:
    process = Ident.of(pid)
    while process.alive:
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    main()
