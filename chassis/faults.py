"""Named crash points. `point` does nothing unless FAULT_AT names it, which start-up allows in the test environment only.

FAULT_AT=`name` or `name:detail` · FAULT_HIT=n, the n-th pass (1) · FAULT_ACTION=kill|term|stop (kill) · FAULT_LOG=file that gets a line
"fired <FAULT_AT> <pid>", synced, before the process acts on itself: a fault that left no line did not happen.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

_ACTIONS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}


@dataclass
class _Fault:
    at: str
    left: int
    action: signal.Signals
    log: str


_armed: _Fault | None = None


def arm(environ: Mapping[str, str] = os.environ) -> None:
    """Reads what the environment wants broken; once on import, and again in a process that was forked with another environment."""
    global _armed
    at = environ.get("FAULT_AT", "")
    hit, action = int(environ.get("FAULT_HIT", "1")), _ACTIONS[environ.get("FAULT_ACTION", "kill")]
    _armed = _Fault(at, hit, action, environ.get("FAULT_LOG", "")) if at else None


def point(name: str, detail: str = "") -> None:
    """Marks a step between two effects. `detail` tells apart passes of the same step: a topic, a use case, a route."""
    if _armed is not None and _armed.at in (name, f"{name}:{detail}"):
        _pass(_armed)


def _pass(fault: _Fault) -> None:
    fault.left -= 1
    if fault.left:
        return
    if fault.log:
        descriptor = os.open(fault.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, f"fired {fault.at} {os.getpid()}\n".encode())
        os.fsync(descriptor)
        os.close(descriptor)
    os.kill(os.getpid(), fault.action)


arm()
