"""`python -m tests.bench.profile B1 [--quick]`: where the CPU of the services goes while one benchmark's numerator runs once.

Writes reports/profile-B1.svg (and one per further process), the raw stacks beside it, and prints a table per process. Exit 1 when a
function of ours takes more than ten per cent by itself. Processes of the benchmark's own are started by the profiler, which any account
may do; those of the estate are attached to, which needs root or a kernel that allows it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import os
import signal
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chassis.telemetry import configure_logs
from deploy.local import places
from deploy.local.places import PROJECT
from deploy.local.trouble import Trouble
from tests.bench import registry, service_process, stacks
from tests.bench.ground import Ground, open_ground
from tests.bench.report import Findings
from tests.bench.rounds import Measure, Pair, Side, Spec
from tests.support.estate import SERVICES

REPORTS = PROJECT / "reports"
RATE = 200
PY_SPY = Path(sysconfig.get_path("scripts")) / "py-spy"
PTRACE = Path("/proc/sys/kernel/yama/ptrace_scope")
STOPS_WITHIN_S = 60.0


class Enough(Exception):
    """The numerator has run once; a profile needs no more."""


class Profiler:
    """Raw stacks of every process that works for the numerator, one file each: `<folder>/<name>.raw`."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._ground, self.folder = ground, folder
        self._started = 0

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Meanwhile new processes start under the profiler, and those of the estate that run are attached to."""
        service_process.profile_with(self._under)
        attached = [await self._attach(name, pid) for name, pid in self._estate().items()]
        try:
            yield
        finally:
            service_process.profile_with(lambda service: ())
            for child in attached:
                await _ended(child)

    def _under(self, service: str) -> Sequence[str]:
        self._started += 1
        return (*self._record(f"{service}-{self._started}"), "--")

    def _estate(self) -> Mapping[str, int]:
        estate = self._ground.estate
        return {name: estate.pid(name) for name in estate.names if estate.running(name)}

    async def _attach(self, name: str, pid: int) -> asyncio.subprocess.Process:
        if os.geteuid() != 0 and PTRACE.exists() and PTRACE.read_text().strip() != "0":
            raise Trouble(f"{name} may not be attached to: {PTRACE} is not 0. Run as root, or profile B2, B3 or B10.")
        return await asyncio.create_subprocess_exec(
            *self._record(name),
            "--pid",
            str(pid),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    def _record(self, name: str) -> Sequence[str]:
        form = ("--format", "raw", "--function", "--full-filenames")
        return (str(PY_SPY), "record", "--rate", str(RATE), *form, "--output", str(self.folder / f"{name}.raw"))


async def _ended(child: asyncio.subprocess.Process) -> None:
    """It writes its file on SIGINT, or when what it watched is gone."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    await asyncio.wait_for(child.wait(), STOPS_WITHIN_S)


async def profiled(benchmark: str, *, quick: bool, seed: int, folder: Path) -> Side:
    """Runs the numerator once on a ground of its own. Raises Trouble when there is no such benchmark yet."""
    run = registry.find(benchmark)
    if isinstance(run, str):
        raise Trouble(f"{benchmark} cannot be profiled: {run}.")
    module = importlib.import_module(f"tests.bench.{registry.MODULES[benchmark]}")
    seen: list[Side] = []
    async with open_ground(folder / "stack", quick=quick, seed=seed, tell=_tell) as ground:
        profiler = Profiler(ground, folder)
        _hook(module, profiler, seen)
        with contextlib.suppress(Enough):
            await run(ground, Findings())
    if not seen:
        raise Trouble(f"{benchmark} ran without a numerator of its own; nothing was profiled.")
    return seen[0]


def _tell(text: str) -> None:
    print(text, flush=True)


def _hook(module: Any, profiler: Profiler, seen: list[Side]) -> None:
    """Instead of rounds, the module gets the first numerator under the profiler, and no more."""

    async def ratio(
        spec: Spec, numerator: Measure, _: Measure, *, prepare: Callable[[], Awaitable[None]] | None = None, **__: Any
    ) -> None:
        if prepare is not None:
            await prepare()
        async with profiler.at_work():
            seen.append(await numerator(1))
        raise Enough

    async def paired(spec: Spec, play: Pair, **_: Any) -> None:
        async with profiler.at_work():
            seen.append((await play(1))[0])
        raise Enough

    for name, hook in (("ratio", ratio), ("paired", paired)):
        if hasattr(module, name):
            setattr(module, name, hook)


def told(benchmark: str, folder: Path, reports: Path) -> int:
    """Writes the pictures and prints the tables, busiest process first; how many functions of ours take too much."""
    reports.mkdir(exist_ok=True)
    found = {file.stem: stacks.Profile.of([file]) for file in sorted(folder.glob("*.raw"))}
    ours = {name: profile for name, profile in found.items() if name.startswith(SERVICES) and profile.samples}
    too_much = 0
    for place, (name, profile) in enumerate(sorted(ours.items(), key=lambda one: -one[1].samples)):
        picture = reports / f"profile-{benchmark}{'' if place == 0 else f'-{name}'}.svg"
        picture.write_text(stacks.svg(profile, f"{benchmark} {name}"), encoding="utf-8")
        picture.with_suffix(".raw").write_text((folder / f"{name}.raw").read_text(encoding="utf-8"), encoding="utf-8")
        print(f"\n{name}: {picture.relative_to(PROJECT)}", *stacks.table(profile), sep="\n")
        for share in profile.too_much() if place == 0 else ():
            too_much += 1
            print(f"more than {stacks.MOST_OF_ONE:.0f} % by itself: {share.function} {share.self_pct:.1f} %")
    return too_much


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profile")
    parser.add_argument("benchmark", nargs="?", type=str.upper, default="B1", choices=[*registry.MODULES])
    parser.add_argument("--quick", action="store_true", default=os.environ.get("QUICK", "") not in ("", "0"))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or 1))
    said = parser.parse_args()
    configure_logs("bench", "json", "error")
    folder = Path(tempfile.mkdtemp(prefix="perisai-profile-", dir="/var/tmp" if Path("/var/tmp").is_dir() else None))
    folder.chmod(0o755)  # as root PostgreSQL runs as another user, which must pass through
    try:
        side = asyncio.run(profiled(said.benchmark, quick=said.quick, seed=said.seed, folder=folder))
        print(f"{said.benchmark} under the profiler: {side.value:,.0f} {side.what}; its checks: {dict(side.checks)}")
        return 1 if told(said.benchmark, folder, REPORTS) else 0
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    finally:
        places.remove(folder)


if __name__ == "__main__":
    sys.exit(main())
