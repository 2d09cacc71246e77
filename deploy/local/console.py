"""Lines of many processes on one terminal: whose each is stands in front of it, in that process's own colour."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
WIDTH = 13
OURS = "perisai"
# In front of the line already, or too long for a terminal: the log files have all of it.
SHOWN_ELSEWHERE = frozenset({"event", "level", "timestamp", "service", "logger", "correlation_id"})


class Console:
    """Prints prefixed lines. Structured log lines (JSON) are turned into `level event key=value`; coloured on a terminal only."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        self._out = out or sys.stdout
        self._quiet = quiet
        self._colour = self._out.isatty() and not os.environ.get("NO_COLOR")
        self._colours: dict[str, int] = {}

    def tell(self, text: str) -> None:
        """A line of the supervisor itself; shown even when quiet."""
        self._print(OURS, text)

    def echo(self, name: str, line: str) -> None:
        """A line of a child's output."""
        if not self._quiet:
            self._print(name, readable(line))

    def page(self, text: str) -> None:
        """Something to read, without prefixes."""
        self._write(f"\n{text}\n")

    def _print(self, name: str, text: str) -> None:
        prefix = f"{name:<{WIDTH}}"
        if self._colour:
            code = 1 if name == OURS else self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{code}m{prefix}\x1b[0m"
        self._write(f"{prefix} {text}")

    def _write(self, text: str) -> None:
        # The terminal or the reader of a pipe may have gone; stopping in order goes on, and the log files have it all.
        with suppress(OSError):
            print(text, file=self._out, flush=True)


def readable(line: str) -> str:
    """A JSON log line in the words a person scans for; any other line as it is."""
    if not line.startswith("{"):
        return line
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return line
    level = str(entry.get("level", "")).upper()
    rest = " ".join(
        f"{key}={value}" for key, value in entry.items() if key not in SHOWN_ELSEWHERE and value is not None
    )
    return " ".join(part for part in (level if level != "INFO" else "", str(entry.get("event", "")), rest) if part)
