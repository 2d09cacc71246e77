"""One warm parent of many service processes: it has imported everything once, and forks a process in the time that importing would take
forty times over. No thread, event loop or random number exists before a fork, so children share nothing but code.

Speaks JSON lines: {"name", "service", "env", "log"} on stdin starts a process; {"started": name, "pid"} and {"ended": name, "pid", "code"}
come back on stdout (code as subprocess has it: negative for a signal). It ends when stdin does, and its children with it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import sys
from typing import Any

SERVICES = ("registration", "payments", "notifications", "audit")
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Until stdin closes."""
    services = {name: importlib.import_module(f"services.{name}.app").SERVICE for name in SERVICES}
    importlib.import_module("contracts.asyncapi")
    gc.collect()
    gc.freeze()  # the pages of what was imported stay shared
    _say({"ready": os.getpid()})
    with selectors.DefaultSelector() as waiting:
        orders = open(0, "rb", buffering=0)  # noqa: SIM115 — a buffer would hide the second of two orders from select
        waiting.register(orders, selectors.EVENT_READ, None)
        while True:
            for key, _ in waiting.select():
                if key.data is not None:
                    _bury(waiting, key.fd, *key.data)
                elif not (line := orders.readline()):
                    return
                else:
                    _bear(waiting, json.loads(line), services)


def _bear(waiting: selectors.BaseSelector, order: dict[str, Any], services: dict[str, Any]) -> None:
    pid = os.fork()
    if pid == 0:
        _become(order, services[order["service"]])
    _say({"started": order["name"], "pid": pid})
    waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (order["name"], pid))


def _bury(waiting: selectors.BaseSelector, descriptor: int, name: str, pid: int) -> None:
    waiting.unregister(descriptor)
    os.close(descriptor)
    _say({"ended": name, "pid": pid, "code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])})


def _become(order: dict[str, Any], service: Any) -> None:
    """The child: a session of its own, its own environment and log; never returns."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        os.setsid()
        os.environ.clear()
        os.environ.update(order["env"])
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, target)
        os.closerange(3, 1024)
        from chassis.process import main as run
        from tests.support import movedclock

        if seconds := int(os.environ.get(movedclock.BY, "0")):
            movedclock.move(seconds)
        run(service)
        code = 0
    except SystemExit as ending:
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
