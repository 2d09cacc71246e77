"""`python -m deploy.local run | demo | bad-day | status | stop | clean`: the commands behind the Makefile."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

from deploy.local import commands
from deploy.local.trouble import Trouble

INTERRUPTED = 130


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="Perisai on this machine.")
    parser.add_argument("action", choices=["run", "demo", "bad-day", "status", "stop", "clean"])
    parser.add_argument("--report", type=Path, default=Path("demo.json"), help="where a play writes what it found")
    parser.add_argument("--json", action="store_true", help="`status` and `bad-day` for machines")
    parser.add_argument("--payments", type=int, default=20_000, help="of the bad day")
    parser.add_argument("--seed", type=int, default=7, help="of the bad day: what goes wrong with whom")
    options = parser.parse_args()
    try:
        match options.action:
            case "run":
                sys.exit(_interruptible(commands.run()))
            case "demo":
                sys.exit(_interruptible(commands.demo(options.report)))
            case "bad-day":
                played = commands.bad_day(options.payments, options.seed, options.report, as_json=options.json)
                sys.exit(_interruptible(played))
            case "status":
                sys.exit(asyncio.run(commands.status(as_json=options.json)))
            case "stop":
                commands.stop()
            case "clean":
                commands.clean()
    except Trouble as trouble:
        sys.exit(trouble.told())


def _interruptible(work: Coroutine[None, None, int]) -> int:
    """Runs it; Ctrl-C, SIGTERM and a closed terminal cancel it, so that everything is stopped in order before this returns."""

    async def guarded() -> int:
        task = asyncio.ensure_future(work)
        once = iter([task.cancel])  # a second Ctrl-C must not cut the stopping short
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, lambda: next(once, lambda: False)())
        try:
            return await task
        except asyncio.CancelledError:
            return INTERRUPTED

    return asyncio.run(guarded())


if __name__ == "__main__":
    main()
