"""A child that ends unasked ends everything, with one sentence that names it; a child that is asked to end just ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from deploy.local.console import readable
from deploy.local.process import Process, Program
from deploy.local.trouble import Trouble

POLL_S = 0.1
TOLD_LINES = 12

Check = Callable[[], Awaitable[bool]]


class Supervisor:
    """Starts programs, keeps their output in `logs`/<name>.log, knows which of them may end, and stops them in reverse order."""

    def __init__(self, logs: Path, *, tell: Callable[[str], None], echo: Callable[[str, str], None]) -> None:
        self.processes: dict[str, Process] = {}
        self.tell = tell
        self._logs = logs
        self._echo = echo
        self._asked: set[str] = set()
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._crash: asyncio.Future[Trouble] = asyncio.get_running_loop().create_future()

    async def start(self, program: Program, *, ready: Check | None = None, within_s: float = 60) -> Process:
        """Starts a program and, with `ready`, waits until it is; Trouble if it ends before or takes longer than `within_s`."""
        self._logs.mkdir(parents=True, exist_ok=True)
        process = Process(program, self._logs / f"{program.name}.log", self._echo)
        self._asked.discard(program.name)
        began = time.monotonic()
        await process.start()
        self.processes[program.name] = process
        if ready:
            await self._until_ready(process, ready, within_s)
            self.tell(f"{program.name} ready after {time.monotonic() - began:.1f} s (pid {process.pid})")
        self._watchers[program.name] = asyncio.create_task(self._watch(process), name=f"watch {program.name}")
        return process

    async def run(self, program: Program) -> None:
        """Runs a program to its end (a migration); Trouble if it fails."""
        self._logs.mkdir(parents=True, exist_ok=True)
        process = Process(program, self._logs / f"{program.name}.log", self._echo)
        await process.start()
        self.processes[program.name] = process
        if await process.wait():
            raise self._ended(process)

    async def run_all(self, programs: Sequence[Program]) -> None:
        """Runs programs side by side to their ends."""
        await asyncio.gather(*(self.run(program) for program in programs))

    async def stop(self, name: str) -> None:
        """Stops one process in order; it is not a crash."""
        self._asked.add(name)
        await self.processes[name].stop()

    async def kill(self, name: str) -> None:
        """`kill -9`; it is not a crash, since it was asked for."""
        self._asked.add(name)
        await self.processes[name].kill()

    async def stop_all(self) -> None:
        """Stops everything that runs, the last started first; what was started together is stopped one by one all the same."""
        self._asked.update(self.processes)
        for name in reversed(self.processes):
            await self.processes[name].stop()
        for watcher in self._watchers.values():
            watcher.cancel()

    async def crashed(self) -> Trouble:
        """Waits for the first process that ends unasked, and tells of it."""
        return await asyncio.shield(self._crash)

    async def _watch(self, process: Process) -> None:
        await process.wait()
        if process.program.name not in self._asked and not self._crash.done():
            self._crash.set_result(self._ended(process))

    async def _until_ready(self, process: Process, ready: Check, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not await ready():
            if not process.running:
                await process.wait()
                raise self._ended(process)
            if time.monotonic() > deadline:
                raise Trouble(
                    f"{process.program.name} is not ready after {within_s:.0f} s; its log is {process.log}.",
                    tail=self._tail(process),
                )
            await asyncio.sleep(POLL_S)

    def _ended(self, process: Process) -> Trouble:
        code = process.returncode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return Trouble(
            f"{process.program.name} {how}; its log is {process.log}, and these are its last lines:",
            tail=self._tail(process),
        )

    def _tail(self, process: Process) -> tuple[str, ...]:
        return tuple(readable(line) for line in process.last_lines)[-TOLD_LINES:]
