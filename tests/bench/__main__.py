"""`python -m tests.bench [--only B2] [--quick] [--report FILE]` measures and reports; `python -m tests.bench check` counts only.

Exit 0: all pass · 1: a threshold or a counter is missed · 2: no valid result.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from chassis.telemetry import configure_logs
from deploy.local.places import PROJECT
from deploy.local.trouble import Trouble
from tests.bench import registry, report, table
from tests.bench.run import Wish, run

REPORTS = PROJECT / "reports"
HISTORY = REPORTS / "bench-history.jsonl"


def main() -> int:
    wish, path = asked(sys.argv[1:])
    configure_logs("bench", "json", "error")
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    try:
        found = asyncio.run(run(wish, tell))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    history = report.read_history(HISTORY)
    report.write(found, path, HISTORY)
    print()
    print(*table.lines(found), sep="\n")
    for result in found["results"]:
        if warning := report.trend(history, result, found["host"], better=result["better"]):
            print(f"below the trend: {warning}")
    print(f"report: {path}")
    return report.EXIT_CODES[found["verdict"]]


def asked(argv: list[str]) -> tuple[Wish, Path]:
    """From the command line; B, QUICK, REPORT, BROKERS and SEED of the environment stand for what is not said."""
    environ = os.environ
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("what", nargs="?", choices=["run", "check"], default="run")
    parser.add_argument("--only", default=environ.get("B", ""), help="one benchmark or several, by comma: B2,B3")
    parser.add_argument("--quick", action="store_true", default=environ.get("QUICK", "") not in ("", "0"))
    parser.add_argument("--report", type=Path, default=environ.get("REPORT") or None)
    parser.add_argument("--brokers", choices=["1", "3"], default=environ.get("BROKERS") or "1")
    parser.add_argument("--seed", type=int, default=int(environ.get("SEED") or 1))
    said = parser.parse_args(argv)
    names = [name.strip().upper() for name in said.only.split(",") if name.strip()] or [*registry.ALL]
    if unknown := set(names) - set(registry.ALL):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(registry.ALL)}")
    check = said.what == "check"
    wish = Wish(
        benchmarks=[] if check else names,
        counters=check or not said.only,
        quick=said.quick,
        three_brokers=said.brokers == "3",
        seed=said.seed,
    )
    name = f"bench-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    return wish, (said.report or REPORTS / name).absolute()


if __name__ == "__main__":
    sys.exit(main())
