"""Every port of the stack is on 127.0.0.1, free when it is chosen, and the same again at the next start if still free."""

import random
import socket
import time
from collections.abc import Iterable, Mapping

from deploy.local.trouble import Trouble

HOST = "127.0.0.1"
# Below the range from which the kernel takes ports of outgoing connections: a client that retries against a stopped
# server inside that range can be given the server's own port and connect to itself.
CHOICE = range(20_000, 30_000)
LETTING_GO_S = 2.0


def is_free(port: int) -> bool:
    """True if a server could bind the port now; connections in TIME_WAIT do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int, *, timeout_s: float = 1.0) -> bool:
    """True if something accepts a connection there."""
    try:
        with socket.create_connection((HOST, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def choose(names: Iterable[str], *, previous: Mapping[str, int], demanded: Mapping[str, str]) -> dict[str, int]:
    """One port per name: the demanded one (`REGISTRATION_PORT=8001`), else the previous one if free, else any free one.

    `demanded` is an environment; raises Trouble if a demanded port is no port or is taken.
    """
    chosen: dict[str, int] = {}
    patience_ends = time.monotonic() + LETTING_GO_S
    candidates = iter(random.sample(CHOICE, len(CHOICE)))
    for name in names:
        variable = f"{name.upper().replace('-', '_')}_PORT"
        if demanded.get(variable):
            chosen[name] = _demanded(variable, demanded[variable])
        elif (
            previous.get(name)
            and previous[name] not in chosen.values()
            and _lets_go(previous[name], until=patience_ends)
        ):
            chosen[name] = previous[name]
        else:
            chosen[name] = next(port for port in candidates if port not in chosen.values() and is_free(port))
    return chosen


def _lets_go(port: int, *, until: float) -> bool:
    """Whether a port known from the last start is free, or is so before `until` (monotonic): the last threads of a process that
    was just killed hold its ports a moment longer than the process seems to live."""
    while not is_free(port):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _demanded(variable: str, value: str) -> int:
    if not value.isdigit() or not 0 < int(value) < 65_536:
        raise Trouble(f"{variable}={value} is not a port number; give one between 1 and 65535.")
    if not is_free(int(value)):
        raise Trouble(
            f"Port {value} ({variable}) is taken by another program; free it, or unset {variable} to have one chosen."
        )
    return int(value)
