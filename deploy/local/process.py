"""A child never outlives its parent, whatever ends the parent.

Each child is the leader of its own session (Ctrl-C at the terminal reaches the supervisor alone, which then stops its children in
order) and asks the kernel for a signal when the parent dies, so even a killed supervisor leaves nothing behind.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.trouble import Trouble

PR_SET_PDEATHSIG = 1
KEPT_LINES = 25
LINE_LIMIT = 1 << 20


@dataclass(frozen=True)
class User:
    """An account of the operating system to drop to."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """What to run, and how it likes to be ended."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL  # sent by the kernel if the supervisor is gone
    stop_within_s: float = 20.0


@dataclass
class Process:
    """One running child: its output goes line by line to `log` and to `echo`; the last lines stay at hand."""

    program: Program
    log: Path
    echo: Callable[[str, str], None]
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    _child: asyncio.subprocess.Process | None = None
    _pump: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None, "started first"
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        return self._child.returncode if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.returncode is None

    async def start(self) -> None:
        """Starts the program; Trouble if it cannot be executed."""
        program, user = self.program, self.program.user
        try:
            self._child = await asyncio.create_subprocess_exec(
                *program.argv,
                cwd=program.cwd,
                env=dict(program.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=LINE_LIMIT,
                start_new_session=True,
                preexec_fn=_ends_with_parent(program.death_signal),
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
        except OSError as error:
            raise Trouble(f"{program.name} could not be started: {error}.") from error
        self._pump = asyncio.create_task(self._read(), name=f"output of {program.name}")

    async def wait(self) -> int:
        """The exit code, once all of its output has been read."""
        assert self._child is not None and self._pump is not None, "started first"
        code = await self._child.wait()
        await asyncio.wait({self._pump}, timeout=2)  # a grandchild may hold the pipe open
        return code

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process, if it still runs."""
        if self.running:
            os.kill(self.pid, number)

    async def stop(self) -> None:
        """Asks it to stop, and kills it with its whole group if it does not in time."""
        if not self.running:
            return
        self.send(self.program.stop_signal)
        try:
            async with asyncio.timeout(self.program.stop_within_s):
                await self.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """`kill -9` to the whole process group."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):  # it ended just now, and we have not heard of it yet
                os.killpg(self.pid, signal.SIGKILL)
            await self.wait()

    async def _read(self) -> None:
        assert self._child is not None and self._child.stdout is not None
        with self.log.open("ab", buffering=0) as log:
            while line := await _line(self._child.stdout):
                log.write(line)
                text = line.decode("utf-8", "replace").rstrip()
                self.last_lines.append(text)
                self.echo(self.program.name, text)


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # longer than the limit: what was read is gone, the stream goes on
        return b"(a line of more than 1 MiB was dropped)\n"


def _ends_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """A hook that runs in the child after it has dropped its privileges, just before it becomes the program."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return ask_the_kernel
