"""Two checkouts never meet, and two supervisors never share a folder: a lock while one runs, a state file that tells who and where.

A state file is believed only when its process lives (the same one: pid and start time) and one of its ports answers.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.ports import answers
from deploy.local.trouble import Trouble


@dataclass(frozen=True)
class Ident:
    """A process that cannot be mistaken for another one that got its number later."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Ident":
        return cls(pid, _started(pid))

    @property
    def alive(self) -> bool:
        return bool(self.started) and _started(self.pid) == self.started


@dataclass
class State:
    """What `.perisai/state.json` holds."""

    supervisor: Ident | None = None
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, Ident] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)  # addresses and versions, for people and tests

    @property
    def running(self) -> bool:
        """The supervisor lives and something of it answers."""
        return (
            self.supervisor is not None and self.supervisor.alive and any(answers(port) for port in self.ports.values())
        )


class StateFile:
    """`state.json` of one folder, written as a whole, and the lock that its supervisor holds."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"
        self._lock_path = folder / "lock"
        self._lock: int | None = None

    def read(self) -> State:
        """The last state; an unreadable or absent file is an empty state, since everything in it can be found anew."""
        try:
            raw = json.loads(self.path.read_text(encoding="utf-8"))
            return State(
                supervisor=Ident(**raw["supervisor"]) if raw["supervisor"] else None,
                ports=raw["ports"],
                processes={name: Ident(**ident) for name, ident in raw["processes"].items()},
                facts=raw["facts"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return State()

    def write(self, state: State) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(asdict(state), indent=1, sort_keys=True), encoding="utf-8")
        os.replace(new, self.path)

    def acquire(self) -> None:
        """Takes the folder for this process until it ends; Trouble if another has it."""
        self._lock = os.open(self._lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            self._lock = None
            owner = self.read().supervisor
            who = f" (pid {owner.pid})" if owner else ""
            raise Trouble(
                f"Perisai already runs from {self.path.parent}{who}; see it with `make status`, end it with `make stop`."
            ) from error

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def taken(self) -> bool:
        """True if some living supervisor holds the folder."""
        try:
            self.acquire()
        except Trouble:
            return True
        self.release()
        return False


def end_leftovers(state: State) -> list[str]:
    """Kills what a dead supervisor left running and returns the names; processes that merely got an old number are left alone."""
    left = {name: ident for name, ident in state.processes.items() if ident.alive}
    for ident in left.values():
        _signal_group(ident.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(ident.alive for ident in left.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return sorted(left)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _started(pid: int) -> str:
    """When the process started; empty if there is none, or only its remains."""
    if not Path("/proc/self/stat").exists():
        return _started_by_ps(pid)
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if after_name[0] in "ZX" else after_name[19]


def _started_by_ps(pid: int) -> str:
    done = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started
