"""Named crash points. `point` does nothing unless FAULT_AT names it, which start-up allows in the test environment only."""

from __future__ import annotations

import os
import signal

FAULT_AT = os.environ.get("FAULT_AT", "")
_ACTIONS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}
_passes = 0


def point(name: str, detail: str = "") -> None:
    """Marks a step between two effects. FAULT_AT=`name` or `name:detail`, FAULT_HIT=n (n-th pass), FAULT_ACTION=kill|term|stop."""
    if not FAULT_AT or FAULT_AT not in (name, f"{name}:{detail}"):
        return
    global _passes
    _passes += 1
    if _passes != int(os.environ.get("FAULT_HIT", "1")):
        return
    if path := os.environ.get("FAULT_LOG"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, f"fired {FAULT_AT} {os.getpid()}\n".encode())
        os.fsync(descriptor)
        os.close(descriptor)
    os.kill(os.getpid(), _ACTIONS[os.environ.get("FAULT_ACTION", "kill")])
