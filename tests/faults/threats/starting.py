"""Starts services as `python -m services.<name>` does, one after another, each in a process of its own that was forked after the
imports: `python -m tests.faults.threats.starting` reads cases from standard input and prints what became of them, both as JSON.

A case: {"service", "environ", "patience_s", "until"}. A result: {"code", "output"}; code null: it was running still after the patience,
or had said the words of `until`, and was killed.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO, Any

import services.notifications.app
import services.payments.app
import services.registration.app  # noqa: F401  (imported before the forks, so each start costs a tenth)


def main() -> None:
    print(json.dumps([_start(case) for case in json.load(sys.stdin)]))


def _start(case: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if not child:
            _become(case, output.fileno())
        code = _waited_for(child, case["patience_s"], lambda: bool(case["until"]) and case["until"] in _said(output))
        return {"code": code, "output": _said(output)}


def _said(output: IO[bytes]) -> str:
    """Read by position: the child writes through the same open file."""
    return os.pread(output.fileno(), 1_000_000, 0).decode(errors="replace")


def _become(case: dict[str, Any], output: int) -> None:
    """The service itself; never returns."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(case["environ"])
    code = 1
    try:
        runpy.run_module(f"services.{case['service']}", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ending:
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)
        code = ending.code if isinstance(ending.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _waited_for(child: int, patience_s: float, done: Callable[[], bool]) -> int | None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and not done():
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    main()
