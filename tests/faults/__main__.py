"""`make faults`: the cells of a tier, one cell, or some parts; a report, a table, and an exit code that tells the verdict.

0: all pass · 1: a violation, or a broken build that was not caught · 2: a fault that did not fire, or a check that could not run.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from pathlib import Path
from typing import NoReturn

import tests.faults.environment  # noqa: F401 — enters its cells into the catalogue
from chassis.telemetry import configure_logs
from deploy.local.trouble import Trouble
from tests.faults import spent, terminal
from tests.faults.broken import catalogue
from tests.faults.broken.__main__ import told
from tests.faults.broken.run import prove
from tests.faults.grounds import Grounds
from tests.faults.lane import Lane
from tests.faults.proofs import play_proofs
from tests.faults.report import Run

PARTS = ("crash", "env", "random", "proofs", "broken")
SMOKE = "smoke"
"""A part of its own: one round and a few kills, in every test run."""
DEFAULT_SEED = 7


def main() -> None:
    """The command."""
    asked = _arguments()
    configure_logs("faults")
    for library in ("aiokafka", "asyncio"):  # brokers that are killed on purpose are no news
        logging.getLogger(library).setLevel(logging.CRITICAL)
    run = Run("single" if asked.cell else asked.tier, asked.seed)
    began = time.monotonic()
    try:
        asyncio.run(_cells(run, asked) if asked.cell else _parts(run, asked))
    except Trouble as trouble:
        _cannot(trouble.told())
    path = run.write(asked.report)
    print(f"\n{terminal.table(run, time.monotonic() - began)}\n{spent.told()}\nreport: {os.path.relpath(path)}")
    sys.exit(run.exit_code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make faults", description="Faults under load, and the proof that nothing is lost."
    )
    parser.add_argument("--tier", choices=("test", "long"), default="test")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--cell", help="cells by their ids, e.g. crash.P4.kill,env.F1.payments, story.S8, random.kill")
    parser.add_argument("--parts", default="", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--brokers", type=int, choices=(1, 3), default=1, help="under crash points and random kills (default: 1)"
    )
    parser.add_argument(
        "--patience", type=float, default=1.0, help="multiplies recovery budgets where the machine is shared"
    )
    parser.add_argument("--kills", type=int, help="random kills, instead of the tier's number")
    parser.add_argument("--report", type=Path, help="where the report goes (default: reports/faults-<run id>.json)")
    return parser.parse_args()


def _cannot(text: str) -> NoReturn:
    """What was asked for could not be run; 1 would say that a promise was broken."""
    print(text, file=sys.stderr)
    sys.exit(2)


def tell(text: str) -> None:
    """Progress, with the time."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


async def _parts(run: Run, asked: argparse.Namespace) -> None:
    """Estates first and alone, because recovery is measured on them; then proofs, then broken builds."""
    parts = [part for part in asked.parts.split(",") if part] or [*PARTS]
    if unknown := set(parts) - {*PARTS, SMOKE}:
        _cannot(f"make faults: there is no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    await _estates(run, parts, asked)
    await _apart(run, parts, asked)


async def _estates(run: Run, parts: list[str], asked: argparse.Namespace) -> None:
    if not {"crash", "env", "random", SMOKE} & {*parts}:
        return
    async with Grounds(seed=asked.seed, tier=asked.tier, tell=tell) as grounds:
        lane = Lane(grounds, tier=asked.tier, tell=tell, patience=asked.patience, brokers=asked.brokers)
        try:
            if SMOKE in parts:
                await lane.smoke()
            if "crash" in parts:
                await lane.crash()
            if "env" in parts:
                for brokers in (1, 3) if asked.tier == "long" else (1,):
                    await lane.environment(brokers)
            if "random" in parts:
                await lane.kills(asked.kills)
        finally:
            run.results += lane.results
            run.stack, run.brokers, run.standby = grounds.stack, grounds.most_brokers, grounds.standby


async def _apart(run: Run, parts: list[str], asked: argparse.Namespace) -> None:
    unbroken: frozenset[str] = frozenset()
    if "proofs" in parts:
        with spent.spending("proofs"):
            proved = await play_proofs(tier=asked.tier, seed=asked.seed, cell=None, workers=2, tell=tell)
        run.results += proved.results
        if (asked.tier, asked.seed) == (catalogue.TIER, DEFAULT_SEED):  # as the checks themselves are run
            unbroken = proved.passed
    if "broken" in parts:
        builds = [build for build in catalogue.read().values() if build.test or asked.tier == "long"]
        with spent.spending("broken builds"):
            found = await asyncio.to_thread(
                prove, builds, patience=asked.patience, unbroken=unbroken, tell=lambda one: tell(told(one))
            )
        run.broken += [one.as_json() for one in found]


async def _cells(run: Run, asked: argparse.Namespace) -> None:
    """One cell or several, wherever they are at home."""
    proofs: list[str] = []
    async with Grounds(seed=run.seed, tier=asked.tier, tell=tell) as grounds:
        lane = Lane(grounds, tier=asked.tier, tell=tell, patience=asked.patience, brokers=asked.brokers)
        for cell in asked.cell.split(","):
            if await lane.single(cell, asked.kills):
                continue
            if cell.partition(".")[0] not in ("story", "threat", "input", "model", "stepped"):
                _cannot(f"make faults: there is no cell {cell}")
            proofs.append(cell)
        run.results, run.stack = lane.results, grounds.stack
        run.brokers, run.standby = grounds.most_brokers, grounds.standby
    for cell in proofs:
        proved = await play_proofs(tier=asked.tier, seed=run.seed, cell=cell, workers=1, tell=tell)
        run.results += proved.results


if __name__ == "__main__":
    main()
