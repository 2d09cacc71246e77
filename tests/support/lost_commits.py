"""PostgreSQL's wire, read from the client's side, to end a connection just after a COMMIT was sent: nobody knows whether it holds.

Only commits of transactions that sent a statement with a given text are hit (the writer of events, not the relay's leases). Of those hit, some
reach the server and hold, and some are lost on the way: the client sees the same.

lost = LostCommits(touching=EVENTS, times=5)
async with link("127.0.0.1:5432", watch=lost.watch): ...
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field

from tests.support.proxy import Verdict

EVENTS = 'COPY "event_log"'
"""How the event log is appended to."""
_PROTOCOL_3 = 3


@dataclass
class LostCommits:
    """`times` commits are hit, then no more; `every`: each n-th that could be. `held`, `lost`: what became of them at the server."""

    touching: str
    times: int
    every: int = 1
    seed: int = 7
    held: int = 0
    lost: int = 0
    seen: int = 0
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    @property
    def fired(self) -> int:
        return self.held + self.lost

    def watch(self) -> _Wire:
        """The reader of one connection."""
        return _Wire(self)

    def strike(self) -> bool | None:
        """Asked at each commit in question: None lets it be, True lets it reach the server, False does not."""
        self.seen += 1
        if self.fired >= self.times or self.seen % self.every:
            return None
        reaches = self._chance.random() < 0.5
        self.held += reaches
        self.lost += not reaches
        return reaches


class _Wire:
    """The frontend messages of one connection: start-up without a type byte, then type, length, body."""

    def __init__(self, plan: LostCommits) -> None:
        self._plan = plan
        self._rest = b""
        self._started = self._touched = False
        self._statements: dict[bytes, bytes] = {}
        self._bound: dict[bytes, bytes] = {}

    def requests(self, data: bytes) -> Verdict:
        """Everything up to the first commit that is struck goes on; the rest of that connection does not matter."""
        self._rest += data
        out = b""
        while message := self._message():
            if self._is_commit(message) and self._touched:
                self._touched = False
                reaches = self._plan.strike()
                if reaches is not None:
                    return Verdict(out + message, "heard") if reaches else Verdict(out, "lost")
            out += message
        return Verdict(out)

    def _message(self) -> bytes:
        """The next whole message, taken off the rest; empty if there is none yet."""
        head = 1 if self._started else 0
        if len(self._rest) < head + 4:
            return b""
        (length,) = struct.unpack_from("!i", self._rest, head)
        if len(self._rest) < head + length:
            return b""
        message, self._rest = self._rest[: head + length], self._rest[head + length :]
        if not self._started and struct.unpack_from("!h", message, 4) == (_PROTOCOL_3,):
            self._started = True  # before it there may be requests for encryption, which the server declines
        return message

    def _is_commit(self, message: bytes) -> bool:
        """True for a message that commits; notes on the way what the transaction touches."""
        kind, body = message[:1], message[5:]
        if not self._started:
            return False
        if kind == b"Q":
            return self._runs(body.rstrip(b"\0"))
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._statements[name] = text
        elif kind == b"B":
            portal, name, _ = body.split(b"\0", 2)
            self._bound[portal] = self._statements.get(name, b"")
        elif kind == b"E":
            return self._runs(self._bound.get(body.split(b"\0", 1)[0], b""))
        return False

    def _runs(self, text: bytes) -> bool:
        first = text.lstrip().upper()
        if first.startswith((b"BEGIN", b"START", b"ROLLBACK")):
            self._touched = False
        if self._plan.touching.encode() in text:
            self._touched = True
        return first.startswith((b"COMMIT", b"END"))
